using System.Globalization;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using Nexus.Tests.Shared;

namespace Nexus.EndToEnd.Tests;

/// <summary>GraphQL on a host of its own: real files, real swaps, callers with rights of their own.</summary>
public sealed class GraphQLTests
{
    private const string Shop = """
        public sealed record Customer(string Name, string? EXTRA) : Resource;
        public sealed record Order(int Number, Ref<Customer> Customer) : Resource { public string State { get; init; } = "open"; }
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin)
            {
                plugin.AddResource<Customer>("customers");
                plugin.AddResource<Order>("orders", orders => orders.Action("pay", o => o with { State = "paid" }));
            }
        }
        """;

    private const string Gatekeeper = """
        public sealed class ThePlugin : IPlugin
        {
            public void Configure(IPluginBuilder plugin)
            {
                plugin.AddAuthentication("gatekeeper", (credentials, _) => ValueTask.FromResult((credentials.ApiKey ?? credentials.Authorization?.Replace("Bearer ", "")) is { } key ? Accept(key.Split(':')) : Authentication.NotMine), -1000);
                plugin.UseAuthorization((context, _, _) => ValueTask.FromResult(new AccessDecision(context.Caller.Roles is [var scope] ? System.Enum.Parse<AccessScope>(scope) : AccessScope.None, "The gatekeeper decides.")));
            }

            private static Authentication Accept(string[] key) => key.Length == 2 ? Authentication.Accept(new SignedIn(new Caller(key[0], key[0], [], [key[1]]), "default", "gatekeeper")) : Authentication.Refuse("No such key.");
        }
        """;

    /// <summary>Swaps of the suite; <c>NEXUS_GRAPHQL_SWAPS</c> sets how many.</summary>
    private static readonly int Swaps = int.Parse(Environment.GetEnvironmentVariable("NEXUS_GRAPHQL_SWAPS") ?? "12", CultureInfo.InvariantCulture);

    [Fact]
    public async Task Each_swap_shows_at_once_and_leaves_no_old_code_while_callers_listen()
    {
        await using var host = await RunningHost.StartAsync([], ["--plugins:unloadLimit=5s"]);
        await InstallAsync(host, 1);
        var customer = (string)(await QueryAsync(host, """mutation { createShopCustomer(input: {name: "Ada"}) { id } }"""))["data"]!["createShopCustomer"]!["id"]!;
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(4));
        using var listening = await ListenAsync(host, "subscription { shopOrderEvents { verb record { number customer { name } } } }", limit.Token);
        using var socket = await ConnectAsync(host, limit.Token);
        await socket.SendAsync(Encoding.UTF8.GetBytes("""{"type":"subscribe","id":"1","payload":{"query":"subscription { shopOrderEvents { verb } }"}}"""), WebSocketMessageType.Text, true, limit.Token);

        for (var version = 2; version <= Swaps + 1; version++)
        {
            await InstallAsync(host, version);
            var answer = await QueryAsync(host, $$"""mutation($id: ID!) { changed: updateShopCustomer(id: $id, input: {extra{{version}}: "new"}) { name extra{{version}} } }""", new JsonObject { ["id"] = customer });
            Assert.Equal($$$$"""{"data":{"changed":{"name":"Ada","extra{{{{version}}}}":"new"}}}""", answer.ToJsonString());
            var old = await QueryAsync(host, $$"""{ shopCustomers { nodes { extra{{version - 1}} } } }""");
            Assert.StartsWith($"Cannot query field \"extra{version - 1}\"", (string?)old["errors"]![0]!["message"], StringComparison.Ordinal);
        }

