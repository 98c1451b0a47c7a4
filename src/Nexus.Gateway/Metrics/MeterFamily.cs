using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace Nexus.Gateway.Metrics;

/// <summary>The series of one instrument name, of all meters and generations that have it. Holds texts and numbers only: an instrument or a tag that is an object would keep an unloaded plugin in memory. Thread-safe.</summary>
internal sealed class MeterFamily(string name, MetricKind kind, string help, bool isObserved, double[] bounds, int maxSeries)
{
    private readonly ConcurrentDictionary<SeriesKey, Series> series = new();
    private readonly Recent?[] recent = new Recent?[32];
    private int round;

    public string Name => name;

    public MetricKind Kind => kind;

    public string Help => help;

    public bool IsObserved => isObserved;

    /// <summary>Measurements that had no room for a series of their own.</summary>
    public long Overflowed { get; private set; }

    public void Record(string? plugin, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var found = Find(plugin, tags);
        if (kind == MetricKind.Histogram)
            found.Observe(value, bounds);
        else if (isObserved)
            found.Set(value, Volatile.Read(ref round));
        else if (kind == MetricKind.Gauge && !AddsUp)
            found.Set(value, 0);
        else
            found.Add(value);
    }

    /// <summary>A gauge of increments (an up-down counter) instead of one of values.</summary>
    public bool AddsUp { get; init; }

    /// <summary>A round of asking the instruments begins.</summary>
    public void BeginRound() => Volatile.Write(ref round, round + 1);

    /// <summary>All instruments were asked: what they do not tell any more has no series. Until then the values of the last round stand.</summary>
    public void EndRound()
    {
        foreach (var (key, one) in series)
        {
            if (one.Round != round)
                series.TryRemove(new KeyValuePair<SeriesKey, Series>(key, one));
        }
    }

    /// <summary>Each series of a histogram with its tags, the count of each bucket alone, and the sum.</summary>
    public IEnumerable<(IReadOnlyDictionary<string, string> Tags, long[] Buckets, double Sum)> Observations() =>
        series.Select(s => (s.Key.Tags, s.Value.Buckets(bounds.Length + 1), s.Value.Value));

    public void Write(Exposition to)
    {
        if (series.IsEmpty || !to.Begin(name, kind, help))
            return;
        foreach (var (key, one) in series.OrderBy(s => s.Key.Labels, StringComparer.Ordinal))
        {
            if (kind == MetricKind.Histogram)
                to.Histogram(key.Labels, bounds, one.Buckets(bounds.Length + 1), one.Value);
            else
                to.Sample(key.Labels, one.Value);
        }
    }

    /// <summary>Most measurements carry the same texts as one shortly before: those are found by reference, without reading them.</summary>
    private Series Find(string? plugin, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var at = 0;
        foreach (var tag in tags)
            at = (at * 31) + RuntimeHelpers.GetHashCode(tag.Value);
        at &= recent.Length - 1;
        if (Volatile.Read(ref recent[at]) is { } known && known.Is(plugin, tags))
            return known.Series;
        var key = SeriesKey.Of(plugin, tags);
        if (!series.TryGetValue(key, out var found))
            found = Make(key, plugin);
        if (!isObserved && tags.Length <= 2 && AreTexts(tags))
            Volatile.Write(ref recent[at], new Recent(plugin, [.. tags], found));
        return found;
    }

    private static bool AreTexts(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        foreach (var tag in tags)
        {
            if (tag.Value is not string)
                return false;
        }

        return true;
    }

    private Series Make(SeriesKey key, string? plugin)
    {
        // Tag values come from plugins; without a bound one that tags with an id would fill the memory of the node and of whoever stores its metrics.
        if (series.Count < maxSeries)
            return series.GetOrAdd(key, static _ => new Series());
        Overflowed++;
        return series.GetOrAdd(SeriesKey.Other(plugin, key), static _ => new Series());
    }

    /// <summary>A series with the texts by which it was last found.</summary>
    private sealed class Recent(string? plugin, KeyValuePair<string, object?>[] labels, Series found)
    {
        public Series Series => found;

        public bool Is(string? asked, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (!ReferenceEquals(asked, plugin) || tags.Length != labels.Length)
                return false;
            for (var i = 0; i < labels.Length; i++)
            {
                if (!ReferenceEquals(labels[i].Key, tags[i].Key) || !ReferenceEquals(labels[i].Value, tags[i].Value))
                    return false;
            }

            return true;
        }
    }

