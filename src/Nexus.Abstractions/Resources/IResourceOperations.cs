using System.Collections.Immutable;

namespace Nexus;

/// <summary>The one pipeline through which every surface and every repository reaches resources: permission, validation, limits, rules, storage, events. Thread-safe.</summary>
public interface IResourceOperations
{
    /// <summary>Reads one record; null when there is none that the caller may see.</summary>
    ValueTask<StoredRecord?> FindAsync(ResourceCall call, string id, CancellationToken cancellationToken);

    /// <summary>Reads a page of records that the caller may see.</summary>
    ValueTask<RecordPage> ListAsync(ResourceCall call, ResourceQuery query, CancellationToken cancellationToken);

    /// <summary>Carries out changes. Atomic: all in one commit or none. Otherwise each on its own, in order, with its own result; acknowledged means durable.</summary>
    ValueTask<ImmutableArray<ChangeResult>> ChangeAsync(ResourceCall call, ImmutableArray<ResourceChange> changes, bool atomic, CancellationToken cancellationToken);

    /// <summary>Carries out a tool that a plugin declares: permission, validation as of an action's input, the plugin's code under its lease within the tool's time limit.</summary>
    /// <param name="plugin">The active plugin that declares it.</param>
    /// <param name="tool">The tool.</param>
    /// <param name="context">Caller, tenant, correlation.</param>
    /// <param name="input">UTF-8 JSON.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>UTF-8 JSON.</returns>
    ValueTask<ReadOnlyMemory<byte>> RunAsync(ActivePlugin plugin, ToolDescriptor tool, CallContext context, ReadOnlyMemory<byte> input, CancellationToken cancellationToken);
}

/// <summary>Who asks what of which resource.</summary>
/// <param name="Plugin">The active plugin that declares it; its lease is entered for hooks.</param>
/// <param name="Resource">The resource.</param>
/// <param name="Context">Caller, tenant, correlation.</param>
public sealed record ResourceCall(ActivePlugin Plugin, ResourceDescriptor Resource, CallContext Context)
{
    /// <summary>Idempotency key and fingerprint of the request, stored in the same commit as the change; null when there is none.</summary>
    public IdempotentRequest? Idempotency { get; init; }
}

/// <summary>An <c>Idempotency-Key</c> with what it was sent for.</summary>
/// <param name="Key">1 to 200 visible ASCII characters, unique per tenant and caller.</param>
/// <param name="Fingerprint">SHA-256 over method, path and body, hex.</param>
public sealed record IdempotentRequest(string Key, string Fingerprint);

/// <summary>A list request.</summary>
public sealed record ResourceQuery
{
    /// <summary>Filter, or null for all.</summary>
    public Filter? Filter { get; init; }

    /// <summary>Sort keys; ties are broken by id.</summary>
    public ImmutableArray<SortKey> Sort { get; init; } = [];

    /// <summary>Full-text query over the search fields, or null.</summary>
    public string? Search { get; init; }

    /// <summary>Greatest number of records, 1 to 1000.</summary>
    public int Limit { get; init; } = 50;

    /// <summary>Opaque cursor of an earlier page, or null for the first.</summary>
    public string? Cursor { get; init; }

    /// <summary>Records to pass over (for page numbers); a cursor is cheaper and stable.</summary>
    public int Offset { get; init; }

    /// <summary>Also count all matches.</summary>
    public bool Count { get; init; }
}

/// <summary>One key of a sort.</summary>
/// <param name="Field">Field name or dotted path.</param>
/// <param name="Descending">Greatest first.</param>
/// <param name="Decimal">The field holds exact decimals as text, which are ordered by their number; what is no decimal comes with the nulls.</param>
public readonly record struct SortKey(string Field, bool Descending = false, bool Decimal = false);

/// <summary>Kinds of changes.</summary>
public enum ChangeKind
{
    /// <summary>A new record.</summary>
    Create,

    /// <summary>All fields anew.</summary>
    Replace,

    /// <summary>JSON Merge Patch (RFC 7396).</summary>
    Merge,

    /// <summary>Remove it.</summary>
    Delete,

    /// <summary>A declared action.</summary>
    Action,
}

/// <summary>One asked change.</summary>
public sealed record ResourceChange
{
    /// <summary>What is asked.</summary>
    public required ChangeKind Kind { get; init; }

    /// <summary>The record; on create an id chosen by the caller (UUID) or null.</summary>
    public string? Id { get; init; }

    /// <summary>The record, patch or action input as UTF-8 JSON.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Revision that the record must have (<c>If-Match</c>), or null.</summary>
    public long? ExpectedRevision { get; init; }

    /// <summary>Name of the action.</summary>
    public string? Action { get; init; }
}

/// <summary>What became of one change.</summary>
/// <param name="Id">The record.</param>
/// <param name="Record">The record after; null after a delete or an error.</param>
/// <param name="Error">Why it was refused; null when it was done.</param>
/// <param name="Replayed">The stored answer of an earlier request with the same idempotency key.</param>
public sealed record ChangeResult(string? Id, StoredRecord? Record, NexusException? Error = null, bool Replayed = false);
