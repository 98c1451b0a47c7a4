using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Nexus.Surface.Tests.Platform;

public sealed class RequestFlowTests
{
    [Fact]
    public async Task One_trace_has_the_spans_of_a_request_in_their_order()
    {
        await using var host = await ProbePlugin.StartAsync();
        var trace = ActivityTraceId.CreateRandom();
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == NexusTracing.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStarted = span =>
            {
                if (span.TraceId == trace) spans.Enqueue(span);
            },
        };
        ActivitySource.AddActivityListener(listener);

        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/custom/probe/flow");
        request.Headers.Add("traceparent", $"00-{trace}-00f067aa0ba902b7-01");
        (await host.Client.SendAsync(request)).EnsureSuccessStatusCode();

        Assert.Equal(
        [
            "gateway < 00f067aa0ba902b7", "routing < gateway", "plugin < gateway", "service.call < plugin", "storage.commit < service.call",
            "storage.commit < plugin", "event.publish < plugin", "storage.commit < event.publish",
        ],
        spans.Where(s => s.OperationName is not "storage.find").Select(s => $"{s.OperationName} < {s.Parent?.OperationName ?? s.ParentSpanId.ToHexString()}"));
        var gateway = spans.First();
        Assert.Equal("/api/custom/probe/flow", gateway.GetTagItem("http.route"));
        Assert.Equal(200, gateway.GetTagItem("http.response.status_code"));
        Assert.Equal("probe", spans.Single(s => s.OperationName == "plugin").GetTagItem("nexus.plugin"));
        Assert.Equal("echo", spans.Single(s => s.OperationName == "service.call").GetTagItem("nexus.plugin"));
        Assert.All(spans, s => Assert.NotEqual(TimeSpan.Zero, s.Duration));
    }

    [Fact]
    public async Task The_request_id_reaches_the_service_of_another_plugin()
    {
        await using var host = await ProbePlugin.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/custom/probe/flow") { Headers = { { "X-Request-ID", "r-4711" } } };

        using var answer = await host.Client.SendAsync(request);

        Assert.Equal("r-4711", await answer.Content.ReadAsStringAsync());
        Assert.Equal("r-4711", answer.Headers.GetValues("X-Request-ID").Single());
    }

    [Theory]
    [InlineData("<script>alert(1)</script>")]
    [InlineData("a < b & \"c\" > d <")]
    [InlineData("<")]
    public async Task Stored_markup_comes_out_as_text(string text)
    {
        await using var host = await ProbePlugin.StartAsync();
        using var created = await host.Client.PostAsJsonAsync("/api/custom/probe/remarks", new { text });
        var answers = new[] { await created.Content.ReadAsStringAsync(), await host.Client.GetStringAsync(created.Headers.Location), await host.Client.GetStringAsync("/api/custom/probe/remarks") };

        Assert.All(answers, a => Assert.DoesNotContain('<', a));
        Assert.All(answers, a => Assert.Equal(text, (string?)(JsonNode.Parse(a) is JsonArray list ? list[0] : JsonNode.Parse(a))!["text"]));
    }

    [Fact]
    public async Task Work_left_for_after_the_answer_runs_then_under_the_same_request_id()
    {
        var release = new TaskCompletionSource();
        await using var host = await ProbePlugin.StartAsync(release.Task);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/custom/probe/later") { Headers = { { "X-Request-ID", "r-42" } } };

        using var answer = await host.Client.SendAsync(request);
        Assert.Equal("answered", await answer.Content.ReadAsStringAsync());
        Assert.Equal("", await host.Client.GetStringAsync("/api/custom/probe/done"));

        release.SetResult();
        var done = "";
        for (var tries = 0; tries < 3000 && done.Length == 0; tries++)
        {
            await Task.Delay(20);
            done = await host.Client.GetStringAsync("/api/custom/probe/done");
        }

        Assert.Equal("r-42", done);
    }
}
