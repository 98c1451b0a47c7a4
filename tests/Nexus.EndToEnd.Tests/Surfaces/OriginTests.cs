using System.Globalization;
using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests.Surfaces;

/// <summary>An error tells on every surface by which request it is found, and who may look at plugins where it comes from.</summary>
public sealed class OriginTests
{
    private const string Nobody = "00000000-0000-4000-8000-000000000000";
    private const string Request = "a-request.of:mine";

    private const string Shop = """
        public sealed record Order([property: System.ComponentModel.DataAnnotations.Range(1, 99)] int Number) : Resource;
        public sealed record Greeting(string Name);
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin) => plugin
                .AddResource<Order>("orders")
                .AddTool<Greeting, Greeting>("greet", "Greets somebody.", (_, _, _) => throw new System.InvalidOperationException("secret words"))
                .MapEndpoints(routes => routes.MapGet("/broken", string () => throw new System.InvalidOperationException("secret words")));
        }
        """;

    // Keys are name:role. Clerks may do all but look at plugins.
    private const string Gatekeeper = """
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin)
            {
                plugin.AddAuthentication("gatekeeper", (credentials, _) => ValueTask.FromResult(credentials.Authorization is ['B', 'e', 'a', 'r', 'e', 'r', ' ', .. var token] && token.Split(':') is [var name, var role]
                    ? Authentication.Accept(new SignedIn(new Caller(name, name, [], [role]), "default", "gatekeeper")) : Authentication.NotMine), -1000);
                plugin.UseAuthorization((context, permission, _) => ValueTask.FromResult(new AccessDecision((context.Caller.Roles is [var role, ..] ? role : "") switch
                {
                    "boss" => AccessScope.All,
                    "clerk" => permission.StartsWith("platform.plugins:") ? AccessScope.None : AccessScope.All,
                    _ => AccessScope.None,
                }, "The gatekeeper decides.")));
            }
        }
        """;

    [Fact]
    public async Task Errors_name_the_request_to_everybody_and_plugin_version_and_component_to_who_may_look_at_plugins()
    {
        var port = RunningHost.FreePort();
        var folder = Directory.CreateTempSubdirectory("nexus-origins-").FullName;
        await using var host = await RunningHost.StartAsync([PluginCompiler.Plugin(Path.Combine(folder, "gatekeeper"), "gatekeeper", "1.0.0", Gatekeeper), PluginCompiler.Plugin(Path.Combine(folder, "shop"), "shop", "1.2.3", Shop)], [$"--server:http2Port={port}", "--tools:writes=allow"]);
        Directory.Delete(folder, recursive: true);
        (string What, Func<string, Task<string>> Ask, string Component)[] failures =
        [
            ("REST, no record", key => RestAsync(host, key, HttpMethod.Get, "orders/" + Nobody), "orders: get"),
            ("REST, wrong input", key => RestAsync(host, key, HttpMethod.Post, "orders", """{"number":700}"""), "shop.orders"),
            ("REST, broken endpoint", key => RestAsync(host, key, HttpMethod.Get, "broken"), "HTTP: GET /broken"),
            ("GraphQL", key => PostAsync(host, key, "/graphql", """{"query":"mutation { createShopOrder(input: {number: 700}) { id } }"}"""), "shop.orders"),
            ("GraphQL, events", key => PostAsync(host, key, "/graphql", """{"query":"mutation { createShopOrder(input: {number: 700}) { id } }"}""", "text/event-stream"), "shop.orders"),
            ("gRPC", key => GrpcAsync(port, key, "Get", [.. Text(1, "shop.orders"), .. Text(2, Nobody)]), "shop.orders"),
            ("gRPC, batch", key => GrpcAsync(port, key, "Batch", [8, 1, .. Message(2, Text(1, "shop.orders"))]), "shop.orders"),
            ("MCP, wrong input", key => PostAsync(host, key, "/mcp", """{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"shop_orders_create","arguments":{"number":700}}}"""), "shop.orders"),
            ("MCP, broken tool", key => PostAsync(host, key, "/mcp", """{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"shop_greet","arguments":{"name":"Ada"}}}"""), "greet"),
            ("live", key => LiveAsync(host, key), "shop.orders"),
        ];

        foreach (var (what, ask, component) in failures)
        {
            var (told, hidden) = (await ask("bob:boss"), await ask("eve:clerk"));
            Assert.True(new[] { Request, "shop", "1.2.3", component }.All(told.Contains), $"{what}: {told}");
            Assert.True(hidden.Contains(Request, StringComparison.Ordinal), $"{what}: {hidden}");
            Assert.False(hidden.Contains("1.2.3", StringComparison.Ordinal) || hidden.Contains("component", StringComparison.Ordinal), $"{what}: {hidden}");
            Assert.DoesNotContain("secret words", told + hidden, StringComparison.Ordinal);
        }

        var unknown = await PostAsync(host, "bob:boss", "/mcp", """{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"nothing","arguments":{}}}""");
        Assert.Contains($$"""
            "data":{"requestId":"{{Request}}"}
            """.Trim(), unknown, StringComparison.Ordinal);
        var invalid = JsonNode.Parse(await PostAsync(host, "eve:clerk", "/graphql", """{"query":"{ nothing }"}"""))!;
        Assert.Equal(Request, (string?)invalid["errors"]![0]!["extensions"]!["requestId"]);
        var platform = JsonNode.Parse(await RestAsync(host, "bob:boss", HttpMethod.Get, "/api/v1/plugins/none"))!;
        Assert.Equal(("nexus", "getPlugin"), ((string?)platform["plugin"], (string?)platform["component"]));
        var batch = JsonNode.Parse(await RestAsync(host, "bob:boss", HttpMethod.Post, "orders/batch", """[{"number":1},{"number":700}]"""))!;
        Assert.Equal(Request, (string?)batch["results"]![1]!["error"]!["requestId"]);
        Assert.Matches(@"^RESOURCE_NOT_FOUND: .*\n  from shop 1\.2\.3, orders: get; request \S+\n→ ", await CommandAsync(host, "bob:boss"));
        Assert.Matches(@"^RESOURCE_NOT_FOUND: .*\n  request \S+\n→ ", await CommandAsync(host, "eve:clerk"));
    }

