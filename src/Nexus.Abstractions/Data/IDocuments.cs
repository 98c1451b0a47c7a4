using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Nexus;

/// <summary>The document tree as a plugin sees it. Paths are relative to the plugin's own part (<c>data/…</c>); <c>a.b.c</c> and <c>a/b/c</c> name the same place; leaving the part is refused with <c>PATH_FORBIDDEN</c>. A stored 0, "" or false is a value, not a miss. Thread-safe.</summary>
public interface IDocuments
{
    /// <summary>The document at a path, or null when there is none.</summary>
    ValueTask<Document?> FindAsync(string path, CancellationToken cancellationToken = default);

    /// <summary>Documents whose path starts with a prefix, filtered, sorted, paged.</summary>
    ValueTask<DocumentPage> QueryAsync(DocumentQuery query, CancellationToken cancellationToken = default);

    /// <summary>Writes several documents and events atomically and durably.</summary>
    /// <exception cref="StorageConflictException">An expected revision does not hold.</exception>
    ValueTask CommitAsync(ImmutableArray<DocumentWrite> writes, ImmutableArray<EventMessage> events = default, CancellationToken cancellationToken = default);
}

/// <summary>A stored document.</summary>
/// <param name="Path">Relative path with slashes.</param>
/// <param name="Value">Its value; null stands for a stored JSON null.</param>
/// <param name="Revision">Grows by one with each write, from 1.</param>
public sealed record Document(string Path, JsonNode? Value, long Revision);

/// <summary>One write of a document.</summary>
/// <param name="Path">Relative path.</param>
/// <param name="Value">The value.</param>
/// <param name="ExpectedRevision">Null none; 0 must not exist; otherwise its current revision.</param>
/// <param name="Delete">Remove it instead.</param>
public sealed record DocumentWrite(string Path, JsonNode? Value, long? ExpectedRevision = null, bool Delete = false);

/// <summary>A query over documents.</summary>
public sealed record DocumentQuery
{
    /// <summary>Relative path prefix of whole segments; empty means all.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Filter over the values.</summary>
    public Filter? Filter { get; init; }

    /// <summary>Sort keys over the values; by path when empty.</summary>
    public ImmutableArray<SortKey> Sort { get; init; } = [];

    /// <summary>Paths within the value to return; empty means the whole value.</summary>
    public ImmutableArray<string> Fields { get; init; } = [];

    /// <summary>Greatest number, 1 to 1000.</summary>
    public int Limit { get; init; } = 100;

    /// <summary>Cursor of an earlier page.</summary>
    public string? Cursor { get; init; }
}

/// <summary>A page of documents.</summary>
public sealed record DocumentPage(ImmutableArray<Document> Documents, string? NextCursor);
