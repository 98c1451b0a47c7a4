using System.Collections.Concurrent;

namespace Nexus.Gateway.Metrics;

/// <summary>Counts of one route. Thread-safe.</summary>
internal sealed class RouteCounters(string plugin, string route)
{
    private readonly ConcurrentDictionary<int, Tally> byOutcome = new();
    private long awaits;

    public string Plugin { get; } = plugin;

    public string Route { get; } = route;

    /// <summary>What all its series have.</summary>
    public string Labels { get; } = Exposition.Labels(("plugin", plugin), ("service", plugin), ("route", route));

    /// <summary>How long its requests took.</summary>
    public Durations Durations { get; } = new();

    /// <summary>Requests whose handler waited for something.</summary>
    public long Awaits => Interlocked.Read(ref awaits);

    /// <summary>It answers with streams or sockets, whose time says nothing of its speed.</summary>
    public bool IsLasting { get; set; }

    /// <summary>A handler did not end at once.</summary>
    public void Await() => Interlocked.Increment(ref awaits);

    public void Count(int method, int status, TimeSpan elapsed)
    {
        var key = ((method + 1) * 1000) + status;
        if (!byOutcome.TryGetValue(key, out var count))
            count = byOutcome.GetOrAdd(key, static _ => new Tally());
        Interlocked.Increment(ref count.Value);
        Durations.Add(elapsed);
    }

    public IEnumerable<(int Method, int Status, long Count)> Counts() =>
        byOutcome.OrderBy(p => p.Key).Select(p => ((p.Key / 1000) - 1, p.Key % 1000, Interlocked.Read(ref p.Value.Value)));

    /// <summary>All requests, and those answered with a server error.</summary>
    public (long Requests, long Errors) Sums()
    {
        long requests = 0, errors = 0;
        foreach (var (key, tally) in byOutcome)
        {
            var count = Interlocked.Read(ref tally.Value);
            requests += count;
            errors += key % 1000 >= 500 ? count : 0;
        }

        return (requests, errors);
    }

    /// <summary>A counter on the heap.</summary>
    private sealed class Tally
    {
        public long Value;
    }
}

/// <summary>Times in buckets. Thread-safe.</summary>
internal sealed class Durations
{
    private readonly long[] buckets = new long[15];
    private long ticks;

    /// <summary>Upper bounds in seconds of all buckets but the last, which has none.</summary>
    public static ReadOnlySpan<double> Bounds => [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    public void Add(TimeSpan elapsed)
    {
        var (seconds, bucket) = (elapsed.TotalSeconds, 0);
        while (bucket < Bounds.Length && seconds > Bounds[bucket])
            bucket++;
        Interlocked.Increment(ref buckets[bucket]);
        Interlocked.Add(ref ticks, elapsed.Ticks);
    }

    /// <summary>The count of each bucket alone.</summary>
    public long[] Read(out double seconds)
    {
        var counts = new long[buckets.Length];
        for (var i = 0; i < counts.Length; i++)
            counts[i] = Interlocked.Read(ref buckets[i]);
        seconds = TimeSpan.FromTicks(Interlocked.Read(ref ticks)).TotalSeconds;
        return counts;
    }

    /// <summary>The value below which a part of the observations lies, in seconds, interpolated within its bucket as Prometheus does; null without observations.</summary>
    public static double? Quantile(double part, ReadOnlySpan<long> counts)
    {
        long all = 0;
        foreach (var count in counts)
            all += count;
        if (all == 0)
            return null;
        var (rank, seen) = (part * all, 0L);
        for (var i = 0; i < Bounds.Length; i++)
        {
            if (seen + counts[i] >= rank && counts[i] > 0)
            {
                var from = i == 0 ? 0 : Bounds[i - 1];
                return from + ((Bounds[i] - from) * (rank - seen) / counts[i]);
            }

            seen += counts[i];
        }

        return Bounds[^1];
    }
}
