using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Nexus.Data;
using Nexus.Kernel.Configuration;
using Nexus.Tests.Shared;

namespace Nexus.Kernel.Tests.Plugins;

public sealed class SettingsOfPluginsTests : IDisposable
{
    private const string Source = """
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) { var c = plugin.Configuration; plugin.MapEndpoints(r => r.MapGet("/", () => c["limit"] + " " + c["mail:port"])); }
        }
        """;

    private static readonly JsonObject Schema = JsonNode.Parse("""
        { "type": "object", "additionalProperties": false, "properties": {
            "limit": { "type": "integer", "minimum": 1, "default": 10 },
            "apiSecret": { "type": "string", "secret": true },
            "mail": { "type": "object", "properties": { "port": { "type": "integer", "default": 25 } } } } }
        """)!.AsObject();

    private readonly string folder = Directory.CreateTempSubdirectory("nexus-settings-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task A_plugin_gets_the_defaults_of_its_manifest_under_what_the_file_says()
    {
        await using var host = Host("plugins: { shop: { limit: 7 } }");
        host.Add("shop", Source, manifest: m => m["configuration"] = Schema.DeepClone());

        await host.StartAsync();

        Assert.Equal("7 25", await host.CallAsync("shop"));
    }

    [Fact]
    public async Task A_section_that_breaks_the_schema_fails_the_plugin_with_every_error_before_its_code_runs()
    {
        await using var host = Host("plugins: { shop: { limit: 0, mail: { port: many } } }");
        host.Add("shop", Source, manifest: m => m["configuration"] = Schema.DeepClone());
        host.Add("other", PluginCompiler.Answering("other"));

        await host.StartAsync();

        var status = host.Status("shop");
        Assert.Equal((PluginState.Failed, PluginState.Validating), (status.State, status.FailedIn));
        var error = await Assert.ThrowsAsync<NexusException>(() => host.RunAsync(new PluginCommand.Reload("shop")));
        Assert.Equal("PLUGIN_CONFIGURATION_ERROR", error.Code);
        Assert.Equal(["/plugins/shop/limit", "/plugins/shop/mail/port"], error.Errors.Select(e => e.Pointer).Order());
        Assert.DoesNotContain(host.Log.Lines, l => l.Contains("Plugin shop", StringComparison.Ordinal) && l.EndsWith(": Loading", StringComparison.Ordinal));
        Assert.Equal("other", await host.CallAsync("other"));
    }

    [Fact]
    public async Task A_version_that_fails_leaves_the_rules_of_the_one_that_serves()
    {
        await using var host = Host("plugins: { shop: { limit: 7 } }");
        host.Add("shop", Source, manifest: m => m["configuration"] = Schema.DeepClone());
        await host.StartAsync();
        var broken = host.Version("shop", "2.0.0", "public sealed class ThePlugin : IPlugin { public void Configure(IPluginBuilder plugin) => throw new InvalidOperationException(); }", m => m["configuration"] = JsonNode.Parse("""{ "type": "object", "properties": { "limit": { "type": "integer" }, "extra": { "type": "string", "default": "x" } } }"""));

        await Assert.ThrowsAsync<NexusException>(() => host.RunAsync(new PluginCommand.Install(broken, Update: true)));

        var configuration = host.Services.GetRequiredService<NexusConfiguration>();
        Assert.Null(configuration.Root["plugins:shop:extra"]);
        Assert.Equal("25", configuration.Root["plugins:shop:mail:port"]);
    }

    [Fact]
    public async Task A_stored_setting_reaches_the_running_plugin_survives_a_restart_and_secrets_stay_in()
    {
        await using (var host = Host("{}", storage: true))
        {
            host.Add("shop", Source, manifest: m => m["configuration"] = Schema.DeepClone());
            await StartAsync(host);
            var settings = host.Services.GetRequiredService<ISettings>();
            var manifest = host.Status("shop").Manifest!;

            var change = await settings.StoreAsync(manifest, JsonNode.Parse("""{ "limit": 3, "apiSecret": "hunter2" }""")!.AsObject(), TestContext.Current.CancellationToken);
            await settings.StoreAsync(manifest, JsonNode.Parse("""{ "apiSecret": "***hidden***" }""")!.AsObject(), TestContext.Current.CancellationToken);
            var refused = await Assert.ThrowsAsync<NexusException>(() => settings.StoreAsync(manifest, JsonNode.Parse("""{ "limit": 0 }""")!.AsObject(), TestContext.Current.CancellationToken));
            var port = await settings.StoreAsync(JsonNode.Parse("""{ "server": { "port": 9001 } }""")!.AsObject(), TestContext.Current.CancellationToken);

            Assert.Equal(("plugins:shop:apiSecret plugins:shop:limit", false), (string.Join(' ', change.UpdatedKeys), change.RestartRequired));
            Assert.Equal("3 25", await host.CallAsync("shop"));
            Assert.Equal(("PLUGIN_CONFIGURATION_ERROR", "/plugins/shop/limit"), (refused.Code, Assert.Single(refused.Errors).Pointer));
            Assert.Equal(("server:port", true), (string.Join(' ', port.UpdatedKeys), port.RestartRequired));
            Assert.Equal(new SettingValue("plugins:shop:apiSecret", "***hidden***", "stored", true, false), settings.Show().Single(v => v.Key == "plugins:shop:apiSecret"));
            Assert.Equal("hunter2", host.Services.GetRequiredService<NexusConfiguration>().Root["plugins:shop:apiSecret"]);
        }

        await using var again = Host("{}", storage: true);
        await StartAsync(again);

        Assert.Equal(("3", "9001"), (again.Services.GetRequiredService<NexusConfiguration>().Root["plugins:shop:limit"], again.Services.GetRequiredService<NexusConfiguration>().Root["server:port"]));
    }

    [Fact]
    public async Task A_locked_node_starts_only_what_it_was_locked_to()
    {
        var data = Path.Combine(folder, "data");
        await using (var first = new KernelHost(o => o.DataDirectory = data))
        {
            first.Add("hello", PluginCompiler.Answering("one"));
            await first.StartAsync();
        }

        await using var locked = new KernelHost(o => (o.DataDirectory, o.Locked) = (data, true));
        locked.Add("hello", PluginCompiler.Answering("changed"), "1.0.1");
        await locked.StartAsync();

        Assert.Equal(PluginState.Failed, locked.Status("hello").State);
        Assert.Contains("wants hello 1.0.0", locked.Status("hello").Cause, StringComparison.Ordinal);
    }

    private static async Task StartAsync(KernelHost host)
    {
        await StorageOpener.OpenAsync(host.Services, TestContext.Current.CancellationToken);
        foreach (var service in host.Services.GetServices<IHostedService>())
        {
            await service.StartAsync(TestContext.Current.CancellationToken);
        }
    }

    private KernelHost Host(string yaml, bool storage = false)
    {
        File.WriteAllText(Path.Combine(folder, "nexus.yaml"), yaml);
        var configuration = NexusConfiguration.Load(new ConfigurationRequest([], ImmutableDictionary<string, string>.Empty, folder));
        return new KernelHost(add: services =>
        {
            var node = new ConfigurationBuilder().AddConfiguration(configuration.Root).AddInMemoryCollection(new Dictionary<string, string?> { ["database:directory"] = Path.Combine(folder, "data") }).Build();
            var plugins = services.ToArray();
            services.Clear();
            services.AddSingleton<IConfiguration>(node).AddNexusConfiguration(configuration);
            foreach (var plugin in plugins)
            {
                services.Add(plugin);
            }

            if (storage)
            {
                services.AddNexusData(node);
            }
        });
    }
}
