using System.Collections.Immutable;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;

namespace Nexus.Gateway.Tests.Platform;

public sealed class Platform_routes
{
    [Fact]
    public async Task Status_lists_every_component_with_its_own_status()
    {
        await using var host = await GatewayHost.StartAsync();

        var status = await JsonAsync(host, "/api/v1/status");

        Assert.Equal(["config", "api_gateway", "plugin_manager", "event_bus", "service_registry", "db_adapter", "auth_manager"], status["components"]!.AsArray().Select(c => c!["name"]!.GetValue<string>()));
        Assert.All(status["components"]!.AsArray(), c => Assert.NotNull(c!["status"]));
    }

    [Fact]
    public async Task A_failed_plugin_degrades_health_and_an_essential_one_ends_it()
    {
        await using var host = await GatewayHost.StartAsync(configure: s => s.AddSingleton<IDependencyHealth>(new Disk()));
        var failed = new PluginStatus { Id = "sample.broken", Version = "1.0.0", State = PluginState.Failed, Cause = "start threw" };
        host.Plugins.Statuses = [failed];

        var degraded = await JsonAsync(host, "/health");
        Assert.Equal("Degraded", degraded["status"]!.GetValue<string>());
        Assert.Equal("start threw", degraded["plugins"]![0]!["detail"]!.GetValue<string>());
        Assert.Equal("disk", degraded["dependencies"]![0]!["name"]!.GetValue<string>());
        Assert.NotNull(degraded["core"]);
        Assert.Equal(200, (int)(await host.Client.GetAsync("/health/ready")).StatusCode);

        host.Plugins.Statuses = [failed with { Manifest = FakePlugins.Plugin("sample.broken").Manifest with { Essential = true } }];
        Assert.Equal(503, (int)(await host.Client.GetAsync("/health")).StatusCode);
        Assert.Equal(200, (int)(await host.Client.GetAsync("/health/live")).StatusCode);
    }

    [Fact]
    public async Task A_disk_or_a_memory_past_its_threshold_is_unhealthy_and_the_node_degraded()
    {
        await using var calm = await GatewayHost.StartAsync([("health:diskPercent", "100"), ("health:memoryPercent", "100")]);
        await using var full = await GatewayHost.StartAsync([("health:diskPercent", "0.001"), ("health:memoryPercent", "0.001")]);

        static string Parts(JsonNode health) => string.Join(' ', health["dependencies"]!.AsArray().Select(d => $"{d!["name"]}:{d["status"]}"));
        Assert.Equal("disk:Healthy memory:Healthy", Parts(await JsonAsync(calm, "/health")));
        var health = await JsonAsync(full, "/health");
        Assert.Equal(("Degraded", "disk:Unhealthy memory:Unhealthy"), ((string?)health["status"], Parts(health)));
        Assert.Matches(@"^[\d.]+ % of the disk /.* is used, health\.diskPercent is 0\.001: make room", (string?)health["dependencies"]![0]!["detail"]);
        Assert.Equal(["disk", "memory"], (await JsonAsync(full, "/ready"))["reasons"]!.AsArray().Select(r => (string?)r));
    }

