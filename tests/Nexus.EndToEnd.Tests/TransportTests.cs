using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>Every way to carry a request, against a real host: HTTP/2, ranges, server-sent events, WebSockets through swaps.</summary>
public sealed class TransportTests
{
    private const string Source = """
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(routes =>
            {
                routes.MapGet("/version", (HttpContext c) => $"1 over {c.Request.Protocol}");
                routes.MapPut("/files", async (HttpContext c, IBlobs blobs) => Results.Json((await blobs.PutAsync(c.Request.Body, c.RequestAborted)).Sha256));
                routes.MapGet("/files/{hash}", async (string hash, IBlobs blobs) => await blobs.OpenAsync(hash) is { } stream ? Results.File(stream, "application/octet-stream", enableRangeProcessing: true) : Results.NotFound());
                routes.MapGet("/echo", async (HttpContext c) =>
                {
                    using var socket = await c.WebSockets.AcceptWebSocketAsync();
                    var buffer = new byte[1024];
                    while (true)
                    {
                        var got = await socket.ReceiveAsync(buffer, c.RequestAborted);
                        if (got.MessageType == System.Net.WebSockets.WebSocketMessageType.Close) { await socket.CloseAsync(System.Net.WebSockets.WebSocketCloseStatus.NormalClosure, "bye", CancellationToken.None); return; }
                        await socket.SendAsync(System.Text.Encoding.UTF8.GetBytes("1:" + System.Text.Encoding.UTF8.GetString(buffer, 0, got.Count)), System.Net.WebSockets.WebSocketMessageType.Text, true, c.RequestAborted);
                    }
                });
            });
        }
        """;

