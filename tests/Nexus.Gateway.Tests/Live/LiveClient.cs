using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Live;

/// <summary>A socket to <c>/live</c> with bounded waits.</summary>
internal sealed class LiveClient : IDisposable
{
    private readonly ClientWebSocket socket = new();

    public static async Task<LiveClient> ConnectAsync(GatewayHost host, string? token = null, string? origin = null, string path = "/live")
    {
        var client = new LiveClient();
        if (token is not null)
            client.socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
        if (origin is not null)
            client.socket.Options.SetRequestHeader("Origin", origin);
        using var limit = new CancellationTokenSource(Until.Patience);
        await client.socket.ConnectAsync(new UriBuilder(host.Address) { Scheme = "ws", Path = path }.Uri, limit.Token);
        return client;
    }

    public Task SendAsync(string message) => SendAsync(Encoding.UTF8.GetBytes(message), WebSocketMessageType.Text);

    public async Task SendAsync(byte[] message, WebSocketMessageType type, bool last = true)
    {
        using var limit = new CancellationTokenSource(Until.Patience);
        await socket.SendAsync(message, type, last, limit.Token);
    }

    /// <summary>The next message; fails when the socket is closed instead.</summary>
    public async Task<JsonNode> NextAsync()
    {
        var (message, closed) = await ReceiveAsync();
        Assert.True(message is not null, $"closed instead: {closed}");
        return message!;
    }

    /// <summary>Sends a message and takes the next one of a type, passing over others.</summary>
    public async Task<JsonNode> AskAsync(string message, string type)
    {
        await SendAsync(message);
        return await NextOfAsync(type);
    }

    public async Task<JsonNode> NextOfAsync(string type)
    {
        while (true)
        {
            var next = await NextAsync();
            if ((string?)next["type"] == type)
                return next;
        }
    }

    /// <summary>Code and reason with which the node closes; messages before are passed over.</summary>
    public async Task<string> ClosedAsync()
    {
        while (true)
        {
            var (_, closed) = await ReceiveAsync();
            if (closed is not null)
                return closed;
        }
    }

    /// <summary>The next message, or how the node closes.</summary>
    public Task<(JsonNode? Message, string? Closed)> NextOrCloseAsync() => ReceiveAsync();

    public void Abort() => socket.Abort();

    public void Dispose() => socket.Dispose();

    private async Task AnswerCloseAsync(CancellationToken cancellationToken)
    {
        try
        {
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", cancellationToken);
        }
        catch (WebSocketException)
        {
            // The node has told its end and waits two seconds for this; a machine that stalls is later.
        }
    }

    private async Task<(JsonNode? Message, string? Closed)> ReceiveAsync()
    {
        using var limit = new CancellationTokenSource(Until.Patience);
        var buffer = new byte[1 << 20];
        var length = 0;
        while (true)
        {
            var part = await socket.ReceiveAsync(buffer.AsMemory(length), limit.Token);
            if (part.MessageType == WebSocketMessageType.Close)
            {
                var told = $"{(int)socket.CloseStatus!} {socket.CloseStatusDescription}";
                await AnswerCloseAsync(limit.Token);
                return (null, told);
            }
            length += part.Count;
            if (part.EndOfMessage)
                return (JsonNode.Parse(buffer.AsSpan(0, length)), null);
        }
    }
}
