using System.Collections.Immutable;
using System.Text.Json;

namespace Nexus.Core.Identity.Tests.Tokens;

/// <summary>Documents in memory with the revisions and conflicts of the real ones; several nodes may share them.</summary>
internal sealed class MemoryDocuments : IDocuments
{
    private readonly Lock gate = new();
    private readonly SortedDictionary<string, Document> stored = new(StringComparer.Ordinal);

    public int Reads { get; private set; }

    public IEnumerable<string> Texts
    {
        get { lock (gate) return [.. stored.Select(d => $"{d.Key} {d.Value.Value?.ToJsonString()}")]; }
    }

    public ValueTask<Document?> FindAsync(string path, CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            Reads++;
            return ValueTask.FromResult(stored.TryGetValue(path, out var found) ? found with { Value = found.Value?.DeepClone() } : null);
        }
    }

    public ValueTask<DocumentPage> QueryAsync(DocumentQuery query, CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            return ValueTask.FromResult(new DocumentPage([.. stored.Values.Where(d => (query.Prefix.Length == 0 || d.Path.StartsWith(query.Prefix + "/", StringComparison.Ordinal)) && FilterEvaluator.Matches(query.Filter, JsonSerializer.SerializeToElement(d.Value))).Take(query.Limit)], null));
        }
    }

    public ValueTask CommitAsync(ImmutableArray<DocumentWrite> writes, ImmutableArray<EventMessage> events = default, CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            foreach (var write in writes)
            {
                var current = stored.GetValueOrDefault(write.Path)?.Revision ?? 0;
                if (write.ExpectedRevision is { } expected && expected != current) throw new StorageConflictException(new RecordKey("default", "documents", write.Path), current);
            }

            foreach (var write in writes)
            {
                if (write.Delete) stored.Remove(write.Path);
                else stored[write.Path] = new Document(write.Path, write.Value?.DeepClone(), (stored.GetValueOrDefault(write.Path)?.Revision ?? 0) + 1);
            }
        }

        return ValueTask.CompletedTask;
    }
}
