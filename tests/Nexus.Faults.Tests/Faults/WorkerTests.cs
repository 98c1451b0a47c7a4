using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Nexus.EndToEnd.Tests;
using Nexus.Engines.PostgreSql.Tests;
using Nexus.Tests.Shared;

namespace Nexus.Faults.Tests.Faults;

/// <summary>Worker processes beside a node that runs no tasks itself, on one PostgreSQL.</summary>
[Collection<OneCluster>]
public sealed class WorkerTests
{
    private const int Tasks = 500;

    private const int Free = 400;

    /// <summary>The first hold on until both workers have some, the last until one of them is dead.</summary>
    private const string Source = """"
        public sealed record Done(int Number, string Worker) : Resource;

        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin)
            {
                plugin.AddResource<Done>("done", done => done.Index(d => d.Number));
                plugin.AddTask<int, int>("square", async (services, number, context, token) =>
                {
                    await services.GetRequiredService<IRepository<Done>>().CreateAsync(new Done(number, System.Environment.ProcessId.ToString()), token);
                    while (System.IO.File.Exists(number <= {free} ? "{folder}/begin" : "{folder}/end")) await Task.Delay(20, token);
                    await Task.Delay(50, token);
                    return number * number;
                }, task => task with { MaxRetries = 5, RetryDelay = TimeSpan.FromMilliseconds(200), BackOff = 1, Concurrency = 8 });
                plugin.MapEndpoints(routes => routes.MapPost("/ask", async (int from, int count, ITasks tasks, CancellationToken token) =>
                {
                    var ids = new List<Guid>();
                    for (var number = from; number < from + count; number++) ids.Add(await tasks.EnqueueAsync("square", number, cancellationToken: token));
                    return ids;
                }));
            }
        }
        """";

    [Fact]
    public async Task Two_workers_do_500_tasks_once_each_though_one_is_killed_and_the_results_outlive_both()
    {
        var database = await PostgreSqlServer.DatabaseAsync();
        var folder = Directory.CreateTempSubdirectory("nexus-workers-").FullName;
        string[] plugins = [PluginCompiler.Plugin(Path.Combine(folder, "squares"), "squares", "1.0.0", Source.Replace("{folder}", folder, StringComparison.Ordinal).Replace("{free}", $"{Free}", StringComparison.Ordinal)), Path.Combine(Programs.Plugins, "engines.postgresql")];
        string[] settings = ["--database:type=postgresql", $"--database:connectionString={database}", "--security:localAdministrator=true", "--security:rateLimits:enabled=false", "--server:accessLog=false", "--server:http2Port=0", "--tasks:lease=5s", "--node:leaseSeconds=3"];
        await using var node = await RunningHost.StartAsync(plugins, [.. settings, "--tasks:worker=false"]);
        await using var one = await RunningHost.StartAsync(plugins, [.. settings, "--node:roles:0=worker"]);
        await using var two = await RunningHost.StartAsync(plugins, [.. settings, "--node:roles:0=worker"]);
        await WorkersAsync(node, one.Pid, two.Pid);

        string[] gates = [Path.Combine(folder, "begin"), Path.Combine(folder, "end")];
        foreach (var gate in gates) await File.WriteAllTextAsync(gate, "");
        var ids = (await node.PostAsync($"/api/custom/squares/ask?from=1&count={Tasks}")).AsArray().Select(id => (string)id!).ToList();
        await HeldAsync(node, one.Pid, two.Pid);
        File.Delete(gates[0]);
        await DoneAsync(node, Free);
        await HeldAsync(node, one.Pid, two.Pid);
        await one.KillAsync();
        File.Delete(gates[1]);
        await DoneAsync(node, Tasks);

        var done = await AllAsync(node);
        Assert.Equal(Enumerable.Range(1, Tasks), done.Select(d => (int)d["number"]!).Order());
        Assert.Equal(new[] { one.Pid, two.Pid }.Order(), done.Select(d => int.Parse((string)d["worker"]!, CultureInfo.InvariantCulture)).Distinct().Order());
        // A killed worker is told of until its last sign of life is 30 s old, and not after.
        await WorkersAsync(node, two.Pid);
        await two.StopAsync();
        await WorkersAsync(node);
        for (var i = 0; i < Tasks; i += 7)
            Assert.Equal((i + 1) * (i + 1), (int)await node.GetAsync($"/api/v1/tasks/{ids[i]}/result"));
        Assert.Empty(RunningHost.Rows(await node.GetAsync("/api/v1/tasks?state=FAILURE&limit=10")));
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>Waits, bounded, until exactly these processes are told of as workers.</summary>
    private static async Task WorkersAsync(RunningHost node, params int[] processes)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var answer = await node.GetAsync("/api/v1/workers");
            var told = RunningHost.Rows(answer).Select(w => int.Parse(((string)w["name"]!).Split('-')[^2], CultureInfo.InvariantCulture)).Order();
            if (told.SequenceEqual(processes.Order())) return;
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(120), $"workers are {string.Join(", ", processes)}; told are {answer.ToJsonString()}");
            await Task.Delay(100);
        }
    }

    /// <summary>Waits, bounded, until each of these processes has tasks in its hands.</summary>
    private static async Task HeldAsync(RunningHost node, params int[] processes)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var held = RunningHost.Rows(await node.GetAsync("/api/v1/tasks?state=STARTED&limit=1000")).Select(t => (string?)t["worker"] ?? "").ToList();
            if (processes.All(p => held.Any(worker => worker.Contains($"-{p}-", StringComparison.Ordinal)))) return;
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(120), $"tasks are held by {string.Join(", ", held.Distinct())} and not by {string.Join(", ", processes)}\n{node.Log}");
            await Task.Delay(50);
        }
    }

    private static async Task DoneAsync(RunningHost node, int count)
    {
        var clock = Stopwatch.StartNew();
        while (RunningHost.Rows(await node.GetAsync("/api/v1/tasks/stats")).Sum(t => (int)t["SUCCESS"]!) < count)
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(120), $"{count} tasks were not done\n{node.Log}");
            await Task.Delay(100);
        }
    }

    /// <summary>In two parts, each of which has room for more than there should be.</summary>
    private static async Task<List<JsonNode>> AllAsync(RunningHost node)
    {
        var all = new List<JsonNode>();
        foreach (var half in new[] { $"[$lte]={Tasks / 2}", $"[$gt]={Tasks / 2}" })
            all.AddRange(RunningHost.Rows(await node.GetAsync($"/api/custom/squares/done?limit=500&filter[number]{half}")));
        return all;
    }
}
