using System.Globalization;
using Nexus.EndToEnd.Tests;
using Nexus.Faults.Tests.Load;
using Nexus.Faults.Tests.Nodes;

namespace Nexus.Faults.Tests.Faults;

/// <summary>A node whose clock jumps, in both directions, by libfaketime.</summary>
[Collection<OneCluster>]
public sealed class ClockTests(Cluster cluster)
{
    [Fact]
    public async Task A_node_whose_clock_jumps_says_so_and_nothing_is_done_twice_or_ahead_of_its_time()
    {
        var library = new[] { "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1" }.FirstOrDefault(File.Exists);
        Assert.SkipWhen(library is null, "libfaketime is not installed (apt-get install faketime).");
        await cluster.UseAsync();
        var clock = Path.GetTempFileName();
        async Task SetAsync(string skew)
        {
            // In one step: the node may read at any moment.
            await File.WriteAllTextAsync(clock + ".new", skew + "\n");
            File.Move(clock + ".new", clock, overwrite: true);
        }

        await SetAsync("+0");
        // Its own steady clock is that of the machine, as where somebody sets the time.
        await using var node = await cluster.JoinAsync(new Dictionary<string, string> { ["LD_PRELOAD"] = library!, ["FAKETIME_TIMESTAMP_FILE"] = clock, ["FAKETIME_CACHE_DURATION"] = "1", ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1" });
        using var target = new Target("skewed", node.Address);
        await cluster.HealthAsync(target, health => (string)health["status"]! == "Healthy");
        await using var load = await Workload.StartAsync(cluster, seed: 431);
        await load.ProgressAsync(100);

        await SetAsync("+3600");
        await cluster.SaysAsync(target, "storage", "Degraded", "s ahead of that of");
        await load.AskLongAsync(12, cluster.Targets[0]);
        await load.ProgressAsync(200);
        await SetAsync("-3600");
        await cluster.SaysAsync(target, "storage", "Degraded", "s behind that of");
        await load.ProgressAsync(200);
        await SetAsync("+0");
        await cluster.HealthAsync(target, health => (string)health["status"]! == "Healthy");
        var mended = TimeProvider.System.GetUtcNow();
        await load.TickedAsync(mended, 1);
        var state = await load.EndAsync();
        File.Delete(clock);

        var ticks = state.Ticks.Select(t => DateTimeOffset.Parse(t, CultureInfo.InvariantCulture)).ToList();
        Assert.All(ticks, t => Assert.True(t <= TimeProvider.System.GetUtcNow(), $"{t:O} was fired ahead of its time"));
        Assert.Contains(ticks, t => t > mended);
    }
}
