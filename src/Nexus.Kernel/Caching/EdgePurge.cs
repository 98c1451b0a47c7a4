using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Caching;

/// <summary>Tells the edge caches of removed tags, beside the removals: several together, again and again while one cannot be told. Of too many it tells them to forget all.</summary>
internal sealed class EdgePurge(IEnumerable<IEdgeCache> edges, TimeProvider time, ILogger log)
{
    private const int Most = 1000;
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(1);
    private readonly ImmutableArray<IEdgeCache> edges = [.. edges];
    private readonly HashSet<string> waiting = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private bool isSending;

    /// <summary>Why an edge cache could not be told last, or null.</summary>
    public string? Failure { get; private set; }

    public void Purge(IEnumerable<string> tags)
    {
        if (edges.IsEmpty)
            return;
        lock (gate)
        {
            waiting.UnionWith(tags);
            if (waiting.Count > Most)
            {
                waiting.Clear();
                waiting.Add("*");
            }
            if (isSending || waiting.Count == 0)
                return;
            isSending = true;
        }
        _ = Task.Run(SendAsync);
    }

    private async Task SendAsync()
    {
        while (true)
        {
            ImmutableArray<string> tags;
            lock (gate)
            {
                if (waiting.Count == 0)
                {
                    isSending = false;
                    return;
                }
                tags = [.. waiting];
                waiting.Clear();
            }
            try
            {
                foreach (var edge in edges)
                    await edge.PurgeAsync(tags, CancellationToken.None);
                Failure = null;
            }
            catch (Exception exception)
            {
                if (Failure is null)
                    log.LogWarning("cache.edge_failing {Reason}", exception.Message);
                Failure = exception.Message;
                lock (gate)
                    waiting.UnionWith(tags);
                await Task.Delay(Again, time);
            }
        }
    }
}
