using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.Live;

/// <summary>Sockets of live updates, wherever they are asked for.</summary>
internal sealed class LiveSockets(LiveFeed feed, LiveCalls calls, OpenCallers callers, LiveConnections connections, LiveHost host)
{
    /// <summary>Who reads slowly is told so; the server's own limit would cut it off without a word.</summary>
    public static void Unhurry(HttpContext context)
    {
        if (context.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate)
            rate.MinDataRate = null;
    }

    /// <summary>Opens the socket of a request and converses over it until it ends.</summary>
    public async Task ConverseAsync(HttpContext context)
    {
        Unhurry(context);
        var caller = callers.Open(context);
        if (connections.TryEnter(caller, host.Options.CurrentValue.ConnectionsPerCaller) is not { } place)
        {
            caller.Dispose();
            throw host.TooMany();
        }
        var request = GatewayRequest.Of(context);
        if (caller.IsAnonymous && request.Refusal is { } refusal)
        {
            // Wrong credentials of the request itself are an answer of HTTP; a browser's page sees only that the socket did not open.
            place.Dispose();
            caller.Dispose();
            throw new NexusException(ErrorCodes.AuthenticationRequired, refusal);
        }
        var beat = TimeSpan.FromSeconds(host.Options.CurrentValue.HeartbeatSeconds);
        var words = new LastWords(context.Features.GetRequiredFeature<IHttpRequestLifetimeFeature>(), host.Time);
        context.Features.Set<IHttpRequestLifetimeFeature>(words);
        using var socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext { KeepAliveInterval = beat, KeepAliveTimeout = beat });
        // A socket lives for hours, nobody asks for them any more, and a token is a kilobyte. The server would keep the values of headers that are merely cleared, to use them again.
        context.Request.Headers.Authorization = context.Request.Headers.Cookie = default;
        using var conversation = new LiveSocket(socket, host.For(feed, calls, callers, connections, request.RemoteAddress), caller, place);
        await conversation.RunAsync(host.Stopping);
        words.End();
    }
}
