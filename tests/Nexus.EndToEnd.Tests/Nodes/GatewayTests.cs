using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests.Nodes;

/// <summary>A node that is only a gateway, before nodes that have the plugins: all are processes that find each other in the database.</summary>
public sealed class GatewayTests
{
    private const string Route = "/api/custom/probe/";
    private static readonly string Yarp = Path.Combine(Programs.Plugins, "engines.yarp");

    [Fact]
    public async Task Nodes_are_found_without_configuration_and_one_that_is_killed_under_load_fails_no_request()
    {
        await using var cluster = await Cluster.StartAsync(3, [Yarp], [Cluster.Mortal]);
        var token = await cluster.SignInAsync();
        var gateway = await cluster.AddAsync("--roles", "gateway", "--server:accessLog=false");
        await FoundAsync(gateway, token, "users", 3);
        var (wrong, served) = (new ConcurrentBag<string>(), 0);
        using var ending = new CancellationTokenSource();
        var load = Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            while (!ending.IsCancellationRequested)
            {
                var (status, body) = await Cluster.SendAsync(gateway.Client, token, HttpMethod.Get, "/api/business/users/users");
                Interlocked.Increment(ref served);
                if (status != 200) wrong.Add($"{status} {body}");
            }
        }));

        // Enough that a node which stands still for a moment has its share all the same.
        await ServedAsync(() => served > 600);
        var spread = await SeriesAsync(gateway, token, "nexus_gateway_forwarded_requests_total", "users");
        await cluster.Nodes[0].KillAsync();
        var before = served;
        await FoundAsync(gateway, token, "users", 2);
        await ServedAsync(() => served > before + 200);
        await ending.CancelAsync();
        await load;

        Assert.True(wrong.IsEmpty, $"{wrong.Count} of {served}: {string.Join('\n', wrong.Take(3))}\n{gateway.Log}");
        Assert.All(spread.Values, n => Assert.InRange(n, spread.Values.Sum() / 5, spread.Values.Sum() / 2));
        var (_, self) = await Cluster.SendAsync(gateway.Client, token, HttpMethod.Get, "/api/v1/nodes/self");
        Assert.DoesNotContain(self["plugins"]!.AsArray(), p => (string)p!["id"]! == "users");
        // The way through a gateway changes threads several times; a node's threads leave the processor to its database.
        Assert.Equal((true, false), (await ThreadsSpinAsync(gateway), await ThreadsSpinAsync(cluster.Nodes[1])));

        async Task<bool> ThreadsSpinAsync(RunningHost node) => (bool)(await Cluster.SendAsync(node.Client, token, HttpMethod.Get, "/api/v1/status")).Body["runtime"]!["threadsSpin"]!;
    }

    [Fact]
    public async Task A_breaker_opens_after_failures_answers_at_once_tries_again_and_closes()
    {
        await using var cluster = await Cluster.StartAsync(1, [Yarp], []);
        var token = await cluster.SignInAsync();
        var node = cluster.Nodes[0];
        await InstallAsync(node, token, "1.0.0");
        var gateway = await cluster.AddAsync("--roles", "gateway", "--gateway:breaker:failures=3", "--gateway:breaker:openSeconds=10", "--gateway:breaker:outlierShare=0");
        await FoundAsync(gateway, token, "probe", 1);

        var bad = Path.Combine(node.Folder, "bad");
        await File.WriteAllTextAsync(bad, "");
        // The breaker knows of an answer at its beginning, before the caller does.
        var failed = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => BeginAsync(gateway, token, Route)));
        var refused = await AskAsync(gateway, token, Route);
        var open = await SeriesAsync(gateway, token, "nexus_gateway_breaker_state", "probe");
        var asked = (await SeriesAsync(gateway, token, "nexus_gateway_forwarded_requests_total", "probe")).Values.Single();
        File.Delete(bad);
        var clock = Stopwatch.StartNew();
        while ((await AskAsync(gateway, token, Route)).Status != 200)
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), "the breaker does not close");
            await Task.Delay(50);
        }

        var closed = await SeriesAsync(gateway, token, "nexus_gateway_breaker_state", "probe");
        Assert.All(failed, f => Assert.Equal(503, (int)f.StatusCode));
        Assert.Equal((503, 3, 2), (refused.Status, asked, open.Values.Single()));
        Assert.InRange(int.Parse(refused.RetryAfter, CultureInfo.InvariantCulture), 1, 10);
        Assert.True(clock.Elapsed > TimeSpan.FromSeconds(0.5), $"it closed after {clock.Elapsed}");
        Assert.Equal(0, closed.Values.Single());
        Assert.Equal(4, (await SeriesAsync(gateway, token, "nexus_gateway_forwarded_requests_total", "probe")).Values.Single());
    }

    [Fact]
    public async Task Shares_of_versions_hold_and_headers_streams_and_sockets_pass()
    {
        await using var cluster = await Cluster.StartAsync(2, [Yarp], []);
        var token = await cluster.SignInAsync();
        foreach (var node in cluster.Nodes) await Cluster.UntilAsync(node.Client, token, "/api/v1/users", (status, _) => status == 200);
        await InstallAsync(cluster.Nodes[0], token, "1.0.0");
        await InstallAsync(cluster.Nodes[1], token, "2.0.0");
        var gateway = await cluster.AddAsync("--roles", "gateway", "--gateway:routes:0:path=/api/custom/probe", "--gateway:routes:0:versions:1.0.0=90", "--gateway:routes:0:versions:2.0.0=10",
            "--gateway:routes:0:requestHeaders:X-Tier=gold", "--gateway:routes:0:responseHeaders:X-Served=gateway", "--gateway:routes:1:path=/api/custom/old", "--gateway:routes:1:rewrite=/api/custom/probe");
        await FoundAsync(gateway, token, "probe", 2);

        var counts = new Dictionary<string, int>();
        for (var i = 0; i < 400; i++)
        {
            var (status, _, body) = await AskAsync(gateway, token, Route);
            Assert.Equal(200, status);
            counts[body] = counts.GetValueOrDefault(body) + 1;
        }

        using var request = new HttpRequestMessage(HttpMethod.Get, Route + "headers");
        request.Headers.Add("X-Forwarded-For", "203.0.113.9");
        request.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        using var echoed = await gateway.Client.SendAsync(request);
        var headers = JsonNode.Parse(await echoed.Content.ReadAsStringAsync())!;
        using var stream = new StreamReader(await gateway.Client.GetStreamAsync(Route + "stream"));
        var first = await stream.ReadLineAsync();
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{gateway.Port}{Route}socket"), CancellationToken.None);
        await socket.SendAsync(Encoding.UTF8.GetBytes("ping"), WebSocketMessageType.Text, true, CancellationToken.None);
        var buffer = new byte[64];
        var received = await socket.ReceiveAsync(buffer, CancellationToken.None);

        Assert.InRange(counts["1.0.0"] / 400.0, 0.87, 0.93);
        Assert.InRange(counts["2.0.0"] / 400.0, 0.07, 0.13);
        Assert.Equal(("127.0.0.1", "gold", "gateway"), ((string)headers["X-Forwarded-For"]!, (string)headers["X-Tier"]!, echoed.Headers.GetValues("X-Served").Single()));
        Assert.StartsWith("00-0af7651916cd43dd8448eb211c80319c-", (string)headers["traceparent"]!, StringComparison.Ordinal);
        Assert.Single(echoed.Headers.GetValues("X-Request-ID"));
        Assert.Equal(200, (await AskAsync(gateway, token, "/api/custom/old/")).Status);
        Assert.Equal(("data: one", "ping"), (first, Encoding.UTF8.GetString(buffer, 0, received.Count)));
    }

    [Fact]
    public async Task Only_a_request_that_may_be_repeated_is_sent_twice()
    {
        await using var cluster = await Cluster.StartAsync(2, [Yarp], []);
        var token = await cluster.SignInAsync();
        foreach (var node in cluster.Nodes)
        {
            await Cluster.UntilAsync(node.Client, token, "/api/v1/users", (code, _) => code == 200);
            await InstallAsync(node, token, "1.0.0");
        }

        var gateway = await cluster.AddAsync("--roles", "gateway", "--gateway:bufferBytes=1000", "--gateway:breaker:failures=100");
        await FoundAsync(gateway, token, "probe", 2);

        Assert.Equal((503, 2), await CutAsync(HttpMethod.Get, null));
        Assert.Equal((503, 2), await CutAsync(HttpMethod.Put, "small"));
        Assert.Equal((503, 1), await CutAsync(HttpMethod.Put, new string('x', 2000)));
        Assert.Equal((503, 1), await CutAsync(HttpMethod.Post, "small"));
        // The second node finds the key: its answer when it was kept already, else a conflict; it does not carry it out again.
        var (status, arrived) = await CutAsync(HttpMethod.Post, "small", "a-key");
        Assert.Equal(1, arrived);
        Assert.Contains(status, new[] { 200, 409 });

        // The node carries the request out and breaks the connection: how often did one arrive?
        async Task<(int Status, int Arrived)> CutAsync(HttpMethod method, string? body, string? key = null)
        {
            using var request = new HttpRequestMessage(method, Route + "cut") { Content = body is null ? null : new StringContent(body) };
            if (key is not null) request.Headers.Add("Idempotency-Key", key);
            using var response = await gateway.Client.SendAsync(request);
            var arrived = 0;
            foreach (var file in cluster.Nodes.Select(n => Path.Combine(n.Folder, "arrived")).Where(File.Exists))
            {
                arrived += (await File.ReadAllTextAsync(file)).Length;
                File.Delete(file);
            }

            return ((int)response.StatusCode, arrived);
        }
    }

    private static async Task InstallAsync(RunningHost node, string token, string version)
    {
        var source = """
            public sealed class ThePlugin : IPlugin
            {
                public void Configure(IPluginBuilder plugin) => plugin.MapEndpoints(routes =>
                {
                    routes.MapGet("/", async (HttpContext context) =>
                    {
                        // A failure whose end is long in coming.
                        if (!File.Exists("bad")) { await context.Response.WriteAsync("VERSION"); return; }
                        context.Response.StatusCode = 503;
                        await context.Response.WriteAsync("bad");
                        await context.Response.Body.FlushAsync();
                        while (File.Exists("bad") && !context.RequestAborted.IsCancellationRequested) await Task.Delay(20);
                    });
                    routes.MapGet("/headers", (HttpContext context) => Results.Text("{" + string.Join(",", context.Request.Headers.Select(h => System.Text.Json.JsonSerializer.Serialize(h.Key) + ":" + System.Text.Json.JsonSerializer.Serialize(h.Value.ToString()))) + "}")).AllowAnonymous();
                    routes.MapMethods("/cut", ["GET", "PUT", "POST"], (HttpContext context) =>
                    {
                        File.AppendAllText("arrived", "x");
                        context.Abort();
                    }).AllowAnonymous();
                    routes.MapGet("/stream", async (HttpContext context) =>
                    {
                        context.Response.ContentType = "text/event-stream";
                        await context.Response.WriteAsync("data: one\n\n");
                        await context.Response.Body.FlushAsync();
                        await Task.Delay(System.Threading.Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    }).AllowAnonymous();
                    routes.Map("/socket", async (HttpContext context) =>
                    {
                        using var socket = await context.WebSockets.AcceptWebSocketAsync();
                        var buffer = new byte[64];
                        var received = await socket.ReceiveAsync(buffer, context.RequestAborted);
                        await socket.SendAsync(buffer.AsMemory(0, received.Count), System.Net.WebSockets.WebSocketMessageType.Text, true, context.RequestAborted);
                    }).AllowAnonymous();
                });
            }
            """.Replace("VERSION", version, StringComparison.Ordinal);
        var folder = PluginCompiler.Plugin(Path.Combine(node.Folder, "sources", version), "probe", version, source);
        var (status, body) = await Cluster.SendAsync(node.Client, token, HttpMethod.Post, "/api/v1/plugins", new { path = folder });
        Assert.True(status == 201, body.ToString());
    }

    private static async Task<(int Status, string RetryAfter, string Body)> AskAsync(RunningHost gateway, string token, string path)
    {
        using var response = await BeginAsync(gateway, token, path);
        return ((int)response.StatusCode, response.Headers.RetryAfter?.ToString() ?? "", await response.Content.ReadAsStringAsync());
    }

    private static async Task<HttpResponseMessage> BeginAsync(RunningHost gateway, string token, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", token);
        return await gateway.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    /// <summary>Waits until the gateway knows so many nodes with a plugin.</summary>
    internal static async Task FoundAsync(RunningHost gateway, string token, string plugin, int nodes)
    {
        var clock = Stopwatch.StartNew();
        while ((await SeriesAsync(gateway, token, "nexus_gateway_forwarded_requests_total", plugin)).Count != nodes)
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), $"the gateway does not come to {nodes} nodes with {plugin}\n{gateway.Log}");
            await Task.Delay(50);
        }
    }

    /// <summary>A metric of the gateway for each node.</summary>
    private static async Task<Dictionary<string, int>> SeriesAsync(RunningHost gateway, string token, string metric, string plugin)
    {
        var (_, _, text) = await AskAsync(gateway, token, "/metrics");
        return text.Split('\n').Where(l => l.StartsWith(metric + "{", StringComparison.Ordinal) && l.Contains($"plugin=\"{plugin}\"", StringComparison.Ordinal))
            .ToDictionary(l => l[..l.IndexOf('}', StringComparison.Ordinal)], l => int.Parse(l[(l.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
    }

    private static async Task ServedAsync(Func<bool> condition)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), "the load does not get through");
            await Task.Delay(20);
        }
    }
}
