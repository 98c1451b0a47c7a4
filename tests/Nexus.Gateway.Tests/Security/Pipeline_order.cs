using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;

namespace Nexus.Gateway.Tests.Security;

/// <summary>Which error wins when several apply: the stage that stands before the other.</summary>
public sealed class Pipeline_order
{
    private const string Route = "/api/custom/probe/v";
    private static readonly (string, string) Forwarded = ("X-Forwarded-For", "203.0.113.5");

    [Fact]
    public async Task Each_stage_wins_over_those_behind_it()
    {
        var identity = new FakeIdentity().Token("limited", new SignedIn(new Caller("ada", "ada", [], []), "default", "bearer") { RequestsPerMinute = 1 }).Token("boss", "boss", "administrator").Token("nobody", "nobody");
        await using var host = await GatewayHost.StartAsync(
            [("security:trustedProxies:0", "127.0.0.1"), ("security:addresses:deny:0", "203.0.113.66"), ("security:rateLimits:address:requests", "1"), ("security:rateLimits:address:seconds", "3600")], kestrel: true);
        var reached = 0;
        var probe = FakePlugins.Plugin("sample.probe", null, ("POST", "/v", c => { reached++; return c.Response.WriteAsync("ok"); }));
        host.Plugins.Publish(identity.Plugin(), probe with { Endpoints = [probe.Endpoints[0] with { Permission = "sample.probe:write" }] });
        Task<HttpResponseMessage> Send(string address, string target, string token, string body, params (string, string)[] more) =>
            Resource_routes.SendAsync(host, HttpMethod.Post, target, body, [("X-Forwarded-For", address), ("Authorization", "Bearer " + token), .. more]);

        // Everything is wrong with this request; what is put right is put right from the outside in.
        await Send("203.0.113.1", Route, "boss", "{}");
        await Problems.AssertAsync(await Send("203.0.113.66", Route + "?q=%3Cscript%3E", "wrong", "[", ("Host", "evil.example")), 403, "ADDRESS_BLOCKED");
        await Problems.AssertAsync(await Send("203.0.113.1", Route + "?q=%3Cscript%3E", "wrong", "[", ("Host", "evil.example")), 429, "RATE_LIMITED");
        await Problems.AssertAsync(await Send("203.0.113.2", Route + "?q=%3Cscript%3E", "wrong", "[", ("Host", "evil.example")), 421, "HOST_NOT_ALLOWED");
        await Problems.AssertAsync(await Send("203.0.113.3", Route + "?q=%3Cscript%3E", "wrong", "["), 403, "REQUEST_BLOCKED");
        await Problems.AssertAsync(await Send("203.0.113.4", Route, "wrong", "["), 401, "AUTHENTICATION_REQUIRED");
        await Problems.AssertAsync(await Send("203.0.113.5", Route, "limited", "["), 403, "PERMISSION_DENIED");
        await Problems.AssertAsync(await Send("203.0.113.6", Route, "limited", "["), 429, "RATE_LIMITED");
        await Problems.AssertAsync(await Send("203.0.113.7", Route, "nobody", "["), 403, "PERMISSION_DENIED");
        await Problems.AssertAsync(await Send("203.0.113.8", Route, "boss", "["), 400, "BAD_REQUEST");
        Assert.Equal(1, reached);
        Assert.Equal(200, (int)(await Send("203.0.113.9", Route, "boss", "{}")).StatusCode);
        Assert.Equal(2, reached);
    }

    [Fact]
    public async Task The_stages_are_listed_in_that_order()
    {
        await using var host = await GatewayHost.StartAsync();

        var stages = JsonNode.Parse(await host.Client.GetStringAsync("/api/v1/routes?pipeline"))!.AsArray().Select(s => s!["stage"]!.GetValue<string>());

        Assert.Equal(
            [
                "request id and trace", "address rules", "rate limit by address", "host, origin and TLS", "request rules", "authentication", "rate limit by caller or key", "API version", "re-routing", "routing", "lazy plugins", "other nodes",
                "authorization", "rate limit of the route", "input validation", "plugin middleware", "plugin", "output sanitisation", "compression",
            ],
            stages);
    }

    [Fact]
    public async Task A_refusal_of_each_stage_leaves_one_line_in_the_trail()
    {
        var trail = new FakeTrail();
        var identity = new FakeIdentity().Token("nobody", "nobody").Token("cookie", new SignedIn(new Caller("eve", "eve", [], ["administrator"]), "default", "cookie") { CsrfToken = "c" });
        await using var host = await GatewayHost.StartAsync([("security:trustedProxies:0", "127.0.0.1"), ("security:addresses:deny:0", "203.0.113.66")], kestrel: true, configure: trail.Add);
        host.Plugins.Publish(identity.Plugin());

        await Resource_routes.SendAsync(host, HttpMethod.Get, "/health", null, ("X-Forwarded-For", "203.0.113.66"));
        await Resource_routes.SendAsync(host, HttpMethod.Get, "/health", null, Forwarded, ("Host", "evil.example"));
        await Resource_routes.SendAsync(host, HttpMethod.Get, "/health", null, Forwarded, ("Origin", "http://evil.example"));
        await Resource_routes.SendAsync(host, HttpMethod.Get, "/health?q=%3Cscript%3E", null, Forwarded);
        await Resource_routes.SendAsync(host, HttpMethod.Get, "/api/v1/plugins", null, Forwarded);
        await Resource_routes.SendAsync(host, HttpMethod.Get, "/api/v1/plugins", null, Forwarded, ("Authorization", "Bearer nobody"));
        await Resource_routes.SendAsync(host, HttpMethod.Put, "/api/v1/config", "{}", Forwarded, ("Cookie", "nexus_session=cookie"));

        Assert.Equal(["security.address.refused", "security.host.refused", "security.origin.refused", "security.request.blocked", "auth.access.denied", "auth.access.denied", "security.csrf.refused"], trail.Actions);
        Assert.All(trail.Entries, e => Assert.Equal(AuditResult.Denied, e.Result));
        Assert.Equal(["203.0.113.66", "203.0.113.5", "203.0.113.5", "203.0.113.5", "203.0.113.5", "203.0.113.5", "203.0.113.5"], trail.Entries.Select(e => e.Address));
        Assert.Equal(["anonymous", "anonymous", "anonymous", "anonymous", "anonymous", "nobody", "eve"], trail.Entries.Select(e => e.Actor));
        Assert.Contains("platform.plugins:read", Encoding.UTF8.GetString(trail.Entries[4].Detail.Span), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_flood_of_refusals_does_not_fill_the_trail()
    {
        var trail = new FakeTrail();
        await using var host = await GatewayHost.StartAsync([("security:trustedProxies:0", "127.0.0.1"), ("security:addresses:deny:0", "203.0.113.66")], kestrel: true, configure: trail.Add);

        for (var i = 0; i < 500; i++)
            await Resource_routes.SendAsync(host, HttpMethod.Get, "/health", null, ("X-Forwarded-For", "203.0.113.66"));

        Assert.InRange(trail.Entries.Length, 60, 80);
    }
}
