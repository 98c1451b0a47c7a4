using Nexus.Faults.Tests.Load;
using Nexus.Faults.Tests.Nodes;

namespace Nexus.Faults.Tests.Faults;

/// <summary>Nodes that die and stand still in the middle of the load.</summary>
[Collection<OneCluster>]
public sealed class NodeKillTests(Cluster cluster)
{
    [Fact]
    public async Task Nodes_killed_one_after_the_other_lose_nothing_acknowledged_and_do_nothing_twice()
    {
        var load = new Workload(cluster, seed: 401);
        using var ending = new CancellationTokenSource();
        var running = load.RunAsync(int.MaxValue, ending.Token);
        await load.ProgressAsync(300);

        for (var i = 0; i < 3; i++)
        {
            await cluster.Nodes[i].KillAsync();
            await load.ProgressAsync(150);
            await cluster.Nodes[i].KillAndRestartAsync();
            await load.ProgressAsync(150);
        }

        await ending.CancelAsync();
        await running;
        await cluster.RecoveredAsync();
        await load.CheckAsync();
    }
}

/// <summary>The faults of one cluster come one after the other.</summary>
[CollectionDefinition(DisableParallelization = true)]
public sealed class OneCluster : ICollectionFixture<Cluster>;
