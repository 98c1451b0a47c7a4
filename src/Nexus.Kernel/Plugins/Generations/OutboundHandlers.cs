namespace Nexus.Kernel.Plugins.Generations;

/// <summary>The socket handlers behind a generation's <see cref="IHttpClientFactory"/>. The factory never disposes handlers it still hands out, so the generation does.</summary>
internal sealed class OutboundHandlers : IDisposable
{
    private readonly Lock gate = new();
    private readonly List<SocketsHttpHandler> handlers = [];

    public SocketsHttpHandler Create()
    {
        // Handlers live as long as the generation; connections are renewed so that a change of DNS is seen.
        var handler = new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(2) };
        lock (gate)
        {
            handlers.Add(handler);
        }

        return handler;
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
