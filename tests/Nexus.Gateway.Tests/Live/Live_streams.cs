using System.Net;
using System.Text.Json.Nodes;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Tests.Shared;

namespace Nexus.Gateway.Tests.Live;

public sealed class Live_streams
{
    private const string Path = "/live?resource=sample.billing.invoices";

    [Fact]
    public async Task Foreign_clients_follow_resume_and_call()
    {
        var node = ToolProcess.Find("node");
        var tools = await ForeignTools.FolderAsync();
        var at = await LiveHosts.StartAsync(LiveHosts.Identity());
        await using var host = at.Host;
        host.Plugins.Always = [.. host.Plugins.Always, FakePlugins.Plugin("sample.test", null, ("POST", "~/test/publish", context =>
        {
            at.Create($$"""{"number":"{{context.Request.Query["number"]}}"}""");
            return Task.CompletedTask;
        }))];
        host.Plugins.Publish(Invoices.Plugin());

        var seen = JsonNode.Parse(await ForeignTools.RunAsync(node, tools, "live.mjs", host.Address.ToString().TrimEnd('/'), "root"))!;

        Assert.Equal(
            """{"ready":"ready","subscribed":"subscribed","told":"A-1","listed":["A-1"],"resumed":"A-2","closed":"1000 ","refused":"4401 The token does not hold","streamed":["4 C-1","6 C-2"]}""",
            seen.ToJsonString());
    }

