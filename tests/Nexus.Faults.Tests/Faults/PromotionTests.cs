using Nexus.Faults.Tests.Load;
using Nexus.Faults.Tests.Nodes;

namespace Nexus.Faults.Tests.Faults;

/// <summary>A primary that dies for good.</summary>
[Collection<OneReplicatedCluster>]
public sealed class PromotionTests(ReplicatedCluster cluster)
{
    [Fact]
    public async Task A_standby_that_takes_over_in_the_middle_of_the_load_has_all_that_was_acknowledged_and_the_nodes_find_it_by_themselves()
    {
        await cluster.UseAsync();
        await using var load = await Workload.StartAsync(cluster, seed: 421);
        await load.ProgressAsync(200);
        await load.AskLongAsync(24, cluster.Targets[0]);

        await cluster.PostgreSql.KillAsync();
        var told = await cluster.SaysAsync(cluster.Targets[0], "storage", "Unhealthy", "The PostgreSQL server at");
        await cluster.PromoteAsync();
        await cluster.RecoveredAsync();
        await load.ProgressAsync(200);
        await load.EndAsync();

        Assert.Contains($"127.0.0.1:{cluster.Standby.Port}", told, StringComparison.Ordinal);
        Assert.True(cluster.PostgreSql.HasEnded);
    }
}
