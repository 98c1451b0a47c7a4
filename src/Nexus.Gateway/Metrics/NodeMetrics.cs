using System.Collections.Frozen;
using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Forwarding;
using Nexus.Gateway.GraphQL.Federation;
using Nexus.Gateway.Health;

namespace Nexus.Gateway.Metrics;

/// <summary>Writes everything that <c>/metrics</c> tells: requests, plugins, dependencies, pools, cache, nodes, process and machine, and the meters.</summary>
internal sealed class NodeMetrics(IServiceProvider host, IPlugins plugins, RequestMetrics requests, MeterBoard meters, HealthRoutes health, ProcessUse process, IConfiguration configuration)
{
    private static readonly FrozenSet<string> Own = FrozenSet.ToFrozenSet(
    [
        "http_requests_total", "http_request_duration_seconds", "error_rate", "errors_total", "cache_hit_ratio", "cpu_usage_percent", "memory_usage_percent", "disk_usage_percent",
    ]);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly string[] OwnPrefixes = ["nexus_", "process_", "dotnet_", "cache_", "disk_", "database_", "events_", "event_", "tasks_", "task_", "waf_"];

    /// <summary>Whether a name is the platform's, which no plugin can take.</summary>
    public static bool IsOwn(string name) => Own.Contains(name) || Array.Exists(OwnPrefixes, p => name.StartsWith(p, StringComparison.Ordinal));

    public async Task WriteAsync(Exposition to, CancellationToken cancellationToken)
    {
        var origins = configuration.GetValue("metrics:aliases", false);
        var checks = await health.CheckAsync(cancellationToken);
        requests.Write(to, origins);
        WritePlugins(to);
        WriteDependencies(to, checks);
        WritePools(to, origins);
        await WriteStandbysAsync(to, cancellationToken);
        if (host.GetService<ICaches>() is { } caches)
            WriteCache(to, await caches.LookAsync(cancellationToken));
        if (host.GetService<INodes>() is { } nodes)
            await WriteNodesAsync(to, nodes, cancellationToken);
        if (host.GetService<NodeDirectory>() is { } directory)
            ForwardingMetrics.Write(to, directory);
        if (host.GetService<ComposedGraph>() is { } graph)
            SubgraphMetrics.Write(to, graph);
        process.Write(to, origins);
        await meters.WriteAsync(to);
    }

    private static void WriteCache(Exposition to, CacheStatus cache)
    {
        One(to, "cache_hit_ratio", MetricKind.Gauge, "Part of the look-ups since the start that the cache answered, 0 to 1.", cache.HitRatio);
        One(to, "cache_loads_total", MetricKind.Counter, "Values that were loaded because no level had them.", cache.Loads);
        One(to, "cache_stale_total", MetricKind.Counter, "Look-ups that a stale value answered because its loader failed.", cache.StaleServed);
        Many(to, "cache_hits_total", MetricKind.Counter, "Look-ups that the level answered.", cache.Levels.Select(l => (Level(l), (double)l.Hits)));
        Many(to, "cache_misses_total", MetricKind.Counter, "Look-ups that the level could not answer.", cache.Levels.Select(l => (Level(l), (double)l.Misses)));
        Many(to, "cache_level_up", MetricKind.Gauge, "1 when the level answers.", cache.Levels.Select(l => (Level(l), l.Status == HealthLevel.Healthy ? 1d : 0d)));
        Many(to, "cache_entries", MetricKind.Gauge, "Entries of the level.", cache.Levels.Where(l => l.Entries is not null).Select(l => (Level(l), (double)l.Entries!)));
        Many(to, "cache_bytes", MetricKind.Gauge, "Bytes that the level takes.", cache.Levels.Where(l => l.Bytes is not null).Select(l => (Level(l), (double)l.Bytes!)));
        Many(to, "cache_evictions_total", MetricKind.Counter, "Entries that gave way to others.", cache.Levels.Where(l => l.Evictions is not null).Select(l => (Level(l), (double)l.Evictions!)));
    }

