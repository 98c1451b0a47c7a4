using System.Net.WebSockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Nexus.Gateway.GraphQL.Federation;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.GraphQL.Http;

/// <summary>WebSockets that speak <c>graphql-transport-ws</c>. Who calls is told by the request that opened the socket or, for browsers, by <c>authorization</c> in the payload of <c>connection_init</c>.</summary>
internal sealed class GraphQLSockets(OperationGate gate, OpenCallers callers, IOptionsMonitor<GraphQLOptions> options, IHostApplicationLifetime lifetime, TimeProvider time)
{
    private const string Protocol = "graphql-transport-ws";

    /// <summary>Serves a socket until it is closed.</summary>
    public async Task ServeAsync(HttpContext context)
    {
        var request = GatewayRequest.Of(context);
        if (request.SignedIn is { MustChangePassword: true })
            throw new NexusException(ErrorCodes.PasswordChangeRequired, "The password must be changed first; until then nothing else is served to this caller.");
        var known = context.WebSockets.WebSocketRequestedProtocols.Contains(Protocol);
        using var socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext { SubProtocol = known ? Protocol : null, KeepAliveInterval = TimeSpan.FromSeconds(20), KeepAliveTimeout = TimeSpan.FromSeconds(20) });
        if (!known)
        {
            await socket.CloseOutputAsync((WebSocketCloseStatus)4406, "Subprotocol not acceptable", context.RequestAborted);
            return;
        }
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        using var conversation = new SocketConversation(socket, gate, options.CurrentValue, time, new SocketCaller(callers.Open(context), AuthenticateAsync, PassedHeaders.Of(context)));
        await conversation.RunAsync(ends.Token);
    }

    /// <summary>Asks the strategies who an <c>Authorization</c> value stands for.</summary>
    private ValueTask<OpenCaller?> AuthenticateAsync(CallContext context, string authorization, CancellationToken cancellationToken) =>
        callers.OpenAsync(new Credentials { Authorization = authorization }, context, cancellationToken);
}

/// <summary>Who speaks over a socket, and how to find out anew.</summary>
/// <param name="Opened">The caller of the request that opened it.</param>
/// <param name="Authenticate">The caller of an <c>Authorization</c> value; null when it is refused.</param>
/// <param name="Headers">What subgraphs are told of it.</param>
internal sealed record SocketCaller(OpenCaller Opened, Func<CallContext, string, CancellationToken, ValueTask<OpenCaller?>> Authenticate, PassedHeaders Headers);
