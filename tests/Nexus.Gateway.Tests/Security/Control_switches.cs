using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;

namespace Nexus.Gateway.Tests.Security;

/// <summary>Every control of the six layers, switched. A control without a line here fails.</summary>
public sealed class Control_switches
{
    /// <summary>What has no switch: it is part of how the platform is built.</summary>
    private static readonly string[] Always =
        ["input-limits", "output-sanitisation", "plugin-package-integrity", "plugin-data-boundary", "permission-before-plugin", "record-scopes", "secret-fields", "parameterised-queries", "tenant-isolation", "metrics"];

    /// <summary>What is on by default and by which setting it goes off.</summary>
    private static readonly Dictionary<string, (string Key, string Value)[]> Off = new()
    {
        ["address-rate-limit"] = [("security:rateLimits:enabled", "false")],
        ["connection-limit"] = [("security:connections:perAddress", "0")],
        ["slow-client-protection"] = [("security:connections:bytesPerSecond", "0")],
        ["host-filter"] = [("server:allowedHosts:0", "*")],
        ["request-rules"] = [("security:requestRules", "log")],
        ["security-headers"] = [("security:headers", "false")],
        ["content-security-policy"] = [("security:headers", "false")],
        ["cors"] = [("server:allowedOrigins:0", "*")],
        ["csrf"] = [("security:csrf", "false")],
        ["login-abuse-detection"] = [("security:abuse:failedLogins", "0")],
        ["caller-rate-limit"] = [("security:rateLimits:enabled", "false")],
        ["privilege-escalation-alert"] = [("security:abuse:deniedAdministration", "0")],
        ["access-log"] = [("server:accessLog", "false")],
        ["alerts"] = [("security:abuse:deniedAdministration", "0"), ("security:abuse:failedLogins", "0")],
    };

    /// <summary>What is off by default and by which setting it goes on.</summary>
    private static readonly Dictionary<string, (string Key, string Value)[]> On = new()
    {
        ["ip-rules"] = [("security:addresses:deny:0", "10.0.0.0/8")],
        ["tls"] = [("server:https:port", "443")],
        ["https-redirect"] = [("server:https:port", "443")],
        ["hsts"] = [("server:https:port", "443")],
        ["plugin-signatures"] = [("plugins:requireSignature", "true")],
    };

    /// <summary>What a plugin or a room brings.</summary>
    private static readonly string[] Brought = ["strategies", "no-local-administrator", "policy", "field-encryption", "audit-trail"];

    [Fact]
    public async Task Every_control_is_accounted_for()
    {
        await using var host = await GatewayHost.StartAsync();

        var controls = await ControlsAsync(host);

        Assert.Equal([.. Always.Concat(Off.Keys).Concat(On.Keys).Concat(Brought).Order(StringComparer.Ordinal)], controls.Keys.Order(StringComparer.Ordinal));
        Assert.All(Always.Concat(Off.Keys), name => Assert.True(controls[name], name));
        Assert.All(On.Keys.Concat(Brought), name => Assert.False(controls[name], name));
    }

    [Fact]
    public async Task Each_switch_shows()
    {
        foreach (var (name, settings) in Off)
        {
            await using var host = await GatewayHost.StartAsync(settings);
            Assert.False((await ControlsAsync(host))[name], name);
        }
        foreach (var (name, settings) in On)
        {
            // The plain port of this test would be sent to the one that is not there.
            await using var host = await GatewayHost.StartAsync([.. settings, .. name is "https-redirect" ? [] : new[] { ("server:https:redirect", "false") }]);
            if (name is "https-redirect")
                Assert.Equal(308, (int)(await host.Client.GetAsync("/api/v1/security/status")).StatusCode);
            else
                Assert.True((await ControlsAsync(host))[name], name);
        }
    }

    [Fact]
    public async Task What_plugins_and_rooms_bring_shows()
    {
        var trail = new FakeTrail();
        await using var host = await GatewayHost.StartAsync(configure: services =>
        {
            trail.Add(services);
            services.AddSingleton<IFieldProtection, NoProtection>();
        });
        host.Plugins.Publish(new FakeIdentity().Token("boss", "boss", "administrator").Plugin());

        var controls = await ControlsAsync(host, ("Authorization", "Bearer boss"));

        Assert.All(Brought, name => Assert.True(controls[name], name));
    }

    [Fact]
    public async Task Each_of_the_four_areas_and_six_layers_has_active_controls()
    {
        await using var host = await GatewayHost.StartAsync();

        var status = JsonNode.Parse(await host.Client.GetStringAsync("/api/v1/security/status"))!;

        Assert.Equal(["application", "data", "network", "plugin"], status["areas"]!.AsObject().Where(a => (int)a.Value! > 0).Select(a => a.Key).Order());
        Assert.Equal(["Network", "Application", "Authentication", "Authorization", "Data", "Audit and monitoring"], status["layers"]!.AsArray().Where(l => (int)l!["active"]! > 0).Select(l => (string)l!["name"]!));
    }

    private static async Task<Dictionary<string, bool>> ControlsAsync(GatewayHost host, params (string, string)[] headers)
    {
        var answer = await Resource_routes.SendAsync(host, HttpMethod.Get, "/api/v1/security/status", null, headers);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["layers"]!.AsArray().SelectMany(l => l!["controls"]!.AsArray()).ToDictionary(c => (string)c!["name"]!, c => (bool)c!["on"]!);
    }

    private sealed class NoProtection : IFieldProtection
    {
        public ValueTask<ReadOnlyMemory<byte>> ProtectAsync(string tenant, ReadOnlyMemory<byte> value, ReadOnlyMemory<byte> place, CancellationToken cancellationToken) => ValueTask.FromResult(value);

        public ValueTask<ReadOnlyMemory<byte>> UnprotectAsync(string tenant, ReadOnlyMemory<byte> sealedValue, ReadOnlyMemory<byte> place, CancellationToken cancellationToken) => ValueTask.FromResult(sealedValue);

        public ValueTask<ReadOnlyMemory<byte>> DigestAsync(string tenant, ReadOnlyMemory<byte> value, string field, CancellationToken cancellationToken) => ValueTask.FromResult(value);
    }
}