    private static async Task WriteNodesAsync(Exposition to, INodes nodes, CancellationToken cancellationToken)
    {
        try
        {
            var all = await nodes.ListAsync(cancellationToken);
            One(to, "nexus_nodes", MetricKind.Gauge, "Nodes that live, as this one sees them.", all.Length);
            Many(to, "nexus_node_info", MetricKind.Gauge, "This node: 1, with its id and version.", all.Where(n => n.Self).Select(n => (Exposition.Labels(("node", n.Id), ("version", n.Version)), 1d)));
        }
        catch (NexusException)
        {
            // Without its storage a node knows of no others; the dependency says so, and the rest of the metrics is wanted most then.
        }
    }

    private async Task WriteStandbysAsync(Exposition to, CancellationToken cancellationToken)
    {
        if (host.GetService<IStorageMaintenance>() is not { } storage)
            return;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        try
        {
            var standbys = await storage.ListStandbysAsync(limit.Token);
            // Two on one address are told apart by their order.
            (string Labels, StandbyState State)[] all = [.. standbys.GroupBy(s => s.Address).SelectMany(g => g.Select((s, i) => (Exposition.Labels(("standby", i == 0 ? s.Address : $"{s.Address}#{i + 1}")), s)))];
            Many(to, "database_standby_lag_bytes", MetricKind.Gauge, "Log of the database that the standby has not applied yet.", all.Where(s => s.State.BytesBehind is not null).Select(s => (s.Labels, (double)s.State.BytesBehind!)));
            Many(to, "database_standby_lag_seconds", MetricKind.Gauge, "How far the standby is behind the database.", all.Where(s => s.State.SecondsBehind is not null).Select(s => (s.Labels, s.State.SecondsBehind!.Value)));
        }
        catch (Exception e) when (e is NexusException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            // As with the nodes: what is not reached is told by its dependency.
        }
    }

    private static string Level(CacheLevelStatus level) => Exposition.Labels(("level", level.Name));

    private static void One(Exposition to, string name, MetricKind kind, string help, double value) => Many(to, name, kind, help, [("", value)]);

    private static void Many(Exposition to, string name, MetricKind kind, string help, IEnumerable<(string Labels, double Value)> series)
    {
        to.Begin(name, kind, help);
        foreach (var (labels, value) in series)
            to.Sample(labels, value);
    }

    private static void WriteDependencies(Exposition to, NodeHealth checks)
    {
        Many(to, "nexus_dependency_up", MetricKind.Gauge, "1 when the dependency answers as it should, 0.5 when it is degraded.", checks.Dependencies.Select(d => (Exposition.Labels(("dependency", d.Name)), d.Status switch { HealthLevel.Healthy => 1, HealthLevel.Degraded => 0.5, _ => 0d })));
        Many(to, "nexus_dependency_seconds", MetricKind.Gauge, "Time that the last check of the dependency took.", checks.Dependencies.Where(d => d.LatencyMs is not null).Select(d => (Exposition.Labels(("dependency", d.Name)), d.LatencyMs!.Value / 1000)));
    }

    private void WritePlugins(Exposition to)
    {
        var all = plugins.List();
        Many(to, "nexus_plugins", MetricKind.Gauge, "Plugins by state.", all.GroupBy(p => p.State).OrderBy(g => g.Key).Select(g => (Exposition.Labels(("state", g.Key.ToString())), (double)g.Count())));
        Many(to, "nexus_plugin_up", MetricKind.Gauge, "1 when the plugin is active.", all.Select(p => (Exposition.Labels(("plugin", p.Id)), p.State == PluginState.Active ? 1d : 0d)));
        Many(to, "nexus_plugin_failed", MetricKind.Gauge, "1 when the plugin has failed.", all.Select(p => (Exposition.Labels(("plugin", p.Id)), p.State == PluginState.Failed ? 1d : 0d)));
        Many(to, "nexus_plugin_quarantined", MetricKind.Gauge, "1 when code of the plugin did not leave the memory and it is kept from loading again.", all.Select(p => (Exposition.Labels(("plugin", p.Id)), p.State == PluginState.Quarantined ? 1d : 0d)));
        Many(to, "nexus_plugin_in_flight", MetricKind.Gauge, "Calls that run in the plugin now.", all.Select(p => (Exposition.Labels(("plugin", p.Id)), (double)p.InFlight)));
        Many(to, "nexus_plugin_generations_alive", MetricKind.Gauge, "Old generations of the plugin that are still in memory.", all.Select(p => (Exposition.Labels(("plugin", p.Id)), (double)p.GenerationsAlive)));
        Many(to, "nexus_plugin_health", MetricKind.Gauge, "2 healthy, 1 degraded, 0 unhealthy, as the plugin last said.", all.Where(p => p.State == PluginState.Active).Select(p => (Exposition.Labels(("plugin", p.Id)), p.Health.Status switch { HealthLevel.Healthy => 2, HealthLevel.Degraded => 1, _ => 0d })));
        if (host.GetService<IPluginMemory>() is { } memory)
            Many(to, "nexus_plugin_memory_bytes", MetricKind.Gauge, "Managed memory that only the plugin reaches, when it was last measured.", all.Select(p => (p.Id, Held: memory.Find(p.Id))).Where(p => p.Held is not null).Select(p => (Exposition.Labels(("plugin", p.Id)), (double)p.Held!.HeldBytes)));
    }

