using System.Text.Json.Nodes;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Live;

/// <summary><c>/api/v1/events/stream</c> over a socket and as server-sent events.</summary>
public sealed class Event_streams
{
    private const string Path = "/api/v1/events/stream";

    [Fact]
    public async Task A_socket_that_comes_back_with_the_last_id_gets_what_it_missed_once_and_goes_on()
    {
        var at = await LiveHosts.StartAsync(LiveHosts.Identity());
        await using var host = at.Host;
        string last;
        using (var before = await LiveClient.ConnectAsync(host, "root", path: Path))
        {
            await before.AskAsync("""{"action":"subscribe","pattern":"orders.*"}""", "subscribed");
            at.Tail.Publish("orders.placed", """{"n":0}""");
            last = (string)(await before.NextOfAsync("event"))["at"]!;
        }

        for (var n = 1; n <= 5; n++)
            at.Tail.Publish("orders.placed", $$"""{"n":{{n}}}""");
        at.Tail.Publish("users.created", """{"n":9}""");
        using var after = await LiveClient.ConnectAsync(host, "root", path: Path);
        await after.AskAsync($$"""{"action":"subscribe","pattern":"orders.*","last_event_id":"{{last}}"}""", "subscribed");
        at.Tail.Publish("orders.placed", """{"n":6}""");
        var told = new List<int>();
        while (told.Count < 6)
            told.Add((int)(await after.NextOfAsync("event"))["data"]!["message"]!["data"]!["n"]!);

        Assert.Equal([1, 2, 3, 4, 5, 6], told);
        Assert.Equal("pong", (string?)(await after.AskAsync("""{"action":"ping","id":"p"}""", "pong"))["type"]);
    }

    [Fact]
    public async Task A_subscription_has_a_filter_of_the_data_and_ends_when_it_is_asked_to()
    {
        var at = await LiveHosts.StartAsync(LiveHosts.Identity());
        await using var host = at.Host;
        using var client = await LiveClient.ConnectAsync(host, "root", path: Path);
        await client.AskAsync("""{"action":"subscribe","id":"dear","pattern":"orders.*","filter":{"total":{"$gte":100}}}""", "subscribed");
        at.Tail.Publish("orders.placed", """{"total":5}""");
        at.Tail.Publish("orders.placed", """{"total":500}""");
        var dear = await client.NextOfAsync("event");
        await client.AskAsync("""{"action":"unsubscribe","id":"dear"}""", "unsubscribed");
        at.Tail.Publish("orders.placed", """{"total":700}""");

        Assert.Equal(("dear", 500), ((string)dear["id"]!, (int)dear["data"]!["message"]!["data"]!["total"]!));
        Assert.Equal("pong", (string?)(await client.AskAsync("""{"action":"ping","id":"p"}""", "pong"))["type"]);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("&last_event_id=1", false)]
    public async Task A_stream_that_comes_back_with_the_last_id_gets_what_it_missed_once_and_goes_on(string query, bool header)
    {
        var at = await LiveHosts.StartAsync(LiveHosts.Identity());
        await using var host = at.Host;
        for (var n = 0; n <= 5; n++)
            at.Tail.Publish("orders.placed", $$"""{"n":{{n}}}""");
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{Path}?pattern=orders.*&filter={Uri.EscapeDataString("""{"n":{"$ne":3}}""")}{query}");
        request.Headers.Add("Authorization", "Bearer root");
        if (header)
            request.Headers.Add("Last-Event-ID", "1");
        using var answer = await host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
        using var patience = new CancellationTokenSource(Until.Patience);
        var told = new List<int>();
        while (told.Count < 5)
        {
            if (await lines.ReadLineAsync(patience.Token) is { } line && line.StartsWith("data: ", StringComparison.Ordinal))
                told.Add((int)JsonNode.Parse(line[6..])!["data"]!["n"]!);
            if (told.Count == 4)
                at.Tail.Publish("orders.placed", """{"n":6}""");
        }

        Assert.Equal([1, 2, 4, 5, 6], told);
    }

    [Fact]
    public async Task A_socket_to_events_needs_their_permission_before_it_opens()
    {
        var at = await LiveHosts.StartAsync(LiveHosts.Identity());
        await using var host = at.Host;

        var refused = await Assert.ThrowsAsync<System.Net.WebSockets.WebSocketException>(() => LiveClient.ConnectAsync(host, "ada-1", path: Path));

        Assert.Contains("403", refused.Message, StringComparison.Ordinal);
    }
}