        var shop = await host.UntilAsync("/api/v1/plugins/shop", p => (int)p["generationsAlive"]! == 0);
        Assert.Equal("Active", (string?)shop["state"]);
        await QueryAsync(host, """mutation($id: ID!) { createShopOrder(input: {number: 7, customerId: $id}) { id } }""", new JsonObject { ["id"] = customer });
        Assert.Equal("""data: {"data":{"shopOrderEvents":{"verb":"created","record":{"number":7,"customer":{"name":"Ada"}}}}}""", await NextAsync(listening, "data:", limit.Token));
        Assert.Equal("""{"id":"1","type":"next","payload":{"data":{"shopOrderEvents":{"verb":"created"}}}}""", await ReceiveAsync(socket, limit.Token));

        await host.PostAsync("/api/v1/plugins/shop/disable");
        Assert.Equal("event: complete", await NextAsync(listening, "event: complete", limit.Token));
        Assert.Contains("\"type\":\"error\"", await ReceiveAsync(socket, limit.Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rights_hold_for_each_field_event_and_socket()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-graph-").FullName;
        await using var host = await RunningHost.StartAsync([PluginCompiler.Plugin(Path.Combine(folder, "gatekeeper"), "gatekeeper", "1.0.0", Gatekeeper), PluginCompiler.Plugin(Path.Combine(folder, "shop"), "shop", "1.0.0", Shop)], ["--plugins:lazy=false"]);
        Directory.Delete(folder, recursive: true);
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(4));
        async Task<string> CreateAsync(string key, string name) => (string)(await QueryAsync(host, "mutation($name: String!) { createShopCustomer(input: {name: $name}) { id } }", new JsonObject { ["name"] = name }, key))["data"]!["createShopCustomer"]!["id"]!;
        var (own, other) = (await CreateAsync("ada:All", "Own"), await CreateAsync("ben:All", "Other"));
        const string Both = "query($own: ID!, $other: ID!) { own: shopCustomer(id: $own) { name } other: shopCustomer(id: $other) { name } list: shopCustomers { totalCount nodes { name } } }";
        var ids = new JsonObject { ["own"] = own, ["other"] = other };

        var asOwner = await QueryAsync(host, Both, ids.DeepClone(), "ada:Own");
        var asNobody = await QueryAsync(host, Both, ids.DeepClone(), "eve:None");
        var asStranger = await QueryAsync(host, "{ plugins { id } }", null, "");
        var enabling = await QueryAsync(host, """mutation { enable_plugin(id: "shop") { id } }""", null, "eve:None");
        using var heard = await ListenAsync(host, "subscription { shopCustomerEvents { record { name } } }", limit.Token, "ada:Own");
        using var refused = await ListenAsync(host, "subscription { shopCustomerEvents { id } }", limit.Token, "eve:None");

        Assert.Equal("""{"data":{"own":{"name":"Own"},"other":null,"list":{"totalCount":1,"nodes":[{"name":"Own"}]}}}""", asOwner.ToJsonString());
        Assert.Equal(["PERMISSION_DENIED", "PERMISSION_DENIED", "PERMISSION_DENIED"], Codes(asNobody));
        Assert.Equal(["AUTHENTICATION_REQUIRED"], Codes(asStranger));
        Assert.Equal(["PERMISSION_DENIED"], Codes(enabling));
        Assert.Contains("PERMISSION_DENIED", await NextAsync(refused, "data:", limit.Token), StringComparison.Ordinal);
        // What somebody else makes is not told; what comes after it is.
        await CreateAsync("ben:All", "Theirs");
        await CreateAsync("ada:All", "Mine");
        Assert.Equal("""data: {"data":{"shopCustomerEvents":{"record":{"name":"Mine"}}}}""", await NextAsync(heard, "data:", limit.Token));
        using var socket = await ConnectAsync(host, limit.Token, """{"authorization":"Bearer ada:Own"}""");
        await socket.SendAsync(Encoding.UTF8.GetBytes($$$"""{"type":"subscribe","id":"1","payload":{"query":"{ shopCustomer(id: \"{{{own}}}\") { name } }"}}"""), WebSocketMessageType.Text, true, limit.Token);
        Assert.Equal("""{"id":"1","type":"next","payload":{"data":{"shopCustomer":{"name":"Own"}}}}""", await ReceiveAsync(socket, limit.Token));
    }

