using System.Collections.Immutable;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Nexus.Gateway.Security.Addresses;
using Nexus.Gateway.Security.Callers;
using Nexus.Gateway.Security.Rules;
using Nexus.Gateway.Security.Transport;
using Nexus.Gateway.Security.Watch;

namespace Nexus.Gateway.Security.Status;

/// <summary>One control.</summary>
/// <param name="Layer">Its layer: Network, Application, Authentication, Authorization, Data, Audit and monitoring.</param>
/// <param name="Name">Its name.</param>
/// <param name="Area">What it protects: network, application, data, plugin.</param>
/// <param name="On">Whether it works now.</param>
/// <param name="Detail">How it is set, for people.</param>
internal sealed record SecurityControl(string Layer, string Name, string Area, bool On, string Detail);

/// <summary>Every control with its state, from what is in force now and not from what a file says.</summary>
internal sealed class SecurityControls(IServiceProvider host, ServerSettings server, IOptionsMonitor<SecurityOptions> options, IOptions<HttpsOptions> https, ActiveIdentity identity, IConfiguration configuration)
{
    /// <summary>The six layers, outermost first.</summary>
    public static ImmutableArray<string> Layers { get; } = ["Network", "Application", "Authentication", "Authorization", "Data", "Audit and monitoring"];

    /// <summary>All controls now.</summary>
    public ImmutableArray<SecurityControl> Current => [.. Network(), .. Application(), .. Authentication(), .. Authorization(), .. Data(), .. Audit()];

    private SecurityOptions Security => options.CurrentValue;

    private IEnumerable<SecurityControl> Network()
    {
        var rules = host.GetRequiredService<AddressRules>().Current;
        var blocks = host.GetRequiredService<AddressBlocks>().Current.Length;
        var rates = Security.RateLimits;
        var connections = Security.Connections;
        SecurityControl One(string name, bool on, string detail) => new("Network", name, "network", on, detail);
        yield return One("ip-rules", !rules.Allow.IsEmpty || !rules.Deny.IsEmpty || blocks > 0, $"{Security.Addresses.Allow.Length} allowed, {Security.Addresses.Deny.Length} denied, {blocks} blocked for a time");
        yield return One("address-rate-limit", rates.Enabled, $"{rates.Address.Requests} requests in {rates.Address.Seconds:0.###} s; {rates.Mode.ToString().ToLowerInvariant()}; this machine {(rates.Loopback ? "included" : "excepted")}");
        yield return One("connection-limit", connections.PerAddress > 0, $"{connections.Total} in all, {connections.PerAddress} an address");
        yield return One("slow-client-protection", connections.BytesPerSecond > 0, $"headers within {connections.HeaderSeconds:0.###} s, {connections.BytesPerSecond:0.###} bytes/s");
        yield return One("tls", https.Value.Port is not null, https.Value.Port is { } port ? $"TLS {https.Value.MinimumTls} on port {port}" : "plain HTTP only");
        yield return One("https-redirect", https.Value is { Port: not null, Redirect: true }, "plain HTTP answers 308");
        yield return One("hsts", https.Value is { Port: not null, HstsSeconds: > 0 }, $"{https.Value.HstsSeconds} s");
        yield return One("host-filter", !server.Current.AllowedHosts.Contains("*"), "Host names that are not served answer 421");
    }

