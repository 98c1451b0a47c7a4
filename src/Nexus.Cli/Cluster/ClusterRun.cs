using System.Diagnostics;
using System.Globalization;

namespace Nexus.Cli.Cluster;

/// <summary>
/// Runs a cluster in the foreground:
/// 1. end what a killed run left behind; 2. start the engines; 3. the first node, which makes the schema, then the others; 4. nginx and Prometheus;
/// 5. watch, saying when a process ends, until told to stop; 6. stop in the reverse order. Nothing is started again by itself.
/// </summary>
internal sealed class ClusterRun(ClusterPlan plan, TextWriter output)
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(70);
    private readonly List<Member> members = [];
    private readonly Lock gate = new();

    public async Task<int> RunAsync(CancellationToken stop)
    {
        var clock = Stopwatch.StartNew();
        using var folder = ClusterFolder.Open(plan.Folder);
        Say($"cluster in {folder.Path}");
        var failed = false;
        try
        {
            await folder.EndLeftOversAsync(Say);
            var (front, nodes, watcher) = await StartAllAsync(folder, stop);
            Say(string.Create(CultureInfo.InvariantCulture, $"Nexus serves {front} after {clock.Elapsed.TotalSeconds:0} s: nginx before {nodes} nodes"));
            Say($"  metrics and alerts  {watcher}");
            foreach (var member in members)
                Say($"  {member.Plan.Name,-14} {member.Plan.Where,-26} process {member.Pid}, log {member.LogFile}");
            Say("Ctrl-C stops all of it.");
            await WatchAsync(stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Told to stop, perhaps before all was up.
        }
        catch (CliException e)
        {
            failed = true;
            Say(e.Message);
        }
        finally
        {
            await StopAllAsync();
        }

        return failed ? ExitCodes.Refused : ExitCodes.Done;
    }

    private async Task<(string Front, int Nodes, string Watcher)> StartAllAsync(ClusterFolder folder, CancellationToken stop)
    {
        var engines = new Engines(folder, Say);
        var port = folder.Port("nginx", plan.Port, Say);
        var own = plan with { Port = port };
        int[] ports = [.. Enumerable.Range(0, plan.Nodes).Select(i => folder.Port($"node-{i + 1}", plan.FirstNodePort + i, Say))];
        // Engines have ports of their own, so that those of the system can run beside.
        var (postgres, database) = await engines.PostgreSqlAsync(plan.FirstNodePort + 20, stop);
        var (redis, cache) = engines.Redis(plan.FirstNodePort + 21);
        var addresses = new Dictionary<string, string> { ["NEXUS_DATABASE__CONNECTIONSTRING"] = database, ["NEXUS_REDIS__CONNECTIONSTRING"] = cache };
        List<Task> starting = [StartAsync(folder, postgres, stop), StartAsync(folder, redis, stop)];
        if (plan.HasBroker)
        {
            var (mapper, broker, address) = engines.RabbitMq(plan.FirstNodePort + 22);
            addresses[ClusterPlan.BrokerVariable] = address;
            await StartAsync(folder, mapper, stop);
            starting.Add(StartAsync(folder, broker, stop));
        }
        else
        {
            Say("rabbitmq     is left out: it needs the package rabbitmq-server and the plugin engines.rabbitmq; events go over the database");
        }

        await Task.WhenAll(starting);
        await StartAsync(folder, own.Node(folder, 1, ports[0], addresses), stop);
        await Task.WhenAll(Enumerable.Range(1, plan.Nodes - 1).Select(i => StartAsync(folder, own.Node(folder, i + 1, ports[i], addresses), stop)));
        var watcher = await engines.PrometheusAsync(plan.FirstNodePort + 23, ports, stop);
        var front = await engines.NginxAsync(port, ports, stop);
        await Task.WhenAll(StartAsync(folder, front, stop), StartAsync(folder, watcher, stop));
        return (front.Where, plan.Nodes, watcher.Where);
    }

    private async Task StartAsync(ClusterFolder folder, MemberPlan member, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        Say($"{member.Name,-12} starts on {member.Where}");
        var running = Member.Start(member, folder.Logs, Say);
        lock (gate)
        {
            members.Add(running);
            folder.Keep(members.ToDictionary(m => m.Plan.Name, m => m.Pid));
        }

        if (!await running.ReadyAsync(StartLimit, stop))
            throw new CliException($"{member.Name} did not come up ({(running.Ended.IsCompleted ? $"exit code {running.ExitCode}" : $"no answer within {StartLimit.TotalMinutes} min")}); all is stopped again. The end of {running.LogFile}:\n{string.Join('\n', running.LastLines(15))}");
        Say(string.Create(CultureInfo.InvariantCulture, $"{member.Name,-12} is ready after {running.Age.TotalSeconds:0.0} s"));
    }

    private async Task WatchAsync(CancellationToken stop)
    {
        var waiting = members.ToDictionary(m => m.Ended);
        while (waiting.Count > 0)
        {
            var ended = await Task.WhenAny(waiting.Keys).WaitAsync(stop);
            waiting.Remove(ended, out var member);
            Say($"{member!.Plan.Name} ENDED with exit code {member.ExitCode} after {member.Age:hh\\:mm\\:ss}. It is not started again; the others go on. Stop and start the cluster to have it back. The end of {member.LogFile}:");
            foreach (var line in member.LastLines(5))
                Say($"    {line}");
        }

        Say("Nothing of the cluster runs any more.");
    }

    private async Task StopAllAsync()
    {
        // What asks goes before what is asked; the nodes together.
        foreach (var group in members.AsEnumerable().Reverse().GroupBy(m => m.Plan.Name.StartsWith("node-", StringComparison.Ordinal) ? "nodes" : m.Plan.Name).ToList())
        {
            await Task.WhenAll(group.Select(async member =>
            {
                var clock = Stopwatch.StartNew();
                var inOrder = await member.StopAsync(StopLimit);
                Say(string.Create(CultureInfo.InvariantCulture, $"{member.Plan.Name,-12} {(inOrder ? $"stopped after {clock.Elapsed.TotalSeconds:0.0} s" : $"was KILLED: it did not stop within {StopLimit.TotalSeconds} s")}"));
                member.Dispose();
            }));
        }
    }

    private void Say(string line)
    {
        lock (gate)
            output.WriteLine($"nexus: {line}");
    }
}
