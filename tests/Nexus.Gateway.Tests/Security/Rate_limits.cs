using System.Globalization;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Security;

public sealed class Rate_limits
{
    private static ActivePlugin Limited(FakeGeneration? lease = null)
    {
        var plugin = FakePlugins.Plugin("sample.probe", lease, ("GET", "/limited", c => c.Response.WriteAsync("x")), ("GET", "/free", c => c.Response.WriteAsync("y")));
        return plugin with { Endpoints = plugin.Endpoints.SetItem(0, plugin.Endpoints[0] with { RateLimit = new RateLimit(10, TimeSpan.FromMinutes(1)) }) };
    }

    [Fact]
    public async Task The_eleventh_call_in_the_window_is_429_and_says_when_to_come_back()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Plugins.Publish(Limited());
        var remaining = new List<string>();
        for (var call = 0; call < 10; call++)
        {
            var answer = await host.Client.GetAsync("/api/custom/probe/limited");
            Assert.Equal(200, (int)answer.StatusCode);
            Assert.Equal("10", answer.Headers.GetValues("RateLimit-Limit").Single());
            remaining.Add(answer.Headers.GetValues("RateLimit-Remaining").Single());
        }

        var refused = await host.Client.GetAsync("/api/custom/probe/limited");

        Assert.Equal(["9", "8", "7", "6", "5", "4", "3", "2", "1", "0"], remaining);
        await Problems.AssertAsync(refused, 429, "RATE_LIMITED");
        Assert.InRange(int.Parse(refused.Headers.GetValues("Retry-After").Single(), CultureInfo.InvariantCulture), 1, 60);
        Assert.Equal("0", refused.Headers.GetValues("RateLimit-Remaining").Single());
        Assert.Equal("10;w=60", refused.Headers.GetValues("RateLimit-Policy").Single());
        Assert.Equal(200, (int)(await host.Client.GetAsync("/api/custom/probe/free")).StatusCode);
    }

    [Fact]
    public async Task A_swap_gives_nobody_a_fresh_start()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Plugins.Publish(Limited());
        for (var call = 0; call < 10; call++)
            await host.Client.GetAsync("/api/custom/probe/limited");

        host.Plugins.Publish(Limited());

        await Problems.AssertAsync(await host.Client.GetAsync("/api/custom/probe/limited"), 429, "RATE_LIMITED");
    }

    [Fact]
    public async Task Work_after_the_answer_holds_its_generation_and_its_failure_is_only_logged()
    {
        await using var host = await GatewayHost.StartAsync();
        var release = new TaskCompletionSource();
        var lease = new FakeGeneration();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", lease, ("GET", "/later", c =>
        {
            c.AfterResponse(async (_, _) =>
            {
                await release.Task;
                throw new InvalidOperationException("too late");
            });
            return c.Response.WriteAsync("answered");
        })));

        Assert.Equal("answered", await host.Client.GetStringAsync("/api/custom/probe/later"));
        Assert.Equal(1, lease.Leases);
        release.SetResult();
        await Until.HoldsAsync(() => lease.Leases == 0, () => $"{lease.Leases} leases");

        Assert.Contains(host.Log.Lines, l => l.Contains("too late", StringComparison.Ordinal));
    }
}
