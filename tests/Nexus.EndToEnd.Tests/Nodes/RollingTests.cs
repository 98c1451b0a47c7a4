using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests.Nodes;

/// <summary>Changes of a plugin on all nodes of one PostgreSQL, one node after another, under load from a client that asks each in turn.</summary>
public sealed class RollingTests
{
    private const string Route = "/api/custom/greeter/";

    [Fact]
    public async Task A_plugin_comes_to_all_nodes_is_updated_without_a_failed_request_and_returns_on_all()
    {
        await using var cluster = await Cluster.StartAsync(3, "--node:settleSeconds=0.5");
        var token = await cluster.SignInAsync();
        await JoinedAsync(cluster, token, 3);
        var (installed, install) = await RollAsync(cluster.Nodes[0], token, HttpMethod.Post, "/api/v1/plugins?allNodes=true", Package(cluster, "1.0.0", "one"));
        Assert.True(installed == 200, install.ToString());
        Assert.Equal(["one", "one", "one"], await AnswersAsync(cluster, token));

        await using (var load = new Load(cluster, token, "one", "two"))
        {
            var (updated, update) = await RollAsync(cluster.Nodes[1], token, HttpMethod.Post, "/api/v1/plugins/greeter/update?allNodes=true", Package(cluster, "2.0.0", "two"));
            Assert.True(updated == 200, update.ToString());
            Assert.Equal(["Changed", "Changed", "Changed"], update["nodes"]!.AsArray().Select(n => (string)n!["state"]!));
            Assert.Equal(update["nodes"]!.AsArray().Select(n => (string)n!["node"]!).Order(StringComparer.Ordinal), update["nodes"]!.AsArray().Select(n => (string)n!["node"]!));
            Assert.Equal(["two", "two", "two"], await AnswersAsync(cluster, token));
            await load.EndAsync();
        }

        var command = await Programs.RunAsync("dotnet", [Programs.Cli, "plugin", "rollback", "greeter", "--all-nodes"], cluster.Nodes[2].Folder, new Dictionary<string, string> { ["NEXUS_URL"] = cluster.Nodes[2].Address.ToString(), ["NEXUS_TOKEN"] = token });
        Assert.True(command.ExitCode == 0, command.Output + command.Errors);
        Assert.Equal(3, command.Output.Split('\n').Count(l => l.Contains(": Changed", StringComparison.Ordinal)));
        Assert.Equal(["one", "one", "one"], await AnswersAsync(cluster, token));
    }

    [Fact]
    public async Task A_version_that_fails_on_a_node_is_taken_back_from_all_and_the_answer_names_the_node_and_the_cause()
    {
        await using var cluster = await Cluster.StartAsync(3, "--node:settleSeconds=6", "--plugins:watchPeriod=00:00:10");
        var token = await cluster.SignInAsync();
        await JoinedAsync(cluster, token, 3);
        var (_, install) = await RollAsync(cluster.Nodes[0], token, HttpMethod.Post, "/api/v1/plugins?allNodes=true", Package(cluster, "1.0.0", "one"));
        var last = install["nodes"]!.AsArray()[2]!;
        var failing = cluster.Nodes.Single(n => n.Address.ToString().TrimEnd('/') == (string)last["address"]!);
        // Healthy where it is published, and sick when it is asked again, on the last node alone.
        await File.WriteAllTextAsync(Path.Combine(failing.Folder, "sick"), "");
        const string Sick = """
            private int asked;
            public Task<PluginHealth> CheckHealthAsync(IServiceProvider services, CancellationToken cancellationToken) =>
                Task.FromResult(Interlocked.Increment(ref asked) > 1 && File.Exists("sick") ? new PluginHealth(HealthLevel.Unhealthy, "the lamp is out") : PluginHealth.Healthy);
            """;
        await using var load = new Load(cluster, token, "one", "two");

        var (status, problem) = await RollAsync(cluster.Nodes[0], token, HttpMethod.Post, "/api/v1/plugins/greeter/update?allNodes=true", Package(cluster, "2.0.0", "two", ", ICheckHealth", Sick));
        var (_, change) = await Cluster.SendAsync(cluster.Nodes[0].Client, token, HttpMethod.Get, "/api/v1/nodes/changes/greeter");
        await load.EndAsync();

        Assert.Equal((500, "ROLLING_CHANGE_FAILED"), (status, (string)problem["code"]!));
        Assert.Contains((string)last["node"]!, (string)problem["detail"]!, StringComparison.Ordinal);
        Assert.Contains("the lamp is out", (string)problem["detail"]!, StringComparison.Ordinal);
        Assert.Equal("WentBack", (string)change["state"]!);
        Assert.Equal(["WentBack", "WentBack", "Failed"], change["nodes"]!.AsArray().Select(n => (string)n!["state"]!));
        Assert.Equal(["one", "one", "one"], await AnswersAsync(cluster, token));
    }