    private static async Task<string> RestAsync(RunningHost host, string key, HttpMethod method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(method, path.StartsWith('/') ? path : "/api/custom/shop/" + path) { Headers = { { "Authorization", "Bearer " + key }, { "X-Request-ID", Request } }, Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json") };
        using var answer = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        return await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    private static async Task<string> PostAsync(RunningHost host, string key, string path, string body, string accept = "application/json, text/event-stream")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Headers = { { "Authorization", "Bearer " + key }, { "X-Request-ID", Request }, { "Accept", accept } }, Content = new StringContent(body, Encoding.UTF8, "application/json") };
        using var answer = await host.Client.SendAsync(request, TestContext.Current.CancellationToken);
        return await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>The details of the status, or the message where the call went well, as text.</summary>
    private static async Task<string> GrpcAsync(int port, string key, string method, byte[] message)
    {
        using var client = new HttpClient();
        byte[] frame = [0, 0, 0, 0, (byte)message.Length, .. message];
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{port}/nexus.v1.Resources/{method}")
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new ByteArrayContent(frame),
            Headers = { { "TE", "trailers" }, { "Authorization", "Bearer " + key }, { "X-Request-ID", Request } },
        };
        request.Content.Headers.ContentType = new("application/grpc");
        using var answer = await client.SendAsync(request, TestContext.Current.CancellationToken);
        var body = await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        return Encoding.UTF8.GetString(answer.Headers.TryGetValues("grpc-status-details-bin", out var details) ? Convert.FromBase64String(details.First()) : body);
    }

    private static byte[] Text(byte field, string text) => Message(field, Encoding.UTF8.GetBytes(text));

    private static byte[] Message(byte field, byte[] message) => [(byte)(field << 3 | 2), (byte)message.Length, .. message];

    private static async Task<string> LiveAsync(RunningHost host, string key)
    {
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", "Bearer " + key);
        socket.Options.SetRequestHeader("X-Request-ID", Request);
        await socket.ConnectAsync(new Uri(string.Create(CultureInfo.InvariantCulture, $"ws://127.0.0.1:{host.Port}/live")), TestContext.Current.CancellationToken);
        await socket.SendAsync(Encoding.UTF8.GetBytes("""{"type":"rpc","id":"1","resource":"shop.orders","method":"create","params":{"record":{"number":700}}}"""), WebSocketMessageType.Text, true, TestContext.Current.CancellationToken);
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var message = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken);
            var text = Encoding.UTF8.GetString(buffer, 0, message.Count);
            if (text.Contains("rpc_response", StringComparison.Ordinal) || message.MessageType == WebSocketMessageType.Close)
                return text;
        }
    }

    private static async Task<string> CommandAsync(RunningHost host, string key) =>
        (await Programs.RunAsync("dotnet", [Programs.Cli, "record", "get", "shop.orders", Nobody], host.Folder, new Dictionary<string, string> { ["NEXUS_URL"] = host.Address.ToString(), ["NEXUS_HOST_ROOT"] = Programs.Root, ["NEXUS_TOKEN"] = key })).Errors.ReplaceLineEndings("\n");
}
