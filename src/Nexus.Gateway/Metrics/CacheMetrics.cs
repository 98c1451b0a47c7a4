using System.Globalization;
using System.Text;

namespace Nexus.Gateway.Metrics;

/// <summary>The cache in the Prometheus text form.</summary>
internal static class CacheMetrics
{
    public static void Write(StringBuilder text, CacheStatus cache)
    {
        Metric(text, "cache_hit_ratio", "gauge", "Part of the look-ups since the start that the cache answered, 0 to 1.", [("", cache.HitRatio)]);
        Metric(text, "cache_loads_total", "counter", "Values that were loaded because no level had them.", [("", cache.Loads)]);
        Metric(text, "cache_stale_total", "counter", "Look-ups that a stale value answered because its loader failed.", [("", cache.StaleServed)]);
        Metric(text, "cache_hits_total", "counter", "Look-ups that the level answered.", cache.Levels.Select(l => (Level(l), (double)l.Hits)));
        Metric(text, "cache_misses_total", "counter", "Look-ups that the level could not answer.", cache.Levels.Select(l => (Level(l), (double)l.Misses)));
        Metric(text, "cache_level_up", "gauge", "1 when the level answers.", cache.Levels.Select(l => (Level(l), l.Status == HealthLevel.Healthy ? 1d : 0d)));
        Metric(text, "cache_entries", "gauge", "Entries of the level.", cache.Levels.Where(l => l.Entries is not null).Select(l => (Level(l), (double)l.Entries!)));
        Metric(text, "cache_bytes", "gauge", "Bytes that the level takes.", cache.Levels.Where(l => l.Bytes is not null).Select(l => (Level(l), (double)l.Bytes!)));
        Metric(text, "cache_evictions_total", "counter", "Entries that gave way to others.", cache.Levels.Where(l => l.Evictions is not null).Select(l => (Level(l), (double)l.Evictions!)));
    }

    private static string Level(CacheLevelStatus level) => $"{{level=\"{level.Name}\"}}";

    private static void Metric(StringBuilder text, string name, string type, string help, IEnumerable<(string Labels, double Value)> series)
    {
        text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");
        foreach (var (labels, value) in series)
            text.Append(CultureInfo.InvariantCulture, $"{name}{labels} {value}\n");
    }
}