    /// <summary>Counts and sums of one set of labels.</summary>
    private sealed class Series
    {
        private long[]? buckets;
        private double value;

        public double Value => Volatile.Read(ref value);

        /// <summary>The round in which it was last told.</summary>
        public int Round { get; private set; }

        public void Set(double now, int inRound)
        {
            Round = inRound;
            Volatile.Write(ref value, now);
        }

        public void Add(double more)
        {
            double before, seen = Volatile.Read(ref value);
            do
                before = seen;
            while ((seen = Interlocked.CompareExchange(ref value, before + more, before)) != before);
        }

        public void Observe(double one, double[] bounds)
        {
            var counts = buckets ?? Interlocked.CompareExchange(ref buckets, new long[bounds.Length + 1], null) ?? buckets!;
            var at = Array.BinarySearch(bounds, one);
            Interlocked.Increment(ref counts[at < 0 ? ~at : at]);
            Add(one);
        }

        public long[] Buckets(int length) => [.. (buckets ?? new long[length]).Select((_, i) => buckets is null ? 0 : Interlocked.Read(ref buckets[i]))];
    }
}

/// <summary>Which series of a family: up to four tags, in the order in which they were given.</summary>
internal readonly record struct SeriesKey(string? Plugin, (string Name, string Value) A, (string Name, string Value) B, (string Name, string Value) C, (string Name, string Value) D)
{
    public static SeriesKey Of(string? plugin, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        new(plugin, Tag(tags, 0), Tag(tags, 1), Tag(tags, 2), Tag(tags, 3));

    /// <summary>Where measurements go that find no room.</summary>
    public static SeriesKey Other(string? plugin, SeriesKey key) =>
        new(plugin, Hidden(key.A), Hidden(key.B), Hidden(key.C), Hidden(key.D));

    public string Labels => Exposition.Labels([.. Pairs().Select(p => (p.Key, p.Value))]);

    /// <summary>Its tags by their names as labels.</summary>
    public IReadOnlyDictionary<string, string> Tags => new Dictionary<string, string>(Pairs(), StringComparer.Ordinal);

    private List<KeyValuePair<string, string>> Pairs()
    {
        var labels = new List<KeyValuePair<string, string>>(6);
        if (Plugin is not null)
            labels.Add(new("plugin", Plugin));
        foreach (var (name, value) in new[] { A, B, C, D })
        {
            var label = name is null ? "" : MetricNames.Label(name);
            if (label.Length > 0 && !labels.Exists(l => l.Key == label))
                labels.Add(new(label, value));
        }

        return labels;
    }

    private static (string, string) Hidden((string Name, string Value) tag) => tag.Name is null ? default : (tag.Name, "other");

    private static (string, string) Tag(ReadOnlySpan<KeyValuePair<string, object?>> tags, int at) =>
        at >= tags.Length ? default : (tags[at].Key, tags[at].Value as string ?? Convert.ToString(tags[at].Value, CultureInfo.InvariantCulture) ?? "");
}

/// <summary>Names of instruments as Prometheus spells them.</summary>
internal static class MetricNames
{
    /// <summary>The name of an instrument: <c>event_processing</c> in <c>s</c> is <c>event_processing_seconds</c>, a counter ends with <c>_total</c>.</summary>
    public static string Of(Instrument instrument, MetricKind kind)
    {
        var name = Sanitized(instrument.Name);
        var unit = instrument.Unit switch { "s" => "_seconds", "ms" => "_milliseconds", "By" or "bytes" => "_bytes", "%" => "_percent", _ => "" };
        if (unit.Length > 0 && !name.EndsWith(unit, StringComparison.Ordinal))
            name += unit;
        return kind == MetricKind.Counter && !name.EndsWith("_total", StringComparison.Ordinal) ? name + "_total" : name;
    }

    /// <summary>A label; <c>le</c> and what begins with two underscores mean something else there.</summary>
    public static string Label(string tag) => Sanitized(tag) is var label && (label == "le" || label.StartsWith("__", StringComparison.Ordinal)) ? "tag_" + label.TrimStart('_') : label;

    public static string Sanitized(string name)
    {
        var made = string.Create(name.Length, name, static (to, from) =>
        {
            for (var i = 0; i < to.Length; i++)
                to[i] = char.IsAsciiLetterOrDigit(from[i]) ? from[i] : '_';
        });
        return made.Length == 0 || char.IsAsciiDigit(made[0]) ? "_" + made : made;
    }
}
