using System.Net;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>What plugins need of each other and of the machine, as an operator sees it.</summary>
public sealed class DependencyTests
{
    [Fact]
    public async Task Unmet_needs_stop_their_plugin_alone_and_each_says_what_was_wanted_and_found()
    {
        await using var host = await RunningHost.StartAsync();
        Add(host, "old", "1.5.0");
        Add(host, "range", "1.0.0", m => m["dependencies"] = new JsonObject { ["old"] = "[2.0,3.0)" });
        Add(host, "round", "1.0.0", m => m["dependencies"] = new JsonObject { ["trip"] = "1.0" });
        Add(host, "trip", "1.0.0", m => m["dependencies"] = new JsonObject { ["round"] = "1.0" });
        Add(host, "alone", "1.0.0", m => m["dependencies"] = new JsonObject { ["absent"] = new JsonObject { ["version"] = "1.0", ["optional"] = true } });
        Add(host, "tool", "1.0.0", m => m["system"] = new JsonArray("no-such-program-anywhere"));
        await host.KillAndRestartAsync();

        var plugins = RunningHost.Rows(await host.GetAsync("/api/v1/plugins")).ToDictionary(p => (string)p["id"]!);
        string Cause(string id) => (string?)plugins[id]["cause"] ?? "";

        Assert.Equal(["alone", "old"], plugins.Values.Where(p => (string)p["state"]! == "Active" && (string?)p["category"] == "custom").Select(p => (string)p["id"]!).Order());
        Assert.Contains("range 1.0.0", Cause("range"), StringComparison.Ordinal);
        Assert.Contains("wants old [2.0,3.0), but found is 1.5.0", Cause("range"), StringComparison.Ordinal);
        Assert.Contains("dependency cycle round → trip → round", Cause("round"), StringComparison.Ordinal);
        Assert.Contains("dependency cycle round → trip → round", Cause("trip"), StringComparison.Ordinal);
        Assert.Contains("missing on this machine: the program no-such-program-anywhere", Cause("tool"), StringComparison.Ordinal);
        Assert.Equal("Degraded", (string?)(await host.GetAsync("/health"))["status"]);
    }

    [Fact]
    public async Task A_plugin_that_another_needs_is_not_removed_unless_it_is_forced()
    {
        await using var host = await RunningHost.StartAsync();
        Add(host, "ground", "1.0.0");
        Add(host, "house", "1.0.0", m => m["dependencies"] = new JsonObject { ["ground"] = "[1.0,2.0)" });
        await host.KillAndRestartAsync();

        using var refused = await host.Client.DeleteAsync("/api/v1/plugins/ground");
        var problem = JsonNode.Parse(await refused.Content.ReadAsStringAsync())!;
        var served = await host.Client.GetStringAsync("/api/custom/ground");
        using var forced = await host.Client.DeleteAsync("/api/v1/plugins/ground?force=true");

        Assert.Equal((HttpStatusCode.Conflict, "PLUGIN_DEPENDENCY_ERROR"), (refused.StatusCode, (string?)problem["code"]));
        Assert.Contains("ground cannot be removed: it is needed by house.", (string?)problem["detail"], StringComparison.Ordinal);
        Assert.Equal("ground 1.0.0", served);
        Assert.True(forced.IsSuccessStatusCode, await forced.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.NotFound, (await host.Client.GetAsync("/api/custom/ground")).StatusCode);
    }

    private static void Add(RunningHost host, string id, string version, Action<JsonObject>? manifest = null) =>
        PluginCompiler.Plugin(Path.Combine(host.Folder, "plugins", id), id, version, PluginCompiler.Answering($"{id} {version}"), manifest);
}