    [Fact]
    public async Task A_lazy_plugin_comes_up_when_it_is_asked_for_as_the_readme_does()
    {
        await using var host = await RunningHost.StartAsync(Path.Combine(Programs.Samples, "orders"), Path.Combine(Programs.Samples, "users"));

        var orders = await QueryAsync(host, FromReadme());
        var all = await QueryAsync(host, """{ __type(name: "UsersUser") { name } }""");

        Assert.Equal("""{"data":{"ordersOrders":{"nodes":[],"pageInfo":{"endCursor":null}}}}""", orders.ToJsonString());
        Assert.Equal("""{"data":{"__type":{"name":"UsersUser"}}}""", all.ToJsonString());
    }

    /// <summary>The operation that the README shows.</summary>
    private static string FromReadme([System.Runtime.CompilerServices.CallerFilePath] string path = "")
    {
        var text = File.ReadAllText(Path.Combine(Path.GetDirectoryName(path)!, "..", "..", "README.md"));
        var start = text.IndexOf("```graphql\n", StringComparison.Ordinal) + 11;
        return text[start..text.IndexOf("```", start, StringComparison.Ordinal)];
    }

    private static string[] Codes(JsonNode answer) => [.. answer["errors"]!.AsArray().Select(e => (string)e!["extensions"]!["code"]!)];

    private static async Task InstallAsync(RunningHost host, int version)
    {
        var folder = PluginCompiler.Plugin(Path.Combine(host.Folder, $"shop{version}"), "shop", $"{version}.0.0", Shop.Replace("EXTRA", $"Extra{version}", StringComparison.Ordinal));
        await host.PostAsync("/api/v1/plugins", new { path = folder, update = version > 1 });
    }

    private static async Task<JsonNode> QueryAsync(RunningHost host, string query, JsonNode? variables = null, string? key = null)
    {
        using var request = Request(query, variables, "application/json", key);
        using var answer = await host.Client.SendAsync(request);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
    }

    private static HttpRequestMessage Request(string query, JsonNode? variables, string accept, string? key)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/graphql") { Content = new StringContent(new JsonObject { ["query"] = query, ["variables"] = variables }.ToJsonString(), Encoding.UTF8, "application/json") };
        request.Headers.Add("Accept", accept);
        if (key is { Length: > 0 }) request.Headers.Add("X-API-Key", key);
        return request;
    }

    /// <summary>An event stream that has begun.</summary>
    private static async Task<StreamReader> ListenAsync(RunningHost host, string query, CancellationToken cancellationToken, string? key = null)
    {
        using var request = Request(query, null, "text/event-stream", key);
        var answer = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        return new StreamReader(await answer.Content.ReadAsStreamAsync(cancellationToken));
    }

    private static async Task<string> NextAsync(StreamReader lines, string prefix, CancellationToken cancellationToken)
    {
        while (await lines.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.StartsWith(prefix, StringComparison.Ordinal)) return line;
        }

        return "";
    }

    private static async Task<ClientWebSocket> ConnectAsync(RunningHost host, CancellationToken cancellationToken, string payload = "{}")
    {
        var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("graphql-transport-ws");
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{host.Port}/graphql"), cancellationToken);
        await socket.SendAsync(Encoding.UTF8.GetBytes($$$"""{"type":"connection_init","payload":{{{payload}}}}"""), WebSocketMessageType.Text, true, cancellationToken);
        Assert.Equal("""{"type":"connection_ack"}""", await ReceiveAsync(socket, cancellationToken));
        return socket;
    }

    private static async Task<string> ReceiveAsync(ClientWebSocket socket, CancellationToken cancellationToken)
    {
        var buffer = new byte[64 * 1024];
        var message = await socket.ReceiveAsync(buffer, cancellationToken);
        return Encoding.UTF8.GetString(buffer, 0, message.Count);
    }
}