    private void WritePools(Exposition to, bool origins)
    {
        PoolUse[] pools = [.. host.GetServices<IConnectionPools>().SelectMany(p => p.List())];
        IEnumerable<(string, double)> Each(Func<PoolUse, int> value) => pools.Select(p => (Exposition.Labels(("pool", p.Name)), (double)value(p)));
        Many(to, "nexus_pool_in_use", MetricKind.Gauge, "Connections of the pool that somebody works with.", Each(p => p.InUse));
        Many(to, "nexus_pool_idle", MetricKind.Gauge, "Open connections of the pool that wait for the next use.", Each(p => p.Idle));
        Many(to, "nexus_pool_max", MetricKind.Gauge, "Most connections of the pool at one time.", Each(p => p.Max));
        Many(to, "nexus_pool_hits_total", MetricKind.Counter, "Uses of the pool that found an open connection.", pools.Where(p => p.Hits is not null).Select(p => (Exposition.Labels(("pool", p.Name)), (double)p.Hits!)));
        if (!origins)
            return;
        Many(to, "nexus_db_connections_active", MetricKind.Gauge, "Connections that somebody works with.", Each(p => p.InUse));
        Many(to, "nexus_db_connections_max", MetricKind.Gauge, "Most connections at one time.", Each(p => p.Max));
        One(to, "nexus_plugin_count", MetricKind.Untyped, "Active plugins.", plugins.Current.Plugins.Length);
        One(to, "nexus_plugins_loaded", MetricKind.Gauge, "Active plugins.", plugins.Current.Plugins.Length);
    }
}

/// <summary>Processor, memory, disk and runtime of this process and its machine. Thread-safe.</summary>
internal sealed class ProcessUse(IConfiguration configuration, TimeProvider time)
{
    private static readonly TimeSpan LeastWindow = TimeSpan.FromSeconds(1);
    private readonly Lock gate = new();
    private (long Busy, long All) seen = Processor();
    private long seenAt = time.GetTimestamp();
    private double busyPercent;

