using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus;

/// <summary>The everyday verbs of <see cref="IDocuments"/>.</summary>
public static class DocumentsExtensions
{
    /// <summary>The value at a path, or the type's default when there is no document. A stored 0, "" or false is returned as such.</summary>
    public static async ValueTask<T?> GetAsync<T>(this IDocuments documents, string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(documents);
        var document = await documents.FindAsync(path, cancellationToken);
        return document?.Value is { } value ? value.Deserialize<T>(JsonSerializerOptions.Web) : default;
    }

    /// <summary>Stores a value at a path, whatever is there.</summary>
    public static ValueTask SetAsync<T>(this IDocuments documents, string path, T value, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(documents);
        return documents.CommitAsync([new DocumentWrite(path, ToNode(value))], cancellationToken: cancellationToken);
    }

    /// <summary>Removes the document at a path; false when there was none.</summary>
    public static async ValueTask<bool> DeleteAsync(this IDocuments documents, string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(documents);
        while (await documents.FindAsync(path, cancellationToken) is { } current)
        {
            try
            {
                await documents.CommitAsync([new DocumentWrite(path, null, current.Revision, Delete: true)], cancellationToken: cancellationToken);
                return true;
            }
            catch (StorageConflictException)
            {
                // Changed or removed meanwhile: look again, so that of two deletes only one says true.
            }
        }

        return false;
    }

    /// <summary>Whether there is a document at a path.</summary>
    public static async ValueTask<bool> ExistsAsync(this IDocuments documents, string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(documents);
        return await documents.FindAsync(path, cancellationToken) is not null;
    }

    /// <summary>The paths of all documents below a prefix of whole segments, in order; empty means all.</summary>
    public static async ValueTask<ImmutableArray<string>> ListAsync(this IDocuments documents, string prefix = "", CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(documents);
        var paths = ImmutableArray.CreateBuilder<string>();
        string? cursor = null;
        do
        {
            var page = await documents.QueryAsync(new DocumentQuery { Prefix = prefix, Limit = 1000, Cursor = cursor }, cancellationToken);
            paths.AddRange(page.Documents.Select(d => d.Path));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return paths.DrainToImmutable();
    }

    /// <summary>Begins a unit of work: its writes and events are collected and go together at <see cref="DocumentUnitOfWork.CommitAsync"/>, or not at all.</summary>
    public static DocumentUnitOfWork BeginUnitOfWork(this IDocuments documents) => new(documents);

    internal static JsonNode? ToNode<T>(T value) => value as JsonNode ?? JsonSerializer.SerializeToNode(value, JsonSerializerOptions.Web);
}

/// <summary>Writes of documents and events that are committed together. Reads see what was set before in the same unit; what is never committed never was. Not thread-safe.</summary>
public sealed class DocumentUnitOfWork
{
    private readonly IDocuments _documents;
    private readonly Dictionary<string, DocumentWrite> _writes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _revisions = new(StringComparer.Ordinal);
    private readonly List<EventMessage> _events = [];

    internal DocumentUnitOfWork(IDocuments documents) => _documents = documents;

    /// <summary>The value at a path as this unit leaves it, or the type's default. What was read must still hold at the commit when it is written again.</summary>
    public async ValueTask<T?> GetAsync<T>(string path, CancellationToken cancellationToken = default)
    {
        var key = Key(path);
        if (!_writes.TryGetValue(key, out var write))
        {
            var document = await _documents.FindAsync(path, cancellationToken);
            _revisions[key] = document?.Revision ?? 0;
            return document?.Value is { } stored ? stored.Deserialize<T>(JsonSerializerOptions.Web) : default;
        }

        return write.Value is { } value ? value.Deserialize<T>(JsonSerializerOptions.Web) : default;
    }

    /// <summary>Sets the value at a path.</summary>
    public void Set<T>(string path, T value) => _writes[Key(path)] = new DocumentWrite(path, DocumentsExtensions.ToNode(value), Expected(path));

    /// <summary>Removes the document at a path.</summary>
    public void Delete(string path) => _writes[Key(path)] = new DocumentWrite(path, null, Expected(path), Delete: true);

    /// <summary>Publishes an event if and only if the unit commits.</summary>
    public void Publish(EventMessage message) => _events.Add(message);

    /// <summary>Commits all, durably.</summary>
    /// <exception cref="StorageConflictException">A document that this unit read and wrote was changed by another one meanwhile; nothing was written.</exception>
    public ValueTask CommitAsync(CancellationToken cancellationToken = default) =>
        _documents.CommitAsync([.. _writes.Values], [.. _events], cancellationToken);

    private static string Key(string path) => path.Replace('.', '/');

    private long? Expected(string path) => _revisions.TryGetValue(Key(path), out var revision) ? revision : null;
}
