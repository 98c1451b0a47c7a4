using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Plugins.Generations;

/// <summary>Keeps the newest lines of each plugin as text: nothing of the plugin's types stays.</summary>
internal sealed class PluginLogs(TimeProvider time) : IPluginLogs
{
    private const int Kept = 1_000;
    private const int MaxMessage = 4_096;
    private const int MaxError = 8_192;

    private readonly ConcurrentDictionary<string, Queue<PluginLogLine>> lines = new(StringComparer.Ordinal);
    private long last;

    public ImmutableArray<PluginLogLine> Read(string plugin, long after = 0, int limit = 200, LogLevel least = LogLevel.Trace)
    {
        if (!lines.TryGetValue(plugin, out var queue))
        {
            return [];
        }

        lock (queue)
        {
            return [.. queue.Where(line => line.Number > after && line.Level >= least).TakeLast(limit)];
        }
    }

    public void Add(string plugin, LogLevel level, string category, string message, Exception? exception)
    {
        var queue = lines.GetOrAdd(plugin, static _ => new Queue<PluginLogLine>());
        var error = exception is null ? null : Cut(exception.ToString(), MaxError);
        lock (queue)
        {
            if (queue.Count == Kept)
            {
                queue.Dequeue();
            }

            queue.Enqueue(new PluginLogLine(Interlocked.Increment(ref last), time.GetUtcNow(), level, category, Cut(message, MaxMessage), error));
        }
    }

    private static string Cut(string text, int most) => text.Length <= most ? text : text[..most];
}