    private IEnumerable<SecurityControl> Application()
    {
        var limits = server.Current.Limits;
        SecurityControl One(string name, bool on, string detail, string area = "application") => new("Application", name, area, on, detail);
        yield return One("request-rules", Security.RequestRules == RequestRuleMode.Block, $"{Security.RequestRules.ToString().ToLowerInvariant()}: {string.Join(", ", RequestRules.Names)}");
        yield return One("security-headers", Security.Headers, "frame options, referrer and permissions policy, cross-origin policies");
        yield return One("content-security-policy", Security.Headers, "nothing for data; nonces for pages");
        yield return One("cors", !server.Current.AllowedOrigins.Contains("*"), $"{server.Current.AllowedOrigins.Length} other origins may call");
        yield return One("csrf", Security.Csrf, "cookie callers repeat a token");
        yield return One("input-limits", true, $"body {limits.BodyBytes}, JSON {limits.JsonBytes}, depth {limits.JsonDepth}, array {limits.ArrayLength}, text {limits.StringLength}, headers {limits.HeaderBytes}, address {limits.UrlBytes}");
        yield return One("output-sanitisation", true, "JSON escapes what HTML interprets; secret and hidden fields are left out; nosniff");
        yield return One("plugin-package-integrity", true, "content hashes of packages", "plugin");
        yield return One("plugin-signatures", configuration.GetValue("plugins:requireSignature", false), "only packages of trusted signers are installed", "plugin");
        yield return One("plugin-data-boundary", true, "a plugin reaches its own part of the data only", "plugin");
    }

    private IEnumerable<SecurityControl> Authentication()
    {
        var strategies = identity.Current.Strategies;
        var abuse = Security.Abuse;
        SecurityControl One(string name, bool on, string detail) => new("Authentication", name, "application", on, detail);
        yield return One("strategies", !strategies.IsEmpty, strategies.IsEmpty ? "no active plugin brings one" : string.Join(", ", strategies.Select(s => s.Contribution.Name)));
        yield return One("no-local-administrator", !host.GetRequiredService<LocalAdministrator>().IsServed, "callers of this machine need credentials too");
        yield return One("login-abuse-detection", abuse.FailedLogins > 0, $"more than {abuse.FailedLogins} failed sign-ins an hour block the address for {abuse.BlockMinutes:0.###} min");
    }

    private IEnumerable<SecurityControl> Authorization()
    {
        var rates = Security.RateLimits;
        SecurityControl One(string name, bool on, string detail) => new("Authorization", name, "application", on, detail);
        var policy = host.GetRequiredService<IAuthorization>() is PolicyPoint point ? point.HasPolicy : true;
        yield return One("policy", policy, policy ? $"decided by {(identity.Current.PolicyPlugin is { Length: > 0 } plugin ? plugin : "the host")}" : "no active plugin brings one");
        yield return One("permission-before-plugin", true, "a route without a permission needs its plugin's own");
        yield return One("record-scopes", true, "own, team, all: inside the query");
        yield return One("caller-rate-limit", rates.Enabled, $"{rates.Caller.Requests} requests in {rates.Caller.Seconds:0.###} s");
        yield return One("privilege-escalation-alert", Security.Abuse.DeniedAdministration > 0, $"more than {Security.Abuse.DeniedAdministration} refused administrative requests in ten minutes");
    }

    private IEnumerable<SecurityControl> Data()
    {
        SecurityControl One(string name, bool on, string detail) => new("Data", name, "data", on, detail);
        var encrypted = host.GetService<IFieldProtection>() is not null;
        yield return One("field-encryption", encrypted, encrypted ? "secret and personal fields: AES-256-GCM under keys of the tenant" : "this host encrypts no fields");
        yield return One("secret-fields", true, "never returned; masked in logs, settings and the trail");
        yield return One("parameterised-queries", true, "no value of a caller is part of a statement's text");
        yield return One("tenant-isolation", true, "the tenant is part of every key and query");
    }

    private IEnumerable<SecurityControl> Audit()
    {
        SecurityControl One(string name, bool on, string detail) => new("Audit and monitoring", name, "application", on, detail);
        var trail = host.GetRequiredService<SecurityTrail>();
        yield return One("audit-trail", trail.IsKept, trail.IsKept ? "sealed by a plugin" : "entries go to the log only; no active plugin seals them");
        yield return One("access-log", server.Current.AccessLog, "one line a request");
        yield return One("metrics", true, "/metrics");
        yield return One("alerts", Security.Abuse is { FailedLogins: > 0 } or { DeniedAdministration: > 0 }, $"{host.GetRequiredService<Alerts>().Raised} raised, {trail.Denied} requests refused since the start");
    }
}