    [Fact]
    public async Task The_route_table_equals_what_is_served()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("GET", "/{name}", c => c.Response.WriteAsync("x"))), Invoices.Plugin());

        var routes = (await JsonAsync(host, "/api/v1/routes")).AsArray();
        Assert.Single(routes, r => r!["url"]!.GetValue<string>() == "/api/custom/probe/{name}" && r["handler"]!.GetValue<string>() == "Probe /{name}");
        Assert.Equal(12, routes.Count(r => r!["plugin"]!.GetValue<string>() == "sample.billing"));

        host.Plugins.Publish();
        Assert.DoesNotContain((await JsonAsync(host, "/api/v1/routes")).AsArray(), r => r!["plugin"]!.GetValue<string>() != "nexus");
        Assert.Equal("request id and trace", (await JsonAsync(host, "/api/v1/routes?pipeline"))[0]!["stage"]!.GetValue<string>());
    }

    [Theory]
    [InlineData("POST", "/api/v1/plugins/a.b/enable", typeof(PluginCommand.Enable))]
    [InlineData("POST", "/api/v1/plugins/a.b/disable?force", typeof(PluginCommand.Disable))]
    [InlineData("POST", "/api/v1/plugins/a.b/reload", typeof(PluginCommand.Reload))]
    [InlineData("POST", "/api/v1/plugins/a.b/rollback", typeof(PluginCommand.Rollback))]
    [InlineData("DELETE", "/api/v1/plugins/a.b?deleteData=true", typeof(PluginCommand.Remove))]
    [InlineData("POST", "/api/v1/plugins/discover", typeof(PluginCommand.Discover))]
    public async Task Commands_reach_the_kernel(string method, string path, Type command)
    {
        await using var host = await GatewayHost.StartAsync();

        var answer = await Resource_routes.SendAsync(host, new HttpMethod(method), path);

        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        Assert.Equal(command, Assert.Single(host.Plugins.Commands).GetType());
    }

    [Fact]
    public async Task A_package_is_installed_by_upload_or_by_path()
    {
        await using var host = await GatewayHost.StartAsync();
        byte[]? received = null;
        host.Plugins.OnExecute = async (command, _) =>
        {
            var path = ((PluginCommand.Install)command).Path;
            received = File.Exists(path) ? await File.ReadAllBytesAsync(path) : null;
            return new PluginStatus { Id = "sample.new", Version = "1.0.0", State = PluginState.Active };
        };
        using var form = new MultipartFormDataContent { { new ByteArrayContent([1, 2, 3]), "file", "new.nxp" } };

        var uploaded = await host.Client.PostAsync("/api/v1/plugins", form);
        Assert.Equal(201, (int)uploaded.StatusCode);
        Assert.Equal("/api/v1/plugins/sample.new", uploaded.Headers.Location!.ToString());
        Assert.Equal([1, 2, 3], received!);
        Assert.False(File.Exists(((PluginCommand.Install)host.Plugins.Commands[0]).Path));

        await host.Client.PostAsync("/api/v1/plugins/sample.new/update", Resource_routes.Json("""{"path":"/packages/new.nxp","force":true}"""));
        Assert.Equal(new PluginCommand.Install("/packages/new.nxp", Update: true, Force: true), host.Plugins.Commands[1]);
        await Problems.AssertAsync(await host.Client.PostAsync("/api/v1/plugins", Resource_routes.Json("""{"path":"../x"}""")), 422, "VALIDATION_ERROR");
    }

    [Fact]
    public async Task Progress_streams_as_json_lines_and_ends_with_the_result_or_the_problem()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Plugins.OnExecute = (command, progress) =>
        {
            progress!.Report(new PluginProgress(command.Id, "loading", 0.5));
            throw new NexusException(ErrorCodes.PluginLoadFailed, "No entry assembly.");
        };

        var answer = await Resource_routes.SendAsync(host, HttpMethod.Post, "/api/v1/plugins/a.b/reload", null, ("Accept", "application/x-ndjson"));
        var lines = (await answer.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonNode.Parse(l)!).ToArray();

        Assert.Equal(["progress", "failed"], lines.Select(l => l["event"]!.GetValue<string>()));
        Assert.Equal("PLUGIN_LOAD_FAILED", lines[1]["data"]!["code"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_plugins_configuration_hides_its_secrets()
    {
        await using var host = await GatewayHost.StartAsync([("plugins:sample.probe:apiKey", "nx_123"), ("plugins:sample.probe:code", "4711"), ("plugins:sample.probe:size", "3")]);
        var manifest = FakePlugins.Plugin().Manifest with { Configuration = (JsonObject)JsonNode.Parse("""{"properties":{"code":{"type":"string","secret":true}}}""")! };
        host.Plugins.Statuses = [new PluginStatus { Id = "sample.probe", Version = "1.0.0", State = PluginState.Active, Manifest = manifest }];

        var values = (await JsonAsync(host, "/api/v1/plugins/sample.probe/config"))["values"]!;
        var all = await host.Client.GetStringAsync("/api/v1/config");

        Assert.Equal("""{"apiKey":"***hidden***","code":"***hidden***","size":"3"}""", values.ToJsonString());
        Assert.DoesNotContain("nx_123", all, StringComparison.Ordinal);
        await Problems.AssertAsync(await host.Client.GetAsync("/api/v1/plugins/nobody/config"), 404, "PLUGIN_NOT_FOUND");
    }

    [Fact]
    public async Task A_stored_setting_is_found_in_the_tree()
    {
        await using var host = await GatewayHost.StartAsync(configure: s => s.AddSingleton<IStorage>(new FakeStorage()));

        await Resource_routes.SendAsync(host, HttpMethod.Put, "/api/v1/settings/theme", "\"dark\"");

        Assert.Equal("\"dark\"", await host.Client.GetStringAsync("/api/v1/data/core.settings.theme"));
        Assert.Equal("core/settings/theme", (await JsonAsync(host, "/api/v1/data?prefix=core"))[0]!["path"]!.GetValue<string>());
        Assert.Equal(204, (int)(await host.Client.DeleteAsync("/api/v1/settings/theme")).StatusCode);
        await Problems.AssertAsync(await host.Client.GetAsync("/api/v1/data/core/settings/theme"), 404, "RESOURCE_NOT_FOUND");
    }

    [Fact]
    public async Task Metrics_show_what_each_pool_of_connections_holds()
    {
        await using var host = await GatewayHost.StartAsync(configure: s => s.AddSingleton<IConnectionPools>(new Pools(new PoolUse("nexus", 3, 5, 40))));

        var text = await host.Client.GetStringAsync("/metrics");

        Assert.Contains("# TYPE nexus_pool_in_use gauge\nnexus_pool_in_use{pool=\"nexus\"} 3\n", text, StringComparison.Ordinal);
        Assert.Contains("nexus_pool_idle{pool=\"nexus\"} 5\n", text, StringComparison.Ordinal);
        Assert.Contains("nexus_pool_max{pool=\"nexus\"} 40\n", text, StringComparison.Ordinal);
    }

    private sealed class Pools(params PoolUse[] pools) : IConnectionPools
    {
        public System.Collections.Immutable.ImmutableArray<PoolUse> List() => [.. pools];
    }

    [Fact]
    public async Task A_lazy_plugin_is_brought_up_by_its_first_request()
    {
        var activation = new Activation();
        await using var host = await GatewayHost.StartAsync(configure: s => s.AddSingleton<IPluginActivation>(activation));
        var plugin = FakePlugins.Plugin("sample.probe", null, ("GET", "/v", c => c.Response.WriteAsync("up")));
        host.Plugins.Publish(new PlatformSnapshot(1, []) { Inactive = [plugin.Manifest] });
        activation.OnActivate = () => host.Plugins.Publish(plugin);

        Assert.Equal("up", await host.Client.GetStringAsync("/api/custom/probe/v"));
        await Problems.AssertAsync(await host.Client.GetAsync("/api/custom/other/v"), 404, "ROUTE_NOT_FOUND");
        Assert.Equal(["/api/custom/probe/v"], activation.Paths);
    }

    private static async Task<JsonNode> JsonAsync(GatewayHost host, string path)
    {
        var answer = await host.Client.GetAsync(path);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, text);
        return JsonNode.Parse(text)!;
    }

    private sealed class Disk : IDependencyHealth
    {
        public string Name => "disk";

        public bool Essential => true;

        public ValueTask<PluginHealth> CheckAsync(CancellationToken cancellationToken) => ValueTask.FromResult(PluginHealth.Healthy);
    }

    private sealed class Activation : IPluginActivation
    {
        public List<string> Paths { get; } = [];

        public Action? OnActivate { get; set; }

        public ValueTask<bool> ActivateAsync(string path, CancellationToken cancellationToken)
        {
            Paths.Add(path);
            OnActivate?.Invoke();
            return ValueTask.FromResult(true);
        }
    }
}
