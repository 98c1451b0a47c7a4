using Microsoft.AspNetCore.Http;

namespace Nexus.Gateway.Rest;

/// <summary>The abort signal of a plugin's part of a request: fires when the caller leaves, when the plugin's generation is replaced, and when the answer has not begun in time.</summary>
internal sealed class PluginAbort : IDisposable
{
    private static readonly TimeSpan SocketGrace = TimeSpan.FromSeconds(1);
    private readonly HttpContext context;
    private readonly PluginSocket? socket;
    private readonly CancellationTokenSource source;
    private readonly CancellationTokenRegistration draining;
    private readonly CancellationTokenRegistration aborting;
    private readonly ITimer? limit;

    public PluginAbort(HttpContext context, IGeneration? lease, TimeSpan slow, PluginSocket? socket, CancellationToken left)
    {
        this.context = context;
        this.socket = socket;
        source = CancellationTokenSource.CreateLinkedTokenSource(left);
        if (lease is null)
            return;
        if (!context.WebSockets.IsWebSocketRequest)
            limit = TimeProvider.System.CreateTimer(static state => ((PluginAbort)state!).EndSlow(), this, slow, Timeout.InfiniteTimeSpan);
        // Last: a token that fired already calls back at once.
        draining = lease.Stopping.UnsafeRegister(static state => ((PluginAbort)state!).EndStream(), this);
        aborting = lease.Aborting.UnsafeRegister(static state => ((PluginAbort)state!).Cancel(), this);
    }

    public CancellationToken Token => source.Token;

    public void Dispose()
    {
        draining.Dispose();
        aborting.Dispose();
        limit?.Dispose();
        source.Dispose();
    }

    /// <summary>A stream would never end by itself, so it ends when the drain begins; other requests go on until the drain limit.</summary>
    private void EndStream()
    {
        if (socket is not null)
            _ = EndSocketAsync(socket);
        else if (IsStream(context))
            Cancel();
    }

    /// <summary>A close frame, a moment for the handler to see the client's own, then the abort.</summary>
    private async Task EndSocketAsync(PluginSocket open)
    {
        await open.EndAsync();
        await Task.Delay(SocketGrace);
        Cancel();
    }

    /// <summary>A handler that has begun to answer (a stream, a large download) is at work; one that has not is given up.</summary>
    private void EndSlow()
    {
        if (!context.Response.HasStarted)
            Cancel();
    }

    private void Cancel()
    {
        try
        {
            source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The request ended in the same moment.
        }
    }

    private static bool IsStream(HttpContext context) =>
        context.WebSockets.IsWebSocketRequest || context.Response.ContentType?.StartsWith("text/event-stream", StringComparison.OrdinalIgnoreCase) == true;
}
