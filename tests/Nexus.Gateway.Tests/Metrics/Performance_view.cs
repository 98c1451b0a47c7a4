using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Metrics;

public sealed class Performance_view
{
    [Fact]
    public async Task It_has_the_slowest_queries_first_and_routes_but_no_streams()
    {
        var noted = new SlowQuery(DateTimeOffset.UnixEpoch, 250, "orders", "SELECT ?", "SCAN orders");
        await using var host = await GatewayHost.StartAsync(configure: s => s.AddSingleton<ISlowQueries>(new Slow([noted])));
        host.Plugins.Publish(FakePlugins.Plugin("sample.probe", null, ("GET", "/quick", c => c.Response.WriteAsync("x")), ("GET", "/slow/{id}", c => c.Response.WriteAsync("x")), ("GET", "/stream", Stream)));
        foreach (var path in new[] { "quick", "quick", "slow/1", "stream" })
            await host.Client.GetStringAsync("/api/custom/probe/" + path);
        var durations = host.Services.GetRequiredService<IMeterFactory>().Create("Nexus.Data").CreateHistogram<double>("database_query_duration", "s");
        durations.Record(0.001, new("operation", "find"), new("table", "orders.orders"));
        durations.Record(2, new("operation", "query"), new("plugin", "orders"), new("statement", "SELECT ?"));

        var view = await ViewAsync("");
        var byCount = await ViewAsync("?sort=count&limit=1");

        Assert.Equal(["/api/custom/probe/quick", "/api/custom/probe/slow/{id}"], Names(view, "routes", "route").Where(r => r.StartsWith("/api/custom", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Equal(["SELECT ?", null], view["queries"]!.AsArray().Select(q => (string?)q!["statement"]));
        Assert.Equal((2, 1000d), ((int)view["routes"]!.AsArray().Single(r => (string)r!["route"]! == "/api/custom/probe/quick")!["time"]!["count"]!, (double)view["slowFrom"]!));
        Assert.InRange((double)view["queries"]![0]!["time"]!["p95"]!, 1000, 2500);
        Assert.Equal(("SCAN orders", 250d), ((string)view["slowQueries"]![0]!["plan"]!, (double)view["slowQueries"]![0]!["milliseconds"]!));
        Assert.Equal(["/api/custom/probe/quick"], Names(byCount, "routes", "route"));

        async Task<JsonNode> ViewAsync(string query) => JsonNode.Parse(await host.Client.GetStringAsync("/api/v1/performance" + query))!;
        static Task Stream(HttpContext context)
        {
            context.Response.ContentType = "text/event-stream";
            return context.Response.WriteAsync("x");
        }
    }

    [Theory]
    [InlineData("?sort=name", "sort is 'name'")]
    [InlineData("?limit=0", "limit is '0'")]
    [InlineData("?limit=101", "limit is '101'")]
    public async Task What_it_cannot_sort_or_give_is_refused(string query, string says)
    {
        await using var host = await GatewayHost.StartAsync();

        using var answer = await host.Client.GetAsync("/api/v1/performance" + query);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(says, (string)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["detail"]!, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Names(JsonNode view, string list, string member) => view[list]!.AsArray().Select(r => (string)r![member]!);

    private sealed class Slow(ImmutableArray<SlowQuery> noted) : ISlowQueries
    {
        public TimeSpan? Limit => TimeSpan.FromSeconds(1);

        public ImmutableArray<SlowQuery> List() => noted;
    }
}
