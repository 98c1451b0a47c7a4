using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Nexus.EndToEnd.Tests;
using Nexus.Faults.Tests.History;
using Nexus.Faults.Tests.Load;
using Nexus.Faults.Tests.Nodes;

namespace Nexus.Faults.Tests.Faults;

/// <summary>Nodes and workers that die and stand still in the middle of the load.</summary>
[Collection<OneCluster>]
public sealed class NodeTests(Cluster cluster)
{
    private const int Operations = 1500;

    /// <summary>Short here. <c>NEXUS_FAULTS_OPERATIONS=100000 NEXUS_FAULTS_SEED=7</c> makes it the long run, which <c>nexus bench faults</c> starts.</summary>
    [Fact]
    public async Task Nodes_killed_at_random_lose_nothing_acknowledged_and_do_nothing_twice()
    {
        var (operations, seed) = (Setting("NEXUS_FAULTS_OPERATIONS", Operations), Setting("NEXUS_FAULTS_SEED", 401));
        await cluster.UseAsync();
        var clock = Stopwatch.StartNew();
        await using var load = await Workload.StartAsync(cluster, seed, operations);
        // CA5394: what is wanted is a sequence that can be had again.
#pragma warning disable CA5394
        var random = new Random(seed);
        var kills = 0;
        while (!load.IsDone || kills < 2)
        {
            var node = cluster.Nodes[random.Next(cluster.Nodes.Count)];
            var (alive, dead) = (random.Next(100, 400), random.Next(2000));
#pragma warning restore CA5394
            await load.ProgressAsync(Math.Min(alive, operations / 10), orDone: true);
            await using (await Outage.BeginAsync(node.KillAsync, node.KillAndRestartAsync))
                await Task.Delay(dead);
            kills++;
        }

        var took = clock.Elapsed;
        await load.EndAsync();
        var sessions = load.Recorder.All.Count(o => o is { Deed: Deed.Revoke, Outcome: Outcome.Ok });
        TestContext.Current.TestOutputHelper!.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}: {load.Recorder.Count} operations in {took.TotalSeconds:0} s ({load.Recorder}), {kills} nodes killed, {sessions} sessions begun on one node, used on a second and ended on a third: 0 acknowledged writes lost, 0 effects twice"));
    }

    [Fact]
    public async Task A_worker_killed_with_tasks_in_its_hands_leaves_them_to_others_who_do_them_once()
    {
        await cluster.UseAsync();
        await using var worker = await cluster.JoinAsync(null, "--node:roles:0=worker");
        await using var load = await Workload.StartAsync(cluster, seed: 402);
        await using (await cluster.HoldAsync())
        {
            // More than the others take at once, and none of them ends before the worker is dead.
            await load.AskLongAsync(48, cluster.Targets[0]);
            await cluster.UntilAsync("/api/v1/tasks?state=STARTED&limit=1000", tasks => RunningHost.Rows(tasks).Any(t => ((string)t["task"]!).EndsWith("long", StringComparison.Ordinal) && ((string?)t["worker"] ?? "").Contains($"-{worker.Pid}-", StringComparison.Ordinal)));
            await worker.KillAsync();
        }

        await load.ProgressAsync(100);
        var state = await load.EndAsync();

        Assert.InRange(state.Jobs.Count, 48, int.MaxValue);
        var jobs = await load.RowsAsync($"{LoadPlugin.Routes}/jobs", $"filter[operation][$prefix]={load.Recorder.Run}-");
        Assert.Contains(jobs, job => (int)job["attempt"]! > 1);
    }

    [Fact]
    public async Task A_node_that_stands_still_for_longer_than_its_leases_holds_nobody_up_and_writes_nothing_late()
    {
        await cluster.UseAsync();
        await using var load = await Workload.StartAsync(cluster, seed: 403);
        await load.ProgressAsync(150);
        await load.AskLongAsync(24, cluster.Targets[0]);
        load.Avoided["node2"] = true;

        await using (await Outage.BeginAsync(() => cluster.PauseAsync(1), () => cluster.ResumeAsync(1)))
        {
            await Task.Delay(TimeSpan.FromSeconds(8));
            await load.ProgressAsync(150);
        }

        await cluster.RecoveredAsync();
        load.Avoided.Clear();
        await load.ProgressAsync(100);
        await load.EndAsync();
    }

    [Fact]
    public async Task Three_nodes_race_for_one_schedule_and_each_of_its_times_comes_once()
    {
        await cluster.UseAsync();
        var began = TimeProvider.System.GetUtcNow();
        await using var load = await Workload.StartAsync(cluster, seed: 404);
        await load.ProgressAsync(200);
        await load.TickedAsync(began, 3);

        var state = await load.EndAsync();

        var now = TimeProvider.System.GetUtcNow();
        var ticks = state.Ticks.Select(t => DateTimeOffset.Parse(t, CultureInfo.InvariantCulture)).Where(t => t > began).ToList();
        Assert.Equal(ticks.Count, ticks.Distinct().Count());
        Assert.All(ticks, t => Assert.InRange(t, began, now));
        Assert.InRange(ticks.Count, 3, (int)(now - began).TotalSeconds + 1);
    }

    private static int Setting(string name, int otherwise) => int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var number) ? number : otherwise;
}
