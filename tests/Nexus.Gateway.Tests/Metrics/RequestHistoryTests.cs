using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Metrics;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Metrics;

public sealed class RequestHistoryTests
{
    [Fact]
    public async Task A_summary_agrees_with_the_load_that_was_sent()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("GET", "/{name}", AnswerAsync)));
        var before = TimeProvider.System.GetUtcNow();
        foreach (var name in Enumerable.Repeat("fast", 57).Concat(Enumerable.Repeat("slow", 4)).Concat(["bad", "bad"]).Append("gone"))
            await host.Client.GetAsync("/api/custom/probe/" + name);

        var summary = await JsonAsync(host, "/metrics/summary");

        Assert.Equal(64, summary.GetProperty("requests").GetInt64());
        Assert.Equal(2, summary.GetProperty("errors").GetInt64());
        Assert.Equal("""{"200":61,"410":1,"500":2}""", summary.GetProperty("by_status").GetRawText());
        Assert.True(summary.GetProperty("p50").GetDouble() < 0.1, summary.ToString());
        // Four of 64 take 150 ms and more: the 95th percentile is among them, in the bucket from 0.1 to 0.25 s or, on a busy machine, in a later one.
        Assert.InRange(summary.GetProperty("p95").GetDouble(), 0.1, 10);
        Assert.InRange(summary.GetProperty("p99").GetDouble(), summary.GetProperty("p95").GetDouble(), 10);
        Assert.InRange(summary.GetProperty("average").GetDouble(), 4 * 0.15 / 64, 1);
        Assert.InRange(summary.GetProperty("start").GetDateTimeOffset(), before.AddHours(-1).AddMinutes(-1), before);

        static async Task AnswerAsync(HttpContext context)
        {
            switch ((string)context.Request.RouteValues["name"]!)
            {
                case "slow": await Task.Delay(150); break;
                case "bad": throw new InvalidOperationException("no");
                case "gone": context.Response.StatusCode = 410; break;
            }

            await context.Response.WriteAsync("x");
        }
    }

    [Fact]
    public void Each_request_stands_in_its_minute_and_its_hour_and_a_step_without_one_is_empty()
    {
        var (clock, requests) = (new WallClock(new(2030, 1, 31, 11, 58, 20, TimeSpan.Zero)), new RequestMetrics());
        using var history = new RequestHistory(requests, clock);

        Send(requests, 200, 3);
        clock.Move(TimeSpan.FromMinutes(1));
        Send(requests, 404, 2);
        clock.Move(TimeSpan.FromMinutes(2));
        Send(requests, 503, 1);
        var start = new DateTimeOffset(2030, 1, 31, 11, 58, 0, TimeSpan.Zero);

        Assert.Equal([(11, 58, 3L), (11, 59, 2L), (12, 0, 0L), (12, 1, 1L)], history.Read(start, start.AddMinutes(4), TimeSpan.FromMinutes(1)).Select(s => (s.At.Hour, s.At.Minute, s.Tally.Requests)));
        Assert.Equal([(11, 55, 5L), (12, 0, 1L)], history.Read(start, start.AddMinutes(4), TimeSpan.FromMinutes(5)).Select(s => (s.At.Hour, s.At.Minute, s.Tally.Requests)));
        Assert.Equal([(11, 0, 5L), (12, 0, 1L)], history.Read(start, start.AddMinutes(4), TimeSpan.FromHours(1)).Select(s => (s.At.Hour, s.At.Minute, s.Tally.Requests)));
        Assert.Equal([503], history.Read(start.AddMinutes(3), start.AddMinutes(4), TimeSpan.FromMinutes(1)).Single().Tally.ByStatus.Keys);
    }

    [Fact]
    public void Minutes_are_forgotten_after_a_day_and_hours_are_not()
    {
        var (clock, requests) = (new WallClock(new(2030, 1, 31, 12, 0, 30, TimeSpan.Zero)), new RequestMetrics());
        using var history = new RequestHistory(requests, clock);
        var start = clock.GetUtcNow();
        Send(requests, 200, 7);
        for (var hour = 0; hour < 30; hour++)
            clock.Move(TimeSpan.FromHours(1));

        var error = Assert.Throws<NexusException>(() => history.Read(start, start.AddMinutes(1), TimeSpan.FromMinutes(1)));
        var kept = history.Read(start, start.AddHours(1), TimeSpan.FromHours(1));

        Assert.Equal(ErrorCodes.BadRequest, error.Code);
        Assert.Equal(7, kept[0].Tally.Requests);
        Assert.Equal(7, history.Read(start, clock.GetUtcNow(), TimeSpan.FromDays(1)).Sum(s => s.Tally.Requests));
    }

    [Fact]
    public async Task Metrics_are_json_steps_where_a_range_is_asked_for_and_text_otherwise()
    {
        await using var host = await GatewayHost.StartAsync();
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("GET", "/one", c => c.Response.WriteAsync("x"))));
        await host.Client.GetAsync("/api/custom/probe/one");
        await host.Client.GetAsync("/api/custom/probe/one");

        var now = TimeProvider.System.GetUtcNow();
        var steps = await JsonAsync(host, $"/metrics?start={now.AddMinutes(-9):yyyy-MM-ddTHH:mm:ssZ}&end={now.AddMinutes(1):yyyy-MM-ddTHH:mm:ssZ}&resolution=5m");
        using var asked = new HttpRequestMessage(HttpMethod.Get, "/metrics") { Headers = { { "Accept", "application/json" } } };
        using var json = await host.Client.SendAsync(asked);
        using var text = await host.Client.GetAsync("/metrics");

        Assert.Equal(300, steps.GetProperty("resolution_seconds").GetInt32());
        Assert.Equal(2, steps.GetProperty("points").EnumerateArray().Sum(p => p.GetProperty("by_status").TryGetProperty("200", out var count) ? count.GetInt64() : 0));
        Assert.All(steps.GetProperty("points").EnumerateArray(), p => Assert.Equal(0, p.GetProperty("at").GetDateTimeOffset().Minute % 5));
        Assert.Equal("application/json", json.Content.Headers.ContentType!.MediaType);
        Assert.Equal("text/plain", text.Content.Headers.ContentType!.MediaType);
    }

    [Theory]
    [InlineData("/metrics?resolution=30s")]
    [InlineData("/metrics?resolution=2d")]
    [InlineData("/metrics?resolution=x")]
    [InlineData("/metrics?start=2030-01-02T00:00:00Z&end=2030-01-01T00:00:00Z")]
    [InlineData("/metrics?start=2020-01-01T00:00:00Z")]
    [InlineData("/metrics/summary?start=yesterday")]
    public async Task A_range_that_cannot_be_answered_is_refused(string address)
    {
        await using var host = await GatewayHost.StartAsync();

        using var answer = await host.Client.GetAsync(address);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    private static void Send(RequestMetrics requests, int status, int times)
    {
        for (var i = 0; i < times; i++)
            requests.Count(null, "GET", status, TimeSpan.FromMilliseconds(3));
    }

    private static async Task<JsonElement> JsonAsync(GatewayHost host, string address)
    {
        using var answer = await host.Client.GetAsync(address);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, text);
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>A clock that is moved; timers that become due fire then, each once.</summary>
    private sealed class WallClock(DateTimeOffset now) : TimeProvider
    {
        private readonly List<Timer> timers = [];
        private DateTimeOffset at = now;

        public override DateTimeOffset GetUtcNow() => at;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new Timer(this, callback);
            timer.Change(dueTime, period);
            timers.Add(timer);
            return timer;
        }

        public void Move(TimeSpan by)
        {
            var to = at + by;
            while (timers.Where(t => t.Due <= to).MinBy(t => t.Due) is { } next)
            {
                at = next.Due!.Value;
                next.Fire();
            }

            at = to;
        }

        private sealed class Timer(WallClock clock, TimerCallback callback) : ITimer
        {
            public DateTimeOffset? Due { get; private set; }

            public bool Change(TimeSpan dueTime, TimeSpan period)
            {
                Due = clock.at + dueTime;
                return true;
            }

            public void Fire()
            {
                Due = null;
                callback(null);
            }

            public void Dispose() => Due = null;

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
