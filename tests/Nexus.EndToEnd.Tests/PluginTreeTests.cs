using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>Where what belongs to a plugin lies in the document tree.</summary>
public sealed class PluginTreeTests
{
    private const string Source = """
        public sealed class ThePlugin : IPlugin, IStart
        {
            public void Configure(IPluginBuilder plugin) => plugin.AddMigrations();
            public async Task StartAsync(IServiceProvider s, CancellationToken t) => await s.GetRequiredService<IDocuments>().SetAsync("tills.front", 3, t);
        }
        """;

    [Fact]
    public async Task Settings_data_and_metadata_of_a_plugin_lie_in_its_part_of_the_tree_and_nowhere_else()
    {
        await using var host = await RunningHost.StartAsync([], []);
        await InstallAsync(host);

        using var answer = await host.Client.PutAsJsonAsync("/api/v1/plugins/shop/config", new { limit = 20, pin = "4711-0815" });
        var all = (await host.GetAsync("/api/v1/data?limit=1000")).AsArray().ToDictionary(d => (string)d!["path"]!, d => d!["value"]);

        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        Assert.Equal(["plugins/custom/shop/config", "plugins/custom/shop/data/tills/front", "plugins/custom/shop/metadata"], all.Keys.Where(path => path.Contains("/shop/", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Equal("""{"limit":20,"pin":"***hidden***"}""", all["plugins/custom/shop/config"]!.ToJsonString());
        Assert.Equal("3", all["plugins/custom/shop/data/tills/front"]!.ToJsonString());
        var metadata = all["plugins/custom/shop/metadata"]!;
        Assert.Equal(("1.0.0", 2), ((string?)metadata["version"], (int)metadata["schemaVersion"]!));
        Assert.InRange((DateTimeOffset)metadata["installedAt"]!, TimeProvider.System.GetUtcNow().AddMinutes(-5), TimeProvider.System.GetUtcNow());
        Assert.Equal("""{"$elsewhere":{"shop":"plugins/custom/shop/config"}}""", all["core/settings/configuration"]!.ToJsonString());
        Assert.DoesNotContain("4711-0815", string.Join(' ', all.Values.Select(v => v?.ToJsonString())), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Settings_of_a_plugin_outlive_a_restart_and_go_with_its_data()
    {
        await using var host = await RunningHost.StartAsync([], []);
        await InstallAsync(host);
        using var answer = await host.Client.PutAsJsonAsync("/api/v1/plugins/shop/config", new { limit = 20 });

        await host.KillAndRestartAsync();
        var after = await host.GetAsync("/api/v1/plugins/shop/config");
        using var removed = await host.Client.DeleteAsync("/api/v1/plugins/shop?deleteData=true");
        var left = (await host.GetAsync("/api/v1/data?limit=1000")).AsArray().Select(d => d!.ToJsonString()).Where(d => d.Contains("/shop/", StringComparison.Ordinal));

        Assert.Equal("20", (string?)after["values"]!["limit"]);
        Assert.True(removed.IsSuccessStatusCode, await removed.Content.ReadAsStringAsync());
        Assert.Empty(left);
    }

    private static async Task InstallAsync(RunningHost host)
    {
        var folder = PluginCompiler.Plugin(Path.Combine(host.Folder, "shop"), "shop", "1.0.0", Source, manifest => manifest["configuration"] = JsonNode.Parse("""
            { "type": "object", "properties": { "limit": { "type": "integer" }, "pin": { "type": "string", "secret": true } } }
            """));
        Directory.CreateDirectory(Path.Combine(folder, "migrations"));
        await File.WriteAllTextAsync(Path.Combine(folder, "migrations", "0001_init.sql"), "CREATE TABLE stock (sku TEXT);");
        await File.WriteAllTextAsync(Path.Combine(folder, "migrations", "0002_more.sql"), "ALTER TABLE stock ADD COLUMN amount INTEGER;");
        await host.PostAsync("/api/v1/plugins", new { path = folder });
    }
}
