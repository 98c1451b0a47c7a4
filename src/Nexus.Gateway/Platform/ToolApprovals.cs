using System.Buffers;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Gateway.Platform;

/// <summary>A call of a tool that changes something, put before a person.</summary>
internal sealed record ToolApproval
{
    public const string Asked = "waiting", Approved = "approved", Denied = "denied", Used = "used";

    /// <summary>Its id: of one call of one caller.</summary>
    public required string Id { get; init; }

    /// <summary>The tool.</summary>
    public required string Tool { get; init; }

    /// <summary>The exact arguments as JSON; encrypted where it is stored.</summary>
    public required string Arguments { get; init; }

    /// <summary>Who calls.</summary>
    public required string CallerId { get; init; }

    /// <summary>Its name.</summary>
    public required string CallerName { get; init; }

    /// <summary>waiting, approved, denied or used.</summary>
    public required string State { get; init; }

    /// <summary>When it was asked.</summary>
    public required DateTimeOffset AskedAt { get; init; }

    /// <summary>When it ends, whatever its state.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>Who decided, or null.</summary>
    public string? DecidedBy { get; init; }
}

/// <summary>Calls that wait for a person, kept in the tenant's documents at <c>core/tool-approvals/{id}</c>. An approval is for one call with one set of arguments of one caller, and for one time.</summary>
internal sealed class ToolApprovals(IServiceProvider host, TimeProvider time)
{
    private const string Prefix = "core/tool-approvals/";
    private const int MaxListed = 500;
    private const int MaxWaiting = 50;

    private IStorage Storage => host.GetService<IStorage>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host stores nothing, so nothing can be approved.");

    /// <summary>Finds the approval of a call or asks for it.</summary>
    /// <returns>The approval, and the key under which the call takes effect once when it is approved; null while it is not.</returns>
    public async Task<(ToolApproval Approval, IdempotentRequest? Key)> AskAsync(string tool, CallContext context, JsonElement arguments, TimeSpan life, CancellationToken cancellationToken)
    {
        var text = Canonical(arguments);
        var id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', context.Tenant, context.Caller.Id, tool, text))))[..32];
        var now = time.GetUtcNow();
        var (known, revision) = await FindAsync(id, context.Tenant, cancellationToken);
        if (known is not null && known.ExpiresAt > now && known.State != ToolApproval.Used)
            return (known, known.State == ToolApproval.Approved ? new IdempotentRequest($"tool:{id}:{known.AskedAt.UtcTicks}", id) : null);
        await MakeRoomAsync(context, now, cancellationToken);
        var asked = new ToolApproval { Id = id, Tool = tool, Arguments = text, CallerId = context.Caller.Id, CallerName = context.Caller.Name, State = ToolApproval.Asked, AskedAt = now, ExpiresAt = now + life };
        await WriteAsync(asked, revision, context.Tenant, cancellationToken);
        return (asked, null);
    }

    /// <summary>Those that have not expired, oldest first.</summary>
    public async Task<ImmutableArray<ToolApproval>> ListAsync(string tenant, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var found = ImmutableArray.CreateBuilder<ToolApproval>();
        foreach (var record in (await QueryAsync(tenant, cancellationToken)).Records)
        {
            if (await OpenAsync(record, tenant, cancellationToken) is { } one && one.ExpiresAt > now)
                found.Add(one);
        }

        return [.. found.OrderBy(a => a.AskedAt)];
    }

    /// <summary>One of them; null when there is none or it expired.</summary>
    public async Task<ToolApproval?> FindCurrentAsync(string id, string tenant, CancellationToken cancellationToken) =>
        await FindAsync(id, tenant, cancellationToken) is { Approval: { } found } && found.ExpiresAt > time.GetUtcNow() ? found : null;

