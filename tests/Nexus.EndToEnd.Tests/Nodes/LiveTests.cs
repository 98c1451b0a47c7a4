using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests.Nodes;

/// <summary>Live updates over two nodes on one PostgreSQL: what happens on one is told on the other, to whom it may be told.</summary>
public sealed class LiveTests
{
    private const string Subscribe = """{"type":"subscribe","id":"s","resource":"users.users"}""";

    /// <summary>A change is told within a second; who is not told of a session's end learns of it after half a minute. What lies between is for a machine that stands still.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task A_change_on_one_node_reaches_subscribers_on_the_other_each_by_what_it_may_read()
    {
        await using var cluster = await Cluster.StartAsync(2);
        var admin = await cluster.SignInAsync();
        var (one, two) = (cluster.Nodes[0].Client, cluster.Nodes[1]);
        await Cluster.SendAsync(one, admin, HttpMethod.Post, "/api/v1/roles", new { name = "clerk", permissions = new[] { "core.identity:use", "users.users:read:own", "users.users:create:own", "users.users:delete:own" } });
        var (made, account) = await Cluster.SendAsync(one, admin, HttpMethod.Post, "/api/v1/users", new { username = "ada", password = Cluster.Password, roles = new[] { "clerk" } });
        Assert.True(made == 201, $"{made} {account}");
        var (signedIn, grant) = await Cluster.SendAsync(one, null, HttpMethod.Post, "/login", new { username = "ada", password = Cluster.Password });
        Assert.True(signedIn == 200, $"{signedIn} {grant}");
        var ada = (string)grant["access_token"]!;
        await Cluster.UntilAsync(two.Client, ada, "/api/business/users/users", (status, _) => status == 200);
        using var hers = await SocketAsync(two, ada);
        using var all = await SocketAsync(two, admin);

        var (_, theirs) = await Cluster.SendAsync(one, admin, HttpMethod.Post, "/api/business/users/users", new { name = "Bob", email = "bob@example.test" });
        var (_, own) = await Cluster.SendAsync(one, ada, HttpMethod.Post, "/api/business/users/users", new { name = "Ada", email = "ada@example.test" });
        await Cluster.SendAsync(one, admin, HttpMethod.Delete, $"/api/business/users/users/{theirs["id"]}");
        await Cluster.SendAsync(one, ada, HttpMethod.Delete, $"/api/business/users/users/{own["id"]}");

        Assert.Equal([$"created {own["id"]}", $"deleted {own["id"]}"], await ToldAsync(hers, 2));
        Assert.Equal([$"created {theirs["id"]}", $"created {own["id"]}", $"deleted {theirs["id"]}", $"deleted {own["id"]}"], await ToldAsync(all, 4));
    }

    [Fact]
    public async Task Who_is_cut_off_from_one_node_goes_on_at_the_other_where_it_was()
    {
        await using var cluster = await Cluster.StartAsync(2);
        var admin = await cluster.SignInAsync();
        var (one, two) = (cluster.Nodes[0], cluster.Nodes[1]);
        await Cluster.UntilAsync(two.Client, admin, "/api/business/users/users", (status, _) => status == 200);
        async Task<string> CreateAsync(int number) => (string)(await Cluster.SendAsync(two.Client, admin, HttpMethod.Post, "/api/business/users/users", new { name = "U", email = $"u{number}@example.test" })).Body["id"]!;
        string first, at;
        using (var socket = await SocketAsync(one, admin))
        {
            first = await CreateAsync(1);
            var told = await NextAsync(socket, "event");
            Assert.Equal(first, (string)told["data"]!["recordId"]!);
            at = (string)told["at"]!;
        }
        string[] missed = [await CreateAsync(2), await CreateAsync(3)];

        using var again = await SocketAsync(two, admin, Subscribe.Replace("}", $",\"after\":\"{at}\"}}", StringComparison.Ordinal));
        string[] all = [.. missed, await CreateAsync(4)];

        Assert.Equal(all.Select(id => $"created {id}"), await ToldAsync(again, 3));
    }