    [Fact]
    public async Task Http2_is_spoken_without_tls_on_a_port_of_its_own()
    {
        var port = RunningHost.FreePort();
        await using var host = await StartAsync($"--server:http2Port={port}");
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => client.GetStringAsync("/api/custom/probe/version")));

        Assert.All(answers, a => Assert.Equal("1 over HTTP/2", a));
        Assert.Equal("1 over HTTP/1.1", await host.Client.GetStringAsync("/api/custom/probe/version"));
    }

    [Fact]
    public async Task A_range_of_a_blob_answers_206_and_one_beyond_its_end_416()
    {
        await using var host = await StartAsync();
        var content = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 1000).Select(i => $"{i:0000}")));
        var hash = await (await host.Client.PutAsync("/api/custom/probe/files", new ByteArrayContent(content))).Content.ReadFromJsonAsync<string>();
        async Task<HttpResponseMessage> RangeAsync(long? from, long? to)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/custom/probe/files/{hash}");
            request.Headers.Range = new RangeHeaderValue(from, to);
            return await host.Client.SendAsync(request);
        }

        using var middle = await RangeAsync(40, 47);
        using var last = await RangeAsync(null, 4);
        using var beyond = await RangeAsync(5000, 6000);

        Assert.Equal((HttpStatusCode.PartialContent, "00100011"), (middle.StatusCode, await middle.Content.ReadAsStringAsync()));
        Assert.Equal("bytes 40-47/4000", middle.Content.Headers.ContentRange!.ToString());
        Assert.Equal("0999", await last.Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.RequestedRangeNotSatisfiable, beyond.StatusCode);
        Assert.Equal(content, await host.Client.GetByteArrayAsync($"/api/custom/probe/files/{hash}"));
    }

    [Fact]
    public async Task A_websocket_echoes_and_is_closed_in_order_when_its_plugin_is_swapped()
    {
        await using var host = await StartAsync();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{host.Port}/api/custom/probe/echo"), patience.Token);
        Assert.Equal("1:hello", await AskAsync(socket, "hello", patience.Token));

        await host.PostAsync("/api/v1/plugins/probe/reload");

        var buffer = new byte[100];
        var end = await socket.ReceiveAsync(buffer, patience.Token);
        Assert.Equal((WebSocketMessageType.Close, WebSocketCloseStatus.EndpointUnavailable), (end.MessageType, socket.CloseStatus));
        using var again = new ClientWebSocket();
        await again.ConnectAsync(new Uri($"ws://127.0.0.1:{host.Port}/api/custom/probe/echo"), patience.Token);
        Assert.Equal("1:back", await AskAsync(again, "back", patience.Token));
        await again.CloseAsync(WebSocketCloseStatus.NormalClosure, null, patience.Token);
        await host.UntilAsync("/api/v1/plugins/probe", p => (int)p["generationsAlive"]! == 0 && (int)p["inFlight"]! == 0);
    }

    [Fact]
    public async Task Events_are_followed_live_and_from_where_a_follower_left_off()
    {
        await using var host = await StartAsync();
        await host.PostAsync("/api/v1/events", new { name = "tests.first", data = new { n = 1 } });
        await using var live = await Follower.OpenAsync(host, "/api/v1/events/stream?pattern=tests.*", null);
        await host.PostAsync("/api/v1/events", new { name = "tests.second", data = new { n = 2 } });
        await host.PostAsync("/api/v1/events", new { name = "other.thing" });
        await host.PostAsync("/api/v1/events", new { name = "tests.third", data = new { n = 3 } });

        var second = await live.NextAsync();
        var third = await live.NextAsync();
        Assert.Equal(("tests.second", "tests.third"), (second.Event, third.Event));
        Assert.Equal(2, (int)second.Data["data"]!["n"]!);

        await using var resumed = await Follower.OpenAsync(host, "/api/v1/events/stream?pattern=tests.*", second.Id);
        Assert.Equal(third.Id, (await resumed.NextAsync()).Id);
        await using var all = await Follower.OpenAsync(host, "/api/v1/events/stream?pattern=tests.*", "0");
        Assert.Equal("tests.first", (await all.NextAsync()).Event);
    }

    [Fact]
    public async Task Stored_events_are_listed_read_and_replayed_over_http()
    {
        await using var host = await StartAsync();
        var published = await host.PostAsync("/api/v1/events", new { name = "tests.one", data = new { n = 1 }, key = "k", correlationId = "c-1" });
        await host.PostAsync("/api/v1/events", new { name = "tests.two" });

        var listed = RunningHost.Rows(await host.GetAsync("/api/v1/events?pattern=tests.*"));
        var one = await host.GetAsync($"/api/v1/events/{(string)published["id"]!}");

        Assert.Equal(["tests.one", "tests.two"], listed.Select(e => (string)e["name"]!));
        Assert.Equal(("k", "c-1", "nexus.api"), ((string)one["key"]!, (string)one["correlationId"]!, (string)one["publisher"]!));
        Assert.Equal("tests.one", (string)RunningHost.Rows(await host.GetAsync("/api/v1/events?correlationId=c-1")).Single()["name"]!);
        Assert.Equal("tests.two", (string)RunningHost.Rows(await host.GetAsync("/api/v1/events?pattern=tests.*&newest=true&limit=1")).Single()["name"]!);
        Assert.Equal(0, (int)(await host.PostAsync("/api/v1/events/dead-letters/replay"))["replayed"]!);
        var names = (await host.GetAsync("/api/v1/events/stats"))["byName"]!;
        Assert.Equal((1, 1), ((int)names["tests.one"]!["published"]!, (int)names["tests.two"]!["published"]!));
        var domains = await host.GetAsync("/api/v1/events/stats?group_by=domain");
        Assert.Equal(2, (int)domains["byName"]!["tests"]!["published"]!);
        Assert.Equal((int)domains["total"]!["published"]!, domains["byName"]!.AsObject().Sum(d => (int)d.Value!["published"]!));
    }

    [Fact]
    public async Task A_replay_over_http_waits_and_tells_how_far_it_is()
    {
        await using var host = await StartAsync();
        var folder = PluginCompiler.Plugin(Path.Combine(host.Folder, "counts"), "counts", "1.0.0", PluginCompiler.Answering("x", "plugin.On(\"again.*\", (_, _) => System.Threading.Tasks.Task.CompletedTask);"));
        await host.PostAsync("/api/v1/plugins", new { path = folder });
        var group = (string)RunningHost.Rows(await host.GetAsync("/api/v1/events/subscribers")).Single(s => (string?)s["plugin"] == "counts")["group"]!;
        var progress = $"/api/v1/events/replay?group={Uri.EscapeDataString(group)}";
        for (var n = 0; n < 3; n++) await host.PostAsync("/api/v1/events", new { name = "again.made" });
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); (int)(await host.GetAsync(progress))["waiting"]! > 0;)
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), host.Log);
            await Task.Delay(20);
        }

        Assert.Equal(0, (int)(await host.PostAsync("/api/v1/events/replay", new { group, mode = "dead", dryRun = true }))["replayed"]!);
        Assert.Equal(3, (int)(await host.PostAsync("/api/v1/events/replay", new { group, delaySeconds = 600, spacingSeconds = 1.5 }))["replayed"]!);
        var waits = await host.GetAsync(progress);

        Assert.Equal((3, 3, 0, 0), ((int)waits["events"]!, (int)waits["waiting"]!, (int)waits["dead"]!, (int)waits["percent"]!));
    }

    [Theory]
    [InlineData("GET", "/api/v1/events/not-a-uuid", null, 404, "EVENT_NOT_FOUND")]
    [InlineData("GET", "/api/v1/events?limit=many", null, 400, "BAD_REQUEST")]
    [InlineData("GET", "/api/v1/events/stats?group_by=colour", null, 400, "BAD_REQUEST")]
    [InlineData("GET", "/api/v1/events?from=yesterday", null, 400, "BAD_REQUEST")]
    [InlineData("GET", "/api/v1/events?pattern=**", null, 400, "INVALID_EVENT_TYPE")]
    [InlineData("POST", "/api/v1/events", """{"data":1}""", 422, "VALIDATION_ERROR")]
    [InlineData("POST", "/api/v1/events", """{"name":"No Name"}""", 400, "INVALID_EVENT_TYPE")]
    [InlineData("POST", "/api/v1/events", """{"name":7}""", 400, "BAD_REQUEST")]
    [InlineData("POST", "/api/v1/events", "", 422, "VALIDATION_ERROR")]
    [InlineData("POST", "/api/v1/events/replay", """{"pattern":"*"}""", 422, "VALIDATION_ERROR")]
    [InlineData("POST", "/api/v1/events/replay", """{"group":"g","mode":"some"}""", 422, "VALIDATION_ERROR")]
    [InlineData("POST", "/api/v1/events/replay", """{"group":"g","delaySeconds":-1}""", 422, "VALIDATION_ERROR")]
    [InlineData("POST", "/api/v1/events/replay", """{"group":"g","spacingSeconds":3601}""", 422, "VALIDATION_ERROR")]
    [InlineData("POST", "/api/v1/events/replay", """{"group":"nobody"}""", 404, "RESOURCE_NOT_FOUND")]
    [InlineData("GET", "/api/v1/events/replay", null, 400, "BAD_REQUEST")]
    [InlineData("POST", "/api/v1/events/dead-letters/replay?event=x", null, 404, "EVENT_NOT_FOUND")]
    public async Task A_wrong_event_request_says_what_is_wrong(string method, string path, string? body, int status, string code)
    {
        await using var host = await StartAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json") };

        using var answer = await host.Client.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();

        Assert.True((int)answer.StatusCode == status && text.Contains($"\"{code}\"", StringComparison.Ordinal), $"{(int)answer.StatusCode} {text}");
    }

    private static async Task<RunningHost> StartAsync(params string[] settings)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-transport-").FullName;
        var host = await RunningHost.StartAsync([PluginCompiler.Plugin(Path.Combine(folder, "probe"), "probe", "1.0.0", Source)], settings);
        Directory.Delete(folder, recursive: true);
        return host;
    }

    private static async Task<string> AskAsync(ClientWebSocket socket, string text, CancellationToken cancellationToken)
    {
        await socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, cancellationToken);
        var buffer = new byte[1024];
        var got = await socket.ReceiveAsync(buffer, cancellationToken);
        return Encoding.UTF8.GetString(buffer, 0, got.Count);
    }

    /// <summary>Reads a stream of server-sent events.</summary>
    private sealed class Follower(HttpResponseMessage answer, StreamReader lines) : IAsyncDisposable
    {
        public static async Task<Follower> OpenAsync(RunningHost host, string path, string? lastId)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, path);
            if (lastId is not null) request.Headers.Add("Last-Event-ID", lastId);
            var answer = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal("text/event-stream", answer.Content.Headers.ContentType!.MediaType);
            return new Follower(answer, new StreamReader(await answer.Content.ReadAsStreamAsync()));
        }

        public async Task<(string Id, string Event, JsonNode Data)> NextAsync()
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            var fields = new Dictionary<string, string>();
            while (await lines.ReadLineAsync(patience.Token) is { } line)
            {
                if (line.Length == 0 && fields.TryGetValue("data", out var data)) return (fields["id"], fields["event"], JsonNode.Parse(data)!);
                if (line.IndexOf(": ", StringComparison.Ordinal) is > 0 and var colon) fields[line[..colon]] = line[(colon + 2)..];
            }

            throw new InvalidOperationException("the stream ended");
        }

        public ValueTask DisposeAsync()
        {
            lines.Dispose();
            answer.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