    [Fact]
    public async Task A_node_killed_in_its_turn_is_passed_over_and_takes_the_version_when_it_returns_and_one_that_joins_fresh_starts_with_it()
    {
        await using var cluster = await Cluster.StartAsync(3, "--node:settleSeconds=1", Cluster.Mortal);
        var token = await cluster.SignInAsync();
        await JoinedAsync(cluster, token, 3);
        var (_, install) = await RollAsync(cluster.Nodes[0], token, HttpMethod.Post, "/api/v1/plugins?allNodes=true", Package(cluster, "1.0.0", "one"));
        var order = install["nodes"]!.AsArray().Select(n => cluster.Nodes.Single(h => h.Address.ToString().TrimEnd('/') == (string)n!["address"]!)).ToArray();

        // It stays in its turn until it is killed.
        var hold = Path.Combine(order[1].Folder, "hold");
        await File.WriteAllTextAsync(hold, "");
        const string Held = "public async Task StartAsync(IServiceProvider services, CancellationToken cancellationToken) { while (File.Exists(\"hold\")) await Task.Delay(50, cancellationToken); }";

        // Asked of the node that dies in its own turn: nobody who could lead remains.
        var asked = Cluster.SendAsync(order[1].Client, token, HttpMethod.Post, "/api/v1/plugins/greeter/update?allNodes=true", Package(cluster, "2.0.0", "two", ", IStart", Held));
        await Cluster.UntilAsync(order[0].Client, token, "/api/v1/nodes/changes/greeter", (_, c) => (string?)c["nodes"]?[1]?["state"] == "Changing");
        await order[1].KillAsync();
        File.Delete(hold);
        await Assert.ThrowsAsync<HttpRequestException>(() => asked);
        await Cluster.UntilAsync(order[0].Client, token, "/api/v1/nodes/changes/greeter", (_, c) => (string?)c["state"] == "Done", 120);
        var (_, done) = await Cluster.SendAsync(order[2].Client, token, HttpMethod.Get, "/api/v1/nodes/changes/greeter");
        await order[1].KillAndRestartAsync();
        var returned = (await Cluster.SendAsync(order[1].Client, token, HttpMethod.Get, Route)).Body.ToString();
        var fresh = await cluster.AddAsync();
        var (first, joined) = await Cluster.SendAsync(fresh.Client, token, HttpMethod.Get, Route);

        Assert.Equal(["Changed", "Away", "Changed"], done["nodes"]!.AsArray().Select(n => (string)n!["state"]!));
        Assert.Equal(("two", 200, "two"), (returned, first, joined.ToString()));
        Assert.Equal(["two", "two", "two", "two"], await AnswersAsync(cluster, token));
    }

