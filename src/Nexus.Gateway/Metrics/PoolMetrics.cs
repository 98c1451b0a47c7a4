using System.Globalization;
using System.Text;

namespace Nexus.Gateway.Metrics;

/// <summary>Pools of connections in the Prometheus text form.</summary>
internal static class PoolMetrics
{
    public static void Write(StringBuilder text, IReadOnlyList<PoolUse> pools)
    {
        Metric(text, "in_use", "Connections of the pool that somebody works with.", pools, static p => p.InUse);
        Metric(text, "idle", "Open connections of the pool that wait for the next use.", pools, static p => p.Idle);
        Metric(text, "max", "Most connections of the pool at one time.", pools, static p => p.Max);
    }

    private static void Metric(StringBuilder text, string name, string help, IReadOnlyList<PoolUse> pools, Func<PoolUse, int> value)
    {
        if (pools.Count == 0)
            return;
        text.Append(CultureInfo.InvariantCulture, $"# HELP nexus_pool_{name} {help}\n# TYPE nexus_pool_{name} gauge\n");
        foreach (var pool in pools)
            text.Append(CultureInfo.InvariantCulture, $"nexus_pool_{name}{{pool=\"{pool.Name}\"}} {value(pool)}\n");
    }
}
