using System.Net.WebSockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Nexus.Gateway.Rest;

/// <summary>The WebSocket of one plugin request. When the plugin is replaced, the client is told so by a close frame before the request is aborted: code that only passes <c>RequestAborted</c> would cut the connection.</summary>
internal sealed class PluginSocket(IHttpWebSocketFeature outer) : IHttpWebSocketFeature
{
    private readonly Lock gate = new();
    private WebSocket? socket;
    private bool ending;

    public bool IsWebSocketRequest => outer.IsWebSocketRequest;

    /// <summary>The feature as it was before.</summary>
    public IHttpWebSocketFeature Outer => outer;

    public async Task<WebSocket> AcceptAsync(WebSocketAcceptContext context)
    {
        var accepted = await outer.AcceptAsync(context);
        lock (gate)
        {
            socket = accepted;
            if (!ending)
                return accepted;
        }
        await CloseAsync(accepted);
        return accepted;
    }

    /// <summary>Tells the client that the endpoint goes away (1001). Never throws.</summary>
    public Task EndAsync()
    {
        lock (gate)
        {
            ending = true;
            return socket is { } open ? CloseAsync(open) : Task.CompletedTask;
        }
    }

    private static async Task CloseAsync(WebSocket open)
    {
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            await open.CloseOutputAsync(WebSocketCloseStatus.EndpointUnavailable, "replaced", limit.Token);
        }
        catch (Exception error) when (error is WebSocketException or IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // The client or the plugin closed it in the same moment.
        }
    }
}