    /// <summary>Decides one that waits.</summary>
    /// <exception cref="NexusException">It is decided already, expired or unknown.</exception>
    public async Task<ToolApproval> DecideAsync(string id, bool approve, CallContext by, CancellationToken cancellationToken)
    {
        var (found, revision) = await FindAsync(id, by.Tenant, cancellationToken);
        if (found is null || found.ExpiresAt <= time.GetUtcNow())
            throw new NexusException(ErrorCodes.ResourceNotFound, $"There is no approval {id} that waits; they expire.");
        if (found.State != ToolApproval.Asked)
            throw new NexusException(ErrorCodes.Conflict, $"The approval {id} is {found.State} already.");
        var decided = found with { State = approve ? ToolApproval.Approved : ToolApproval.Denied, DecidedBy = by.Caller.Name };
        var entry = AuditEntry.For(by, time.GetUtcNow(), approve ? "platform.tools.approved" : "platform.tools.denied", $"tools/{found.Tool}", AuditResult.Success, JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["approval"] = id, ["caller"] = found.CallerId, ["arguments"] = JsonNode.Parse(found.Arguments) }));
        await WriteAsync(decided, revision, by.Tenant, cancellationToken);
        if (host.GetService<IAuditTrail>() is { } trail)
            await trail.RecordAsync(entry, CancellationToken.None);
        return decided;
    }

    /// <summary>The call was carried out; the next one like it is asked for again.</summary>
    public async Task UsedAsync(ToolApproval approval, string tenant, CancellationToken cancellationToken)
    {
        var (found, revision) = await FindAsync(approval.Id, tenant, cancellationToken);
        if (found is not { State: ToolApproval.Approved })
            return;
        try
        {
            await WriteAsync(found with { State = ToolApproval.Used }, revision, tenant, cancellationToken);
        }
        catch (StorageConflictException)
        {
            // The same call on another connection was as fast, and took effect once with this one.
        }
    }

    /// <summary>Arguments in one spelling: members in order of their names.</summary>
    private static string Canonical(JsonElement element)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
            WriteSorted(writer, element);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void WriteSorted(Utf8JsonWriter writer, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var member in element.EnumerateObject().OrderBy(m => m.Name, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(member.Name);
                    WriteSorted(writer, member.Value);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in element.EnumerateArray())
                    WriteSorted(writer, item);
                writer.WriteEndArray();
                break;
            default:
                element.WriteTo(writer);
                break;
        }
    }

    private static RecordKey KeyOf(string id, string tenant) => new(tenant, IStorage.Documents, Prefix + id);

    private ValueTask<RecordPage> QueryAsync(string tenant, CancellationToken cancellationToken) =>
        Storage.QueryAsync(new RecordQuery { Tenant = tenant, Table = IStorage.Documents, KeyPrefix = Prefix, Limit = MaxListed }, cancellationToken);

    /// <summary>Removes what expired; refuses when one caller has too many waiting.</summary>
    private async Task MakeRoomAsync(CallContext context, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var own = 0;
        foreach (var record in (await QueryAsync(context.Tenant, cancellationToken)).Records)
        {
            var approval = JsonSerializer.Deserialize<ToolApproval>(record.Json.Span)!;
            if (approval.ExpiresAt <= now)
                await Storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = KeyOf(approval.Id, context.Tenant), ExpectedRevision = record.Revision }] }, cancellationToken);
            else if (approval.CallerId == context.Caller.Id && approval.State == ToolApproval.Asked)
                own++;
        }

        if (own >= MaxWaiting)
            throw new NexusException(ErrorCodes.RateLimited, $"{own} calls of {context.Caller.Name} wait for approval; somebody must decide them first.");
    }

    private async Task<(ToolApproval? Approval, long Revision)> FindAsync(string id, string tenant, CancellationToken cancellationToken) =>
        id.All(char.IsAsciiHexDigitLower) && await Storage.FindAsync(KeyOf(id, tenant), cancellationToken) is { } record ? (await OpenAsync(record, tenant, cancellationToken), record.Revision) : (null, 0);

    private async Task<ToolApproval?> OpenAsync(StoredRecord record, string tenant, CancellationToken cancellationToken)
    {
        var stored = JsonSerializer.Deserialize<ToolApproval>(record.Json.Span)!;
        return host.GetService<IFieldProtection>() is { } protection && stored.Arguments.StartsWith(SealedText.Prefix, StringComparison.Ordinal)
            ? stored with { Arguments = Encoding.UTF8.GetString((await SealedText.OpenAsync(protection, tenant, stored.Arguments, Prefix + stored.Id, cancellationToken)).Span) }
            : stored;
    }

    private async Task WriteAsync(ToolApproval approval, long revision, string tenant, CancellationToken cancellationToken)
    {
        var stored = host.GetService<IFieldProtection>() is { } protection
            ? approval with { Arguments = await SealedText.SealAsync(protection, tenant, Encoding.UTF8.GetBytes(approval.Arguments), Prefix + approval.Id, cancellationToken) }
            : approval;
        var record = new StoredRecord { Id = Prefix + approval.Id, Revision = revision + 1, CreatedAt = approval.AskedAt, UpdatedAt = time.GetUtcNow(), Json = JsonSerializer.SerializeToUtf8Bytes(stored) };
        await Storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = KeyOf(approval.Id, tenant), ExpectedRevision = revision, Record = record }] }, cancellationToken);
    }
}
