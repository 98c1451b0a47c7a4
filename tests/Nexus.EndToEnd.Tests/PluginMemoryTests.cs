using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>The memory of each plugin in a process that they share.</summary>
public sealed class PluginMemoryTests
{
    private const string Source = """
        public sealed class ThePlugin : IPlugin
        {
            private static readonly List<byte[]> Held = new();
            public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(routes =>
            {
                routes.MapGet("/hold", () => { Held.Add(new byte[32 << 20]); return "held"; });
                routes.MapGet("/free", () => { Held.Clear(); return "freed"; });
            });
        }
        """;

    [Theory]
    [InlineData("hot")]
    [InlineData("stable")]
    public async Task Memory_of_a_plugin_follows_what_it_holds_and_leaves_that_of_others_alone(string isolation)
    {
        await using var host = await RunningHost.StartAsync([], []);
        foreach (var id in new[] { "keeper", "other" })
            await host.PostAsync("/api/v1/plugins", new { path = PluginCompiler.Plugin(Path.Combine(host.Folder, id), id, "1.0.0", Source, manifest => manifest["isolation"] = isolation) });
        Assert.Null((await host.GetAsync("/api/v1/plugins/keeper/metrics"))["memory"]);

        var before = await HeldAsync(host, "keeper");
        await host.Client.GetStringAsync("/api/custom/keeper/hold");
        var holding = await HeldAsync(host, "keeper");
        var neighbour = (long)(await host.GetAsync("/api/v1/plugins/other/metrics"))["memory"]!["heldBytes"]!;
        await host.Client.GetStringAsync("/api/custom/keeper/free");
        var after = await HeldAsync(host, "keeper");

        Assert.InRange(before, 1, 1 << 20);
        Assert.InRange(holding - before, 32 << 20, 33 << 20);
        Assert.InRange(neighbour, 1, 1 << 20);
        Assert.InRange(after, 1, 1 << 20);
    }

    private static async Task<long> HeldAsync(RunningHost host, string plugin) => (long)(await host.GetAsync($"/api/v1/plugins/{plugin}/metrics?memory=true"))["memory"]!["heldBytes"]!;
}
