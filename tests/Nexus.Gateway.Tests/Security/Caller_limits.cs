using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.Tests.Rest;

namespace Nexus.Gateway.Tests.Security;

public sealed class Caller_limits
{
    private static readonly (string, string)[] Three = [("security:rateLimits:loopback", "true"), ("security:rateLimits:address:requests", "3"), ("security:rateLimits:address:seconds", "600")];

    [Fact]
    public async Task The_fourth_request_of_an_address_is_429_with_every_header()
    {
        await using var host = await GatewayHost.StartAsync(Three, kestrel: true);

        var first = await host.Client.GetAsync("/health/live");
        await host.Client.GetAsync("/health/live");
        await host.Client.GetAsync("/health/live");
        var refused = await host.Client.GetAsync("/health/live");

        Assert.Equal(("3", "2", "200", "3;w=600"), (Header(first, "RateLimit-Limit"), Header(first, "RateLimit-Remaining"), Header(first, "RateLimit-Reset"), Header(first, "RateLimit-Policy")));
        Assert.Equal(("3", "2", "200"), (Header(first, "X-RateLimit-Limit"), Header(first, "X-RateLimit-Remaining"), Header(first, "X-RateLimit-Reset")));
        await Problems.AssertAsync(refused, 429, "RATE_LIMITED");
        Assert.Equal("0", Header(refused, "RateLimit-Remaining"));
        // The rest of the 200 s in which one comes back.
        Assert.InRange(int.Parse(Header(refused, "Retry-After"), CultureInfo.InvariantCulture), 100, 200);
    }

    [Fact]
    public async Task This_machine_is_not_counted_unless_it_is_told_to()
    {
        await using var host = await GatewayHost.StartAsync([.. Three[1..]], kestrel: true);

        for (var i = 0; i < 10; i++)
            Assert.Equal(200, (int)(await host.Client.GetAsync("/health/live")).StatusCode);
    }

    [Fact]
    public async Task A_caller_is_counted_wherever_it_calls_from_and_others_are_not_hurt()
    {
        var identity = new FakeIdentity().Token("t1", "ada", "administrator").Token("t2", "ben", "administrator");
        await using var host = await GatewayHost.StartAsync([("security:trustedProxies:0", "127.0.0.1"), ("security:rateLimits:caller:requests", "2")], kestrel: true);
        host.Plugins.Publish(identity.Plugin());
        async Task<int> SendAsync(string token, string address) => (int)(await Resource_routes.SendAsync(host, HttpMethod.Get, "/api/v1/plugins", null, ("Authorization", "Bearer " + token), ("X-Forwarded-For", address))).StatusCode;

        Assert.Equal(200, await SendAsync("t1", "203.0.113.1"));
        Assert.Equal(200, await SendAsync("t1", "203.0.113.2"));
        Assert.Equal(429, await SendAsync("t1", "203.0.113.3"));
        Assert.Equal(200, await SendAsync("t2", "203.0.113.1"));
    }

    [Fact]
    public async Task A_key_has_its_own_limit_under_its_own_name()
    {
        SignedIn Key(string key) => new(new Caller("ada", "ada", [], ["administrator"]), "default", "apikey") { LimitKey = key, RequestsPerMinute = 2 };
        await using var host = await GatewayHost.StartAsync(kestrel: true);
        host.Plugins.Publish(new FakeIdentity().Token("k1", Key("key:1")).Token("k2", Key("key:2")).Plugin());
        async Task<HttpResponseMessage> SendAsync(string key) => await Resource_routes.SendAsync(host, HttpMethod.Get, "/api/v1/plugins", null, ("X-API-Key", key));

        Assert.Equal("2;w=60", Header(await SendAsync("k1"), "RateLimit-Policy"));
        Assert.Equal(200, (int)(await SendAsync("k1")).StatusCode);
        Assert.Equal(429, (int)(await SendAsync("k1")).StatusCode);
        Assert.Equal(200, (int)(await SendAsync("k2")).StatusCode);
    }

    [Fact]
    public async Task Throttling_holds_requests_back_and_refuses_those_that_would_wait_too_long()
    {
        await using var host = await GatewayHost.StartAsync(
            [("security:rateLimits:loopback", "true"), ("security:rateLimits:mode", "throttle"), ("security:rateLimits:maxDelaySeconds", "0.45"), ("security:rateLimits:address:requests", "1"), ("security:rateLimits:address:seconds", "0.2")], kestrel: true, configure: s => s.AddSingleton<TimeProvider>(new FakeTime()));
        var clock = Stopwatch.StartNew();

        var statuses = await Task.WhenAll(Enumerable.Range(0, 10).Select(async _ => (int)(await host.Client.GetAsync("/health/live")).StatusCode));

        // The clock of the limits stands still, however late they come: one at once, two that wait for 0.2 and 0.4 s.
        Assert.Equal((3, 7), (statuses.Count(s => s == 200), statuses.Count(s => s == 429)));
        Assert.InRange(clock.Elapsed, TimeSpan.FromSeconds(0.35), Until.Patience);
    }

    private static string Header(HttpResponseMessage answer, string name) => answer.Headers.GetValues(name).Single();
}
