using System.Collections.Concurrent;

namespace Nexus.Kernel.Plugins.Faults;

/// <summary>Counts the faults of each plugin within a sliding window. Thread-safe.</summary>
internal sealed class FaultCounter(int limit, TimeSpan window, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, Queue<DateTimeOffset>> faults = new(StringComparer.Ordinal);

    /// <summary>Counts one; true when it is the one that reaches the limit. The count starts anew after that.</summary>
    public bool Add(string plugin)
    {
        var times = faults.GetOrAdd(plugin, _ => new Queue<DateTimeOffset>());
        lock (times)
        {
            var now = time.GetUtcNow();
            while (times.TryPeek(out var oldest) && now - oldest > window)
                times.Dequeue();
            times.Enqueue(now);
            if (times.Count < limit)
                return false;
            times.Clear();
            return true;
        }
    }
}
