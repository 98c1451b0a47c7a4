using System.Diagnostics;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>What a plugin makes of the platform's means, as operators see it.</summary>
public sealed class PluginUseTests
{
    private const string Source = """
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin)
            {
                plugin.AddTask("work", (_, _) => Task.CompletedTask);
                plugin.MapEndpoints(routes =>
                {
                    routes.MapGet("/at-once", () => "done");
                    routes.MapGet("/late", async () => { await Task.Delay(20); return "done"; });
                    routes.MapGet("/query", async (ISqlDatabase sql) => (await sql.QueryAsync("SELECT 1 AS one")).Length);
                    routes.MapGet("/queue", async (ITasks tasks) => { await tasks.EnqueueAsync("probe.work"); return "queued"; });
                });
            }
        }
        """;

    [Fact]
    public async Task Lazy_loads_awaits_pool_hits_and_queued_tasks_of_a_plugin_are_counted_in_its_description()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-e2e-").FullName;
        try
        {
            await using var host = await RunningHost.StartAsync(PluginCompiler.Plugin(Path.Combine(folder, "probe"), "probe", "1.0.0", Source, manifest => manifest["lazy"] = true));
            var asleep = await host.GetAsync("/api/v1/plugins/probe");

            foreach (var path in new[] { "at-once", "at-once", "late", "query", "query", "query", "queue", "queue" })
                await host.Client.GetStringAsync("/api/custom/probe/" + path);
            var (used, open) = await UsedAsync(host, uses: 4);

            Assert.Equal(("Discovered", 0, 0, 0, 0, 0), Read(asleep));
            var (state, generation, lazyLoads, awaits, poolHits, queuedTasks) = Read(used);
            Assert.Equal(("Active", 1, 1, 2), (state, generation, lazyLoads, queuedTasks));
            Assert.Equal((4, true), (poolHits + open, open is 1 or 2));
            // The late one for certain; a commit may end before anybody waits for it.
            Assert.InRange(awaits, 1, 3);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>
    /// The plugin, and the open connections to its file, once it was used so often: by three queries, and by the look for events of an earlier run that begins with the file's opening
    /// and goes on beside the first query. Each use finds an open connection, a hit, or opens one; the two that run at once may open one each.
    /// </summary>
    private static async Task<(JsonNode Plugin, int Open)> UsedAsync(RunningHost host, int uses)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var plugin = await host.GetAsync("/api/v1/plugins/probe");
            var pool = (await host.GetAsync("/api/v1/database"))["pools"]!.AsArray().Single(p => (string)p!["name"]! == "probe")!;
            var open = (int)pool["inUse"]! + (int)pool["idle"]!;
            if ((int)plugin["counters"]!["poolHits"]! + open >= uses || clock.Elapsed > TimeSpan.FromSeconds(60)) return (plugin, open);
            await Task.Delay(50);
        }
    }

    private static (string State, int Generation, int LazyLoads, int Awaits, int PoolHits, int QueuedTasks) Read(JsonNode plugin)
    {
        var counters = plugin["counters"]!;
        return ((string)plugin["state"]!, (int)plugin["generation"]!, (int)counters["lazyLoads"]!, (int)counters["awaits"]!, (int)counters["poolHits"]!, (int)counters["queuedTasks"]!);
    }
}
