using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Rest;

public sealed class Plugin_endpoints
{
    [Fact]
    public async Task A_route_answers_at_the_plugins_prefix()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("GET", "/{name}", c => c.Response.WriteAsync($"Hello, {c.Request.RouteValues["name"]}!"))));

        Assert.Equal("Hello, Ada!", await host.Client.GetStringAsync("/api/custom/probe/Ada"));
    }

    [Fact]
    public async Task A_handler_gets_a_scope_of_its_own_provider_only_when_it_asks()
    {
        var scopes = 0;
        await using var host = await GatewayHost.StartAsync();
        var lease = new FakeGeneration(s => s.AddScoped(_ => new Counted(() => scopes++)));
        host.Plugins.Publish(FakePlugins.Plugin(
            "sample.probe", lease,
            ("GET", "/with", c => c.Response.WriteAsync(c.RequestServices.GetRequiredService<Counted>().Name)),
            ("GET", "/without", c => c.Response.WriteAsync("none"))));

        await host.Client.GetStringAsync("/api/custom/probe/without");
        Assert.Equal(0, scopes);

        Assert.Equal("counted", await host.Client.GetStringAsync("/api/custom/probe/with"));
        Assert.Equal(1, scopes);
        Assert.Equal(0, lease.Leases);
    }

    [Fact]
    public async Task A_removed_plugin_answers_404_and_a_literal_route_beats_a_parameter()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("GET", "/{any}", c => c.Response.WriteAsync("any")), ("GET", "/exact", c => c.Response.WriteAsync("exact"))));

        Assert.Equal("exact", await host.Client.GetStringAsync("/api/custom/probe/exact"));
        Assert.Equal("any", await host.Client.GetStringAsync("/api/custom/probe/other"));

        host.Plugins.Publish();
        await Problems.AssertAsync(await host.Client.GetAsync("/api/custom/probe/exact"), 404, "ROUTE_NOT_FOUND");
    }

    [Fact]
    public async Task A_failure_of_a_handler_answers_500_without_its_text_and_returns_the_lease()
    {
        await using var host = await GatewayHost.StartAsync();
        var lease = new FakeGeneration();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", lease, ("GET", "/broken", _ => throw new InvalidOperationException("secret of the house"))));

        var answer = await host.Client.GetAsync("/api/custom/probe/broken");

        var problem = await Problems.AssertAsync(answer, 500, "INTERNAL_ERROR");
        Assert.DoesNotContain("secret", problem.ToJsonString(), StringComparison.Ordinal);
        Assert.Contains(host.Log.Lines, l => l.Contains("secret of the house", StringComparison.Ordinal) && l.Contains("sample.probe", StringComparison.Ordinal));
        Assert.Equal(0, lease.Leases);
    }

    [Fact]
    public async Task A_request_matched_to_a_draining_generation_is_answered_by_the_next()
    {
        await using var host = await GatewayHost.StartAsync();
        var old = new FakeGeneration();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", old, ("GET", "/v", c => c.Response.WriteAsync("1"))));
        var refusals = 0;
        old.OnRefused = () =>
        {
            // The third look finds it.
            if (++refusals == 2)
                host.Plugins.Publish(FakePlugins.Plugin("sample.probe", new FakeGeneration(), ("GET", "/v", c => c.Response.WriteAsync("2"))));
        };
        old.Drain();

        Assert.Equal("2", await host.Client.GetStringAsync("/api/custom/probe/v"));
        Assert.Equal(2, refusals);
    }

    [Fact]
    public async Task A_plugin_that_stays_out_of_reach_answers_503_with_retry_after()
    {
        await using var host = await GatewayHost.StartAsync();
        var old = new FakeGeneration();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", old, ("GET", "/v", c => c.Response.WriteAsync("1"))));
        old.Drain();

        var answer = await host.Client.GetAsync("/api/custom/probe/v");

        await Problems.AssertAsync(answer, 503, "SERVICE_UNAVAILABLE");
        Assert.Equal("1", answer.Headers.GetValues("Retry-After").Single());
    }

    [Fact]
    public async Task No_request_fails_while_generations_are_swapped_under_load()
    {
        await using var host = await GatewayHost.StartAsync(kestrel: true);
        FakeGeneration Publish(int version)
        {
            var lease = new FakeGeneration();
            host.Plugins.Publish(FakePlugins.Plugin("sample.probe", lease, ("GET", "/v", c => c.Response.WriteAsync($"v{version}")), ("POST", "/v", EchoAsync)));
            return lease;
        }

        var current = Publish(0);
        using var stop = new CancellationTokenSource();
        var answered = 0;
        var clients = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                var got = await host.Client.GetAsync("/api/custom/probe/v");
                Assert.Equal(HttpStatusCode.OK, got.StatusCode);
                var posted = await host.Client.PostAsync("/api/custom/probe/v", new StringContent("""{"a":1}""", Encoding.UTF8, "application/json"));
                Assert.Equal("""{"a":1}""", await posted.Content.ReadAsStringAsync());
                Interlocked.Add(ref answered, 2);
            }
        })).ToArray();

        // As many as it takes until the clients have been served through them: on a busy machine sixty are over before the first connection stands.
        using var limit = new CancellationTokenSource(Until.Patience);
        for (var version = 1; (version <= 60 || Volatile.Read(ref answered) <= 100) && !limit.IsCancellationRequested && !clients.Any(c => c.IsCompleted); version++)
        {
            var next = Publish(version);
            current.Drain();
            while (current.Leases > 0)
                await Task.Yield();
            await current.DisposeAsync();
            current = next;
            await Task.Delay(2);
        }
        await stop.CancelAsync();
        await Task.WhenAll(clients);

        Assert.True(answered > 100, $"{answered} requests");
    }

    [Fact]
    public async Task An_event_stream_ends_when_its_generation_stops_and_others_may_finish()
    {
        await using var host = await GatewayHost.StartAsync(kestrel: true);
        var lease = new FakeGeneration();
        var release = new TaskCompletionSource();
        host.Plugins.Publish(FakePlugins.Plugin(
            "sample.probe", lease,
            ("GET", "/stream", async c =>
            {
                c.Response.ContentType = "text/event-stream";
                await c.Response.WriteAsync("data: 1\n\n");
                await c.Response.Body.FlushAsync();
                await Task.Delay(Timeout.Infinite, c.RequestAborted);
            }),
            ("GET", "/slow", async c =>
            {
                await release.Task.WaitAsync(c.RequestAborted);
                await c.Response.WriteAsync("done");
            })));
        using var stream = await host.Client.GetStreamAsync("/api/custom/probe/stream");
        var slow = host.Client.GetStringAsync("/api/custom/probe/slow");
        using var reader = new StreamReader(stream);
        Assert.Equal("data: 1", await reader.ReadLineAsync());
        await HeldAsync(lease, 2);

        lease.Drain();
        lease.Stop();

        Assert.Equal("", await reader.ReadLineAsync().WaitAsync(Until.Patience));
        Assert.Null(await reader.ReadLineAsync().WaitAsync(Until.Patience));
        Assert.False(slow.IsCompleted);
        release.SetResult();
        Assert.Equal("done", await slow);
        Assert.Equal(0, lease.Leases);
    }

    [Fact]
    public async Task A_handler_over_its_time_limit_answers_408_and_a_stream_goes_on()
    {
        await using var host = await GatewayHost.StartAsync([("server:limits:requestSeconds", "0.3")], kestrel: true);
        host.Plugins.Publish(FakePlugins.Plugin(
            "sample.probe", null,
            ("GET", "/slow", c => Task.Delay(Timeout.Infinite, c.RequestAborted)),
            ("GET", "/stream", async c =>
            {
                await c.Response.WriteAsync("begun ");
                await c.Response.Body.FlushAsync(c.RequestAborted);
                await Task.Delay(900, c.RequestAborted);
                await c.Response.WriteAsync("ended");
            })));

        var stream = host.Client.GetStringAsync("/api/custom/probe/stream");

        await Problems.AssertAsync(await host.Client.GetAsync("/api/custom/probe/slow"), 408, "REQUEST_TIMEOUT");
        Assert.Equal("begun ended", await stream);
    }

    [Fact]
    public async Task A_request_that_outlives_the_drain_answers_503()
    {
        await using var host = await GatewayHost.StartAsync(kestrel: true);
        var lease = new FakeGeneration();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", lease, ("GET", "/slow", c => Task.Delay(Timeout.Infinite, c.RequestAborted))));
        var slow = host.Client.GetAsync("/api/custom/probe/slow");
        await HeldAsync(lease, 1);

        lease.Drain();
        lease.Stop();
        lease.Abort();

        await Problems.AssertAsync(await slow, 503, "SERVICE_UNAVAILABLE");
        Assert.Equal(0, lease.Leases);
    }

    [Fact]
    public async Task A_handler_that_asks_after_the_abort_is_told_at_once()
    {
        await using var host = await GatewayHost.StartAsync();
        var lease = new FakeGeneration();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", lease, ("GET", "/late", c =>
        {
            lease.Drain();
            lease.Stop();
            lease.Abort();
            return Task.Delay(Timeout.Infinite, c.RequestAborted);
        })));

        await Problems.AssertAsync(await host.Client.GetAsync("/api/custom/probe/late").WaitAsync(Until.Patience), 503, "SERVICE_UNAVAILABLE");
    }

    [Fact]
    public async Task Middleware_of_plugins_wraps_in_order_and_may_end_the_chain()
    {
        await using var host = await GatewayHost.StartAsync();
        var probe = FakePlugins.Plugin("sample.probe", null, ("GET", "/v", c => c.Response.WriteAsync("probe")));
        var wrapper = FakePlugins.Plugin("sample.wrapper", new FakeGeneration(s => s.AddSingleton(new Counted(() => { })))) with
        {
            Middleware =
            [
                new(20, async (c, next) => { await c.Response.WriteAsync("(" + c.RequestServices.GetRequiredService<Counted>().Name); await next(); await c.Response.WriteAsync(")"); }),
                new(10, async (c, next) => { c.Response.Headers["X-Order"] = "10"; if (c.Request.Query.ContainsKey("stop")) { c.Response.StatusCode = 204; return; } await next(); }),
            ],
        };
        host.Plugins.Publish(probe, wrapper);

        var passed = await host.Client.GetAsync("/api/custom/probe/v");
        var ended = await host.Client.GetAsync("/api/custom/probe/v?stop");

        Assert.Equal("(countedprobe)", await passed.Content.ReadAsStringAsync());
        Assert.Equal("10", passed.Headers.GetValues("X-Order").Single());
        Assert.Equal(HttpStatusCode.NoContent, ended.StatusCode);
    }

    [Fact]
    public async Task A_route_with_a_permission_is_refused_to_those_who_lack_it()
    {
        await using var host = await GatewayHost.StartAsync(configure: s => s.AddSingleton<IAuthorization>(new DenyAll()));
        var ran = false;
        var plugin = FakePlugins.Plugin("sample.probe", null, ("GET", "/v", _ => { ran = true; return Task.CompletedTask; }));
        host.Plugins.Publish(plugin with { Endpoints = [plugin.Endpoints[0] with { Permission = "sample.probe:read" }] });

        await Problems.AssertAsync(await host.Client.GetAsync("/api/custom/probe/v"), 403, "PERMISSION_DENIED");
        Assert.False(ran);
    }

    private static Task HeldAsync(FakeGeneration lease, int leases) => Until.HoldsAsync(() => lease.Leases == leases, () => $"{lease.Leases} leases");

    private static async Task EchoAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        await context.Response.WriteAsync(await reader.ReadToEndAsync());
    }

    private sealed class Counted
    {
        public Counted(Action made) => made();

        public string Name { get; } = "counted";
    }

    private sealed class DenyAll : IAuthorization
    {
        public ValueTask<AccessDecision> DecideAsync(CallContext context, string permission, CancellationToken cancellationToken) =>
            ValueTask.FromResult(new AccessDecision(AccessScope.None, "Nobody may."));
    }
}