    [Fact]
    public async Task A_session_or_key_that_is_revoked_on_one_node_closes_its_sockets_on_the_other()
    {
        await using var cluster = await Cluster.StartAsync(2);
        var admin = await cluster.SignInAsync();
        var (one, two) = (cluster.Nodes[0].Client, cluster.Nodes[1]);
        var session = await Cluster.LoginAsync(one, Cluster.Password);
        var (_, key) = await Cluster.SendAsync(one, admin, HttpMethod.Post, "/api/v1/api-keys", new { name = "k", scopes = new[] { "users.users:read" } });
        await Cluster.UntilAsync(two.Client, session, "/api/business/users/users", (status, _) => status == 200);
        await Cluster.UntilAsync(two.Client, (string)key["key"]!, "/api/business/users/users", (status, _) => status == 200);
        using var bySession = await SocketAsync(two, session);
        using var byKey = await SocketAsync(two, (string)key["key"]!);
        using var graph = await GraphSocketAsync(two, session);
        using var kept = await SocketAsync(two, admin);

        await Cluster.SendAsync(one, session, HttpMethod.Post, "/api/v1/auth/logout");
        await Cluster.SendAsync(one, admin, HttpMethod.Delete, $"/api/v1/api-keys/{key["id"]}");
        var clock = Stopwatch.StartNew();
        int[] closed = [await ClosedAsync(bySession), await ClosedAsync(graph), await ClosedAsync(byKey)];
        var took = clock.Elapsed;
        await Cluster.SendAsync(one, admin, HttpMethod.Post, "/api/business/users/users", new { name = "Bob", email = "bob@example.test" });

        Assert.Equal([4401, 4401, 4401], closed);
        Assert.InRange(took, TimeSpan.Zero, Soon);
        Assert.Equal("created", (string?)(await NextAsync(kept, "event"))["data"]!["verb"]);
    }

    private static async Task<ClientWebSocket> SocketAsync(RunningHost host, string token, string subscribe = Subscribe)
    {
        var socket = new ClientWebSocket();
        await socket.ConnectAsync(new UriBuilder(host.Address) { Scheme = "ws", Path = "/live" }.Uri, Limit());
        await SendAsync(socket, $$"""{"type":"auth","token":"{{token}}"}""");
        await NextAsync(socket, "ready");
        await SendAsync(socket, subscribe);
        await NextAsync(socket, "subscribed");
        return socket;
    }

    private static async Task<ClientWebSocket> GraphSocketAsync(RunningHost host, string token)
    {
        var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol("graphql-transport-ws");
        await socket.ConnectAsync(new UriBuilder(host.Address) { Scheme = "ws", Path = "/graphql" }.Uri, Limit());
        await SendAsync(socket, $$$"""{"type":"connection_init","payload":{"authorization":"Bearer {{{token}}}"}}""");
        await NextAsync(socket, "connection_ack");
        await SendAsync(socket, """{"type":"subscribe","id":"1","payload":{"query":"subscription { usersUserEvents { verb } }"}}""");
        return socket;
    }

    private static Task SendAsync(ClientWebSocket socket, string message) => socket.SendAsync(Encoding.UTF8.GetBytes(message), WebSocketMessageType.Text, true, Limit());

    private static async Task<string[]> ToldAsync(ClientWebSocket socket, int count)
    {
        var told = new List<string>();
        while (told.Count < count && await NextAsync(socket, "event") is { } next)
            told.Add($"{next["data"]!["verb"]} {next["data"]!["recordId"]}");
        return [.. told];
    }

    private static async Task<JsonNode> NextAsync(ClientWebSocket socket, string type)
    {
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var part = await socket.ReceiveAsync(buffer, Limit());
            Assert.True(part.MessageType == WebSocketMessageType.Text && part.EndOfMessage, $"{part.CloseStatus} {part.CloseStatusDescription}");
            var message = JsonNode.Parse(buffer.AsSpan(0, part.Count))!;
            if ((string?)message["type"] == type)
                return message;
            Assert.NotEqual("error", (string?)message["type"]);
        }
    }

    private static async Task<int> ClosedAsync(ClientWebSocket socket)
    {
        var buffer = new byte[64 * 1024];
        while ((await socket.ReceiveAsync(buffer, Limit())).MessageType != WebSocketMessageType.Close)
        {
            // What was told before.
        }
        return (int)socket.CloseStatus!;
    }

    private static CancellationToken Limit() => new CancellationTokenSource(TimeSpan.FromSeconds(60)).Token;
}