    [Fact]
    public async Task Disabling_enabling_and_removing_reach_all_nodes_and_those_that_were_away()
    {
        await using var cluster = await Cluster.StartAsync(2, "--node:settleSeconds=0.2", Cluster.Mortal);
        var token = await cluster.SignInAsync();
        await JoinedAsync(cluster, token, 2);
        await RollAsync(cluster.Nodes[0], token, HttpMethod.Post, "/api/v1/plugins?allNodes=true", Package(cluster, "1.0.0", "one"));

        var (disabled, _) = await RollAsync(cluster.Nodes[1], token, HttpMethod.Post, "/api/v1/plugins/greeter/disable?allNodes=true");
        var off = await StatesAsync(cluster, token);
        var (enabled, _) = await RollAsync(cluster.Nodes[1], token, HttpMethod.Post, "/api/v1/plugins/greeter/enable?allNodes=true");
        var on = await AnswersAsync(cluster, token);
        await cluster.Nodes[1].KillAsync();
        await Cluster.UntilAsync(cluster.Nodes[0].Client, token, "/api/v1/nodes", (_, nodes) => nodes.AsArray().Count == 1);
        var (removed, _) = await RollAsync(cluster.Nodes[0], token, HttpMethod.Delete, "/api/v1/plugins/greeter?allNodes=true");
        await cluster.Nodes[1].KillAndRestartAsync();

        Assert.Equal((200, 200, 200), (disabled, enabled, removed));
        Assert.Equal(["Stopped", "Stopped"], off);
        Assert.Equal(["one", "one"], on);
        Assert.Equal(["", ""], await StatesAsync(cluster, token));
    }

    private static Task<string[]> StatesAsync(Cluster cluster, string token) => Task.WhenAll(cluster.Nodes.Select(async n => (string?)(await Cluster.SendAsync(n.Client, token, HttpMethod.Get, "/api/v1/plugins/greeter")).Body["state"] ?? ""));

    private static JsonObject Package(Cluster cluster, string version, string text, string interfaces = "", string members = "") =>
        new() { ["path"] = PluginCompiler.Plugin(Path.Combine(cluster.Nodes[0].Folder, "sources", version), "greeter", version, PluginCompiler.Answering(text, "", interfaces, members)) };

    private static Task<(int Status, JsonNode Body)> RollAsync(RunningHost node, string token, HttpMethod method, string path, JsonObject? body = null) =>
        Cluster.SendAsync(node.Client, token, method, path, body);

    private static Task<TimeSpan[]> JoinedAsync(Cluster cluster, string token, int nodes) =>
        Task.WhenAll(cluster.Nodes.Select(n => Cluster.UntilAsync(n.Client, token, "/api/v1/nodes", (status, body) => status == 200 && body.AsArray().Count == nodes)));

    private static Task<string[]> AnswersAsync(Cluster cluster, string token) => Task.WhenAll(cluster.Nodes.Select(async n => (await Cluster.SendAsync(n.Client, token, HttpMethod.Get, Route)).Body.ToString()));

    /// <summary>Asks the nodes in turn, without a pause; every answer must be one of those expected.</summary>
    private sealed class Load : IAsyncDisposable
    {
        private readonly ConcurrentBag<string> wrong = [];
        private readonly CancellationTokenSource ending = new();
        private readonly Task work;
        private int asked;

        public Load(Cluster cluster, string token, params string[] expected) => work = Task.WhenAll(Enumerable.Range(0, 3).Select(async worker =>
        {
            for (var i = worker; !ending.IsCancellationRequested; i++)
            {
                var (status, body) = await Cluster.SendAsync(cluster.Nodes[i % cluster.Nodes.Count].Client, token, HttpMethod.Get, Route);
                Interlocked.Increment(ref asked);
                if (status != 200 || !expected.Contains(body.ToString())) wrong.Add($"{status} {body}");
            }
        }));

        public async Task EndAsync()
        {
            var clock = Stopwatch.StartNew();
            while (Volatile.Read(ref asked) <= 100 && !work.IsCompleted && clock.Elapsed < TimeSpan.FromSeconds(60)) await Task.Delay(20);
            await ending.CancelAsync();
            await work;
            Assert.True(wrong.IsEmpty, $"{wrong.Count} of {asked}: {string.Join('\n', wrong.Take(5))}");
            Assert.True(asked > 100, $"only {asked} requests");
        }

        public async ValueTask DisposeAsync()
        {
            await ending.CancelAsync();
            await work.ContinueWith(static _ => { }, TaskScheduler.Default);
            ending.Dispose();
        }
    }
}