    public void Write(Exposition to, bool origins)
    {
        using var self = Process.GetCurrentProcess();
        void One(string name, MetricKind kind, string help, double value)
        {
            to.Begin(name, kind, help);
            to.Sample("", value);
        }

        One("process_cpu_seconds_total", MetricKind.Counter, "Processor time of the process.", self.TotalProcessorTime.TotalSeconds);
        One("process_resident_memory_bytes", MetricKind.Gauge, "Memory of the process that is in RAM.", self.WorkingSet64);
        One("process_start_time_seconds", MetricKind.Gauge, "When the process began, in seconds since 1970.", new DateTimeOffset(self.StartTime).ToUnixTimeMilliseconds() / 1000d);
        One("process_threads", MetricKind.Gauge, "Threads of the process.", self.Threads.Count);
        One("dotnet_gc_heap_bytes", MetricKind.Gauge, "Managed memory in use.", GC.GetTotalMemory(forceFullCollection: false));
        One("dotnet_gc_pause_seconds_total", MetricKind.Counter, "Time for which collections stopped the process.", GC.GetTotalPauseDuration().TotalSeconds);
        One("dotnet_thread_pool_threads", MetricKind.Gauge, "Threads of the pool.", ThreadPool.ThreadCount);
        One("dotnet_thread_pool_queue", MetricKind.Gauge, "Work that waits for a thread of the pool.", ThreadPool.PendingWorkItemCount);
        to.Begin("dotnet_gc_collections_total", MetricKind.Counter, "Collections by generation.");
        for (var i = 0; i <= GC.MaxGeneration; i++)
            to.Sample(Exposition.Labels(("generation", i.ToString(CultureInfo.InvariantCulture))), GC.CollectionCount(i));
        var (cpu, memory) = (CpuPercent(), MemoryPercent());
        One("cpu_usage_percent", MetricKind.Gauge, "Processors of the machine that are busy, 0 to 100, since the last look at least a second ago.", cpu);
        One("memory_usage_percent", MetricKind.Gauge, "Memory of the machine that is not available, 0 to 100.", memory);
        if (Disk() is { } disk)
        {
            One("disk_size_bytes", MetricKind.Gauge, "Size of the disk that has the node's data.", disk.TotalSize);
            One("disk_free_bytes", MetricKind.Gauge, "Free bytes of the disk that has the node's data.", disk.AvailableFreeSpace);
            One("disk_usage_percent", MetricKind.Gauge, "Used part of the disk that has the node's data, 0 to 100.", Used(disk));
        }

        if (!origins)
            return;
        One("nexus_cpu_usage_percent", MetricKind.Gauge, "Processors of the machine that are busy.", cpu);
        One("nexus_memory_usage_percent", MetricKind.Gauge, "Memory of the machine that is not available.", memory);
        One("nexus_memory_usage_bytes", MetricKind.Gauge, "Memory of the process that is in RAM.", self.WorkingSet64);
        if (Disk() is { } own)
        {
            One("nexus_disk_usage_bytes", MetricKind.Gauge, "Used bytes of the disk that has the node's data.", own.TotalSize - own.AvailableFreeSpace);
            One("nexus_disk_usage_percent", MetricKind.Gauge, "Used part of the disk that has the node's data.", Used(own));
        }
    }

    /// <summary>Part of the memory of the machine that is not available, 0 to 100; of the process where the machine does not tell.</summary>
    public static double MemoryPercent()
    {
        if (OperatingSystem.IsLinux())
        {
            double total = 0, free = 0;
            foreach (var line in File.ReadLines("/proc/meminfo"))
            {
                if (line.StartsWith("MemTotal:", StringComparison.Ordinal))
                    total = Kilobytes(line);
                else if (line.StartsWith("MemAvailable:", StringComparison.Ordinal))
                    free = Kilobytes(line);
                if (total > 0 && free > 0)
                    return 100 * (total - free) / total;
            }
        }

        var use = GC.GetGCMemoryInfo();
        return use.TotalAvailableMemoryBytes == 0 ? 0 : Math.Clamp(100d * use.MemoryLoadBytes / use.TotalAvailableMemoryBytes, 0, 100);
    }

    /// <summary>The disk of the node's data; null when it cannot be told.</summary>
    public DriveInfo? Disk()
    {
        try
        {
            var folder = Path.GetFullPath(configuration["database:directory"] ?? "data");
            while (!Directory.Exists(folder) && Path.GetDirectoryName(folder) is { } parent)
                folder = parent;
            var drive = new DriveInfo(folder);
            return drive.TotalSize > 0 ? drive : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Used part of a disk, 0 to 100, as who writes to it without being root sees it.</summary>
    public static double Used(DriveInfo disk) => 100d * (disk.TotalSize - disk.AvailableFreeSpace) / disk.TotalSize;

    private static double Kilobytes(string line) => double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    // Time that the processors waited for a disk is idle time.
    private static (long Busy, long All) Processor()
    {
        if (!OperatingSystem.IsLinux())
            return default;
        var times = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(8).Select(t => long.Parse(t, CultureInfo.InvariantCulture)).ToArray();
        return (times.Sum() - times[3] - times[4], times.Sum());
    }

    /// <summary>Part of the processors of the machine that is busy, 0 to 100, since the last look at least a second ago.</summary>
    public double CpuPercent()
    {
        lock (gate)
        {
            if (time.GetElapsedTime(seenAt) < LeastWindow)
                return busyPercent;
            var now = Processor();
            if (now.All > seen.All)
                busyPercent = 100d * (now.Busy - seen.Busy) / (now.All - seen.All);
            (seen, seenAt) = (now, time.GetTimestamp());
            return busyPercent;
        }
    }
}