    [Fact]
    public async Task A_stream_begins_with_its_position_and_goes_on_after_the_last_one_seen()
    {
        var at = await LiveHosts.StartAsync(LiveHosts.Identity());
        await using var host = at.Host;
        at.Create("""{"number":"A-1"}""");
        at.Create("""{"number":"A-2"}""");

        using var fresh = await OpenAsync(host, Path);
        using var resumed = await OpenAsync(host, Path, ("Last-Event-ID", "1"));
        var first = await fresh.BlockAsync();
        at.Create("""{"number":"A-3"}""");

        Assert.Equal("id: 2\nevent: ready\nretry: 1000\ndata: {\"at\":\"2\"}", first);
        Assert.StartsWith("id: 3\ndata: {\"event\":\"sample.billing.invoices.created\"", await fresh.BlockAsync(), StringComparison.Ordinal);
        Assert.StartsWith("id: 1\nevent: ready", await resumed.BlockAsync(), StringComparison.Ordinal);
        Assert.Contains("\"number\":\"A-2\"", await resumed.BlockAsync(), StringComparison.Ordinal);
        Assert.Contains("\"number\":\"A-3\"", await resumed.BlockAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_ends_with_its_credentials_and_leaves_nothing()
    {
        var identity = LiveHosts.Identity();
        var at = await LiveHosts.StartAsync(identity);
        await using var host = at.Host;
        using var stream = await OpenAsync(host, Path);
        await stream.BlockAsync();

        identity.Revoke("ada-1");

        Assert.Matches("^event: error\ndata: {\"code\":\"AUTHENTICATION_REQUIRED\",\"requestId\":\"[^\"]+\"}$", await stream.BlockAsync());
        await host.UntilNothingIsOpenAsync();
    }

    [Fact]
    public async Task A_stream_of_events_ends_with_its_credentials()
    {
        var identity = LiveHosts.Identity();
        var at = await LiveHosts.StartAsync(identity);
        await using var host = at.Host;
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/events/stream?pattern=sales.*");
        request.Headers.Add("Authorization", "Bearer root");
        using var answer = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var stream = new Stream(answer, new StreamReader(await answer.Content.ReadAsStreamAsync()));
        at.Tail.Publish("sales.order.placed", """{"total":5}""");
        var told = await stream.BlockAsync();

        identity.Revoke("root");
        var revoked = System.Diagnostics.Stopwatch.GetTimestamp();

        Assert.StartsWith("id: 1\nevent: sales.order.placed\n", told, StringComparison.Ordinal);
        Assert.StartsWith("event: error\ndata: {\"code\":\"AUTHENTICATION_REQUIRED\",\"requestId\":\"", await stream.BlockAsync(), StringComparison.Ordinal);
        Assert.InRange(System.Diagnostics.Stopwatch.GetElapsedTime(revoked), TimeSpan.Zero, TimeSpan.FromSeconds(30));
        await host.UntilNothingIsOpenAsync();
    }

    [Theory]
    [InlineData("GET", "/api/v1/events/stream")]
    [InlineData("GET", "/api/v1/events")]
    [InlineData("POST", "/api/v1/events")]
    [InlineData("GET", "/live?events=sales.*")]
    public async Task Events_need_permissions_of_their_own(string method, string path)
    {
        var at = await LiveHosts.StartAsync(LiveHosts.Identity());
        await using var host = at.Host;
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Headers.Add("Authorization", "Bearer ada-1");

        using var answer = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);

        Assert.Equal(403, (int)answer.StatusCode);
        Assert.Contains("\"INSUFFICIENT_EVENT_PERMISSIONS\"", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_that_is_cancelled_leaves_nothing()
    {
        var at = await LiveHosts.StartAsync(LiveHosts.Identity());
        await using var host = at.Host;
        var stream = await OpenAsync(host, Path);
        await stream.BlockAsync();

        stream.Dispose();

        await host.UntilNothingIsOpenAsync();
    }

    [Theory]
    [InlineData("/live", 400, "BAD_REQUEST")]
    [InlineData("/live?resource=sample.billing.invoices&events=x.*", 400, "BAD_REQUEST")]
    [InlineData("/live?resource=sample.billing.invoices&wat=1", 400, "BAD_REQUEST")]
    [InlineData("/live?resource=sample.billing.invoices&after=-1", 400, "BAD_REQUEST")]
    [InlineData("/live?resource=sample.billing.invoices&after=99", 400, "BAD_REQUEST")]
    [InlineData("/live?resource=sample.billing.nothing", 404, "RESOURCE_NOT_FOUND")]
    [InlineData("/live?resource=nothing", 404, "RESOURCE_NOT_FOUND")]
    [InlineData("/live?resource=sample.billing.invoices&filter[bogus]=1", 400, "FILTER_INVALID")]
    [InlineData("/live?resource=sample.billing.invoices&filter[pin]=1", 400, "FILTER_INVALID")]
    [InlineData("/live?resource=sample.billing.invoices&fields=pin", 400, "FILTER_INVALID")]
    [InlineData("/live?events=not%20a%20pattern", 400, "INVALID_EVENT_TYPE")]
    [InlineData("/live?events=sample.*", 403, "INSUFFICIENT_EVENT_PERMISSIONS")]
    public async Task A_wish_that_cannot_be_met_is_a_problem_not_a_stream(string path, int status, string code)
    {
        var at = await LiveHosts.StartAsync(LiveHosts.Identity());
        await using var host = at.Host;
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { { "Authorization", "Bearer ada-1" } } };

        using var answer = await host.Client.SendAsync(request);

        await Problems.AssertAsync(answer, status, code);
        await host.UntilNothingIsOpenAsync();
    }

    [Fact]
    public async Task Who_has_not_signed_in_gets_no_stream()
    {
        var at = await LiveHosts.StartAsync(LiveHosts.Identity());
        await using var host = at.Host;

        using var answer = await host.Client.GetAsync(Path);

        await Problems.AssertAsync(answer, (int)HttpStatusCode.Unauthorized, "AUTHENTICATION_REQUIRED");
    }

    [Fact]
    public async Task Events_by_name_are_told_to_who_may_read_them()
    {
        var at = await LiveHosts.StartAsync(LiveHosts.Identity());
        await using var host = at.Host;
        using var stream = await OpenAsync(host, "/live?events=sales.*", ("Authorization", "Bearer root"));
        await stream.BlockAsync();

        at.Tail.Publish("other.thing", "{}");
        at.Tail.Publish("sales.order.placed", """{"total":5}""");
        var told = await stream.BlockAsync();

        Assert.StartsWith("id: 2\ndata: {\"event\":\"sales.order.placed\",\"message\":{", told, StringComparison.Ordinal);
        Assert.Contains("\"total\":5", told, StringComparison.Ordinal);
    }

    private static async Task<Stream> OpenAsync(GatewayHost host, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        if (!headers.Any(header => header.Name == "Authorization"))
            request.Headers.Add("Authorization", "Bearer ada-1");
        var answer = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream; charset=utf-8", answer.Content.Headers.ContentType?.ToString());
        return new Stream(answer, new StreamReader(await answer.Content.ReadAsStreamAsync()));
    }

    private sealed record Stream(HttpResponseMessage Answer, StreamReader Lines) : IDisposable
    {
        /// <summary>The next block of lines; comments are passed over.</summary>
        public async Task<string> BlockAsync()
        {
            using var limit = new CancellationTokenSource(Until.Patience);
            var lines = new List<string>();
            while (await Lines.ReadLineAsync(limit.Token) is { } line)
            {
                if (line.Length > 0 && line[0] != ':')
                    lines.Add(line);
                else if (lines.Count > 0)
                    break;
            }
            return string.Join('\n', lines);
        }

        public void Dispose()
        {
            Lines.Dispose();
            Answer.Dispose();
        }
    }
}
