using Microsoft.Extensions.Http;
using Nexus.Kernel.Plugins.Capabilities;

namespace Nexus.Kernel.Plugins.Generations;

/// <summary>The socket handlers behind a generation's <see cref="IHttpClientFactory"/>. The factory never disposes handlers it still hands out, so the generation does.</summary>
/// <param name="targets">Where the plugin may connect to; null for one that is as trusted as the host, whose addresses come from the operator.</param>
/// <param name="guard">The plugin's guard.</param>
internal sealed class OutboundHandlers(OutboundTargets? targets, CapabilityGuard guard) : IDisposable
{
    private readonly Lock gate = new();
    private readonly List<HttpMessageHandler> handlers = [];

    /// <summary>Guards every client of the plugin, also those to which it gave a handler of its own. Runs after the plugin's own configuration.</summary>
    public void Guard(HttpMessageHandlerBuilder builder)
    {
        // A handler of another kind cannot be told where it may connect to.
        var socket = builder.PrimaryHandler as SocketsHttpHandler ?? new SocketsHttpHandler();
        socket.PooledConnectionLifetime = TimeSpan.FromMinutes(2);
        if (targets is not null)
        {
            socket.UseProxy = targets.UseProxy;
            socket.ConnectCallback = targets.UseProxy ? null : targets.ConnectAsync;
        }

        lock (gate)
        {
            handlers.Add(socket);
        }

        builder.PrimaryHandler = socket;
        builder.AdditionalHandlers.Insert(0, new OutboundGuard(guard));
    }

    public void Dispose()
    {
        lock (gate)
        {
            handlers.ForEach(h => h.Dispose());
            handlers.Clear();
        }
    }
}
