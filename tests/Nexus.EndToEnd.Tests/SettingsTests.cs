using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>Settings of a running node over HTTP.</summary>
public sealed class SettingsTests
{
    private const string Source = """
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) { var c = plugin.Configuration; plugin.MapEndpoints(r => { r.MapGet("/", () => c["limit"] ?? "none"); r.MapGet("/beta", () => "beta").WhenFeature("beta"); }); }
        }
        """;

    private static readonly JsonObject Schema = JsonNode.Parse("""
        { "type": "object", "additionalProperties": false, "properties": {
            "limit": { "type": "integer", "minimum": 1, "maximum": 100, "default": 10 },
            "apiSecret": { "type": "string", "secret": true } } }
        """)!.AsObject();

    [Fact]
    public async Task A_plugins_good_value_acts_on_the_next_request_and_a_bad_one_is_refused_whole()
    {
        await using var host = await StartAsync();
        Assert.Equal("10", await host.Client.GetStringAsync("/api/custom/shop/"));

        var good = await PutAsync(host, "/api/v1/plugins/shop/config", """{"limit":20,"apiSecret":"s3cr3t-4711"}""");
        Assert.Equal("20", await host.Client.GetStringAsync("/api/custom/shop/"));
        Assert.Equal("""{"updated_keys":["plugins.shop.apiSecret","plugins.shop.limit"],"restart_required":false}""", good.Text);

        var bad = await PutAsync(host, "/api/v1/plugins/shop/config", """{"limit":0,"colour":"red"}""");
        Assert.Equal((HttpStatusCode.BadRequest, "PLUGIN_CONFIGURATION_ERROR"), (bad.Status, (string)bad.Json["code"]!));
        Assert.Equal(["/plugins/shop/colour", "/plugins/shop/limit"], bad.Json["errors"]!.AsArray().Select(e => (string)e!["pointer"]!).Order());
        Assert.Equal("20", await host.Client.GetStringAsync("/api/custom/shop/"));
        Assert.Equal(HttpStatusCode.NotFound, (await PutAsync(host, "/api/v1/plugins/nobody/config", "{}")).Status);

        await host.KillAndRestartAsync();
        Assert.Equal("20", await host.Client.GetStringAsync("/api/custom/shop/"));
        foreach (var dump in new[] { "/api/v1/config", "/api/v1/plugins/shop/config", "/api/v1/data/core/settings/configuration", "/api/v1/data/plugins/custom/shop/config", "/api/v1/data?prefix=core" })
            Assert.DoesNotContain("s3cr3t-4711", await host.Client.GetStringAsync(dump), StringComparison.Ordinal);
        Assert.DoesNotContain("s3cr3t-4711", host.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plugins_setting_has_one_key_however_its_id_is_spelled()
    {
        await using var host = await StartAsync("acme.shop");

        var nested = await PutAsync(host, "/api/v1/config", """{"plugins":{"acme":{"shop":{"limit":20}}}}""");
        var section = await PutAsync(host, "/api/v1/config?section=plugins.acme.shop", """{"limit":30}""");
        var bad = await PutAsync(host, "/api/v1/config?section=plugins.acme.shop", """{"limit":101}""");
        var whole = await PutAsync(host, "/api/v1/config", """{"plugins":{"acme.shop":{"limit":40}}}""");
        var shown = (await host.GetAsync("/api/v1/config?section=plugins.acme")).AsArray().Select(v => ((string)v!["key"]!, (string)v["value"]!, (string)v["source"]!));
        var removed = await PutAsync(host, "/api/v1/config", """{"plugins":{"acme":{"shop":{"limit":null}}}}""");

        Assert.All(new[] { nested, section, whole, removed }, answer => Assert.Equal("""{"updated_keys":["plugins.acme.shop.limit"],"restart_required":false}""", answer.Text));
        Assert.Equal(HttpStatusCode.BadRequest, bad.Status);
        Assert.Equal([("plugins.acme.shop.limit", "40", "stored")], shown);
        Assert.Equal("10", await host.Client.GetStringAsync("/api/custom/shop/"));
        Assert.Equal("{}", (await host.GetAsync("/api/v1/data/core/settings/configuration"))["value"]?.ToJsonString() ?? "{}");
    }

    [Fact]
    public async Task A_platform_setting_tells_its_keys_and_whether_a_restart_is_needed()
    {
        await using var host = await StartAsync();

        var now = await PutAsync(host, "/api/v1/config", """{"server":{"limits":{"arrayLength":7}}}""");
        var later = await PutAsync(host, "/api/v1/config?section=logging", """{"format":"json"}""");
        var shown = (await host.GetAsync("/api/v1/config?section=server.limits")).AsArray();

        Assert.Equal("""{"updated_keys":["server.limits.arrayLength"],"restart_required":false}""", now.Text);
        Assert.Equal("""{"updated_keys":["logging.format"],"restart_required":true}""", later.Text);
        Assert.All(shown, v => Assert.StartsWith("server.limits.", (string)v!["key"]!, StringComparison.Ordinal));
        Assert.Equal(("7", "stored"), shown.Where(v => (string)v!["key"]! == "server.limits.arrayLength").Select(v => ((string)v!["value"]!, (string)v["source"]!)).Single());
        var limited = await host.Client.PostAsJsonAsync("/api/v1/events", new { name = "a.b", data = new int[8] });
        Assert.Equal("ARRAY_TOO_LONG", (string)JsonNode.Parse(await limited.Content.ReadAsStringAsync())!["code"]!);
    }

    [Fact]
    public async Task A_feature_flag_toggles_a_route_at_once()
    {
        await using var host = await StartAsync();
        async Task<string> AskAsync()
        {
            using var answer = await host.Client.GetAsync("/api/custom/shop/beta");
            return answer.IsSuccessStatusCode ? await answer.Content.ReadAsStringAsync() : (string)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["code"]!;
        }

        var before = await AskAsync();
        await PutAsync(host, "/api/v1/config?section=custom.features", """{"beta":true}""");
        var on = await AskAsync();
        await PutAsync(host, "/api/v1/config?section=custom.features", """{"beta":null}""");

        Assert.Equal(("ROUTE_NOT_FOUND", "beta", "ROUTE_NOT_FOUND"), (before, on, await AskAsync()));
    }

    [Fact]
    public async Task A_saved_file_takes_effect_by_reload_and_a_bad_one_is_refused_while_the_old_state_stays()
    {
        await using var host = await StartAsync();
        var file = Path.Combine(host.Folder, "nexus.yaml");

        await File.WriteAllTextAsync(file, "server:\n  hiddenFields: [pin]\nplugins:\n  shop:\n    limit: 33\n");
        var reloaded = await host.PostAsync("/api/v1/config/reload");
        await host.UntilAsync("/api/v1/plugins/shop/config", c => (string?)c["values"]!["limit"] == "33");
        await File.WriteAllTextAsync(file, "plugins:\n  shop:\n    limit: 1000\n");
        using var refused = await host.Client.PostAsync("/api/v1/config/reload", null);

        Assert.NotNull(reloaded["updated_keys"]);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("nexus.yaml:3:12", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("33", await host.Client.GetStringAsync("/api/custom/shop/"));
    }

    [Fact]
    public async Task A_port_that_the_command_line_sets_is_not_changed_by_a_setting()
    {
        await using var host = await StartAsync();

        var put = await PutAsync(host, "/api/v1/config?section=server", """{"port":9000}""");

        Assert.Equal("""{"updated_keys":[],"restart_required":false}""", put.Text);
    }

    [Theory]
    [InlineData("""{"server":{"prot":1}}""", "CONFIG_VALIDATION_ERROR", "did you mean 'port'")]
    [InlineData("""{"server":{"port":"many"}}""", "CONFIG_VALIDATION_ERROR", "port")]
    [InlineData("""{"server":{"port":70000}}""", "CONFIG_VALIDATION_ERROR", "65535")]
    [InlineData("""[1]""", "BAD_REQUEST", "JSON object")]
    [InlineData("""nonsense""", "BAD_REQUEST", "JSON")]
    public async Task A_setting_that_does_not_fit_is_refused_and_nothing_is_stored(string body, string code, string hint)
    {
        await using var host = await StartAsync();

        var put = await PutAsync(host, "/api/v1/config", body);

        Assert.Equal((HttpStatusCode.BadRequest, code), (put.Status, (string)put.Json["code"]!));
        Assert.Contains(hint, (string)put.Json["detail"]! + put.Json["errors"]?[0]?["detail"], StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain((await host.GetAsync("/api/v1/config")).AsArray(), v => (string)v!["source"]! == "stored");
    }

    [Fact]
    public async Task Secrets_are_not_even_shown_to_who_asks_for_them()
    {
        await using var host = await StartAsync();

        using var answer = await host.Client.GetAsync("/api/v1/config?mask_secrets=false");

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    private static async Task<RunningHost> StartAsync(string id = "shop")
    {
        var folder = Directory.CreateTempSubdirectory("nexus-settings-").FullName;
        var plugin = PluginCompiler.Plugin(Path.Combine(folder, "shop"), id, "1.0.0", Source, m => m["configuration"] = Schema.DeepClone());
        var host = await RunningHost.StartAsync(plugin);
        Directory.Delete(folder, recursive: true);
        return host;
    }

    private static async Task<(HttpStatusCode Status, string Text, JsonNode Json)> PutAsync(RunningHost host, string path, string body)
    {
        using var answer = await host.Client.PutAsync(path, new StringContent(body, System.Text.Encoding.UTF8, "application/json"));
        var text = await answer.Content.ReadAsStringAsync();
        return (answer.StatusCode, text, JsonNode.Parse(text)!);
    }
}
