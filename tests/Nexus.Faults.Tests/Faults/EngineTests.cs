using Nexus.Faults.Tests.Load;
using Nexus.Faults.Tests.Nodes;

namespace Nexus.Faults.Tests.Faults;

/// <summary>Engines that die, restart, forget and cannot be reached in the middle of the load. Nobody helps the nodes, and their health says what is wrong meanwhile.</summary>
[Collection<OneCluster>]
public sealed class EngineTests(Cluster cluster)
{
    private Target Node1 => cluster.Targets[0];

    [Fact]
    public async Task PostgreSql_killed_in_the_middle_of_the_load_keeps_what_was_acknowledged_and_the_nodes_go_on_by_themselves()
    {
        await cluster.UseAsync();
        await using var load = await Workload.StartAsync(cluster, seed: 411);
        await load.ProgressAsync(200);
        string told;

        await using (await Outage.BeginAsync(cluster.PostgreSql.KillAsync, cluster.PostgreSql.StartAgainAsync))
            told = await cluster.SaysAsync(Node1, "storage", "Unhealthy", "The PostgreSQL server at");
        await cluster.RecoveredAsync();
        await load.ProgressAsync(150);
        await cluster.PostgreSql.StopInOrderAsync();
        await cluster.PostgreSql.StartAgainAsync();
        await cluster.RecoveredAsync();
        await load.ProgressAsync(150);
        await load.EndAsync();

        Assert.Contains($"The PostgreSQL server at 127.0.0.1:{cluster.PostgreSql.Port}", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redis_killed_and_emptied_in_the_middle_of_the_load_costs_time_and_no_answer_that_is_wrong()
    {
        await cluster.UseAsync();
        await using var load = await Workload.StartAsync(cluster, seed: 412);
        await load.ProgressAsync(150);
        string told;

        await using (await Outage.BeginAsync(cluster.Redis.KillAsync, cluster.Redis.StartAgainAsync))
        {
            told = await cluster.SaysAsync(Node1, "cache", "Degraded");
            await load.ProgressAsync(150);
        }

        await cluster.RecoveredAsync();
        await load.ProgressAsync(100);
        await cluster.Redis.CommandAsync("FLUSHALL");
        await load.ProgressAsync(100);
        await load.EndAsync();

        Assert.Contains("redis", told, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task RabbitMq_killed_in_the_middle_of_the_load_loses_no_event_and_events_go_on_by_the_database_meanwhile()
    {
        await cluster.UseAsync();
        await using var load = await Workload.StartAsync(cluster, seed: 413);
        await load.ProgressAsync(150);
        string told;

        await using (await Outage.BeginAsync(cluster.RabbitMq.KillAsync, cluster.RabbitMq.StartAgainAsync))
        {
            told = await cluster.SaysAsync(Node1, "events", "Degraded", "meanwhile");
            await load.HandledAsync(10);
        }

        await cluster.RecoveredAsync();
        await load.ProgressAsync(150);
        await load.EndAsync();

        Assert.EndsWith("Events are delivered from the database meanwhile.", told, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_the_network_cuts_off_says_so_and_holds_nobody_up()
    {
        await cluster.UseAsync();
        await using var load = await Workload.StartAsync(cluster, seed: 414);
        await load.ProgressAsync(150);
        await load.AskLongAsync(24, Node1);
        load.Avoided["node3"] = true;

        TestContext.Current.SendDiagnosticMessage($"The third node is cut off by {cluster.Wire}.");
        TestContext.Current.TestOutputHelper?.WriteLine($"The third node is cut off by {cluster.Wire}.");
        await using (await Outage.BeginAsync(cluster.CutNetworkAsync, cluster.MendNetworkAsync))
        {
            // Meanwhile it may also say that all its connections are in use: they wait for answers.
            await cluster.SaysAsync(cluster.Targets[2], "storage", "Unhealthy", "does not answer");
            await load.ProgressAsync(200);
        }

        await cluster.RecoveredAsync();
        load.Avoided.Clear();
        await load.ProgressAsync(100);
        await load.EndAsync();
    }
}
