using System.Collections.Immutable;
using System.Text.Json;
using System.Threading.Channels;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Monitoring;

/// <summary>
/// Tells whoever watches of each request as it starts and as it finishes: by its route's pattern, so that no value of a caller is shown. While nobody watches a request costs one look at an
/// empty list. Thread-safe.
/// </summary>
internal sealed class RequestMonitor(TimeProvider time)
{
    private ImmutableArray<RequestWatch> watches = [];

    /// <summary>Whether anybody watches.</summary>
    public bool IsWatched => !watches.IsEmpty;

    /// <summary>Begins to watch; the end is its disposal.</summary>
    public RequestWatch Watch()
    {
        var watch = new RequestWatch(ended => ImmutableInterlocked.Update(ref watches, (all, one) => all.Remove(one), ended));
        ImmutableInterlocked.Update(ref watches, (all, one) => all.Add(one), watch);
        return watch;
    }

    /// <summary>A handler was found for a request and begins.</summary>
    public void Start(GatewayRequest request, string method) => Tell("started", request, method, null, null);

    /// <summary>A request was answered; it has a route when a handler was found and nothing refused it before.</summary>
    public void Finish(GatewayRequest request, string method) => Tell("finished", request, method, request.Status, Math.Round(request.ElapsedMilliseconds, 3));

    private void Tell(string what, GatewayRequest request, string method, int? status, double? milliseconds)
    {
        var told = new RequestTold(request.Id, request.Span?.TraceId.ToHexString() ?? request.TraceId, time.GetUtcNow(), method, request.Route?.Pattern, request.Route?.Plugin, status, milliseconds);
        ReadOnlyMemory<byte> line = (byte[])[.. "event: "u8, .. System.Text.Encoding.ASCII.GetBytes(what), .. "\ndata: "u8, .. JsonSerializer.SerializeToUtf8Bytes(told, JsonAnswer.Options), .. "\n\n"u8];
        foreach (var watch in watches)
            watch.Tell(line);
    }

    private sealed record RequestTold(string Request, string TraceId, DateTimeOffset At, string Method, string? Route, string? Plugin, int? Status, double? Milliseconds);
}

/// <summary>Who is told of a request that came while somebody watched: a feature of it, so that others pay nothing for it.</summary>
internal sealed class WatchedRequest(RequestMonitor monitor, string method)
{
    /// <summary>Its handler begins.</summary>
    public void Start(GatewayRequest request) => monitor.Start(request, method);
}

/// <summary>What waits for one who watches. What comes while as much waits as may is lost, and counted.</summary>
internal sealed class RequestWatch(Action<RequestWatch> end) : IDisposable
{
    /// <summary>How many events wait for one who reads slowly.</summary>
    public const int Capacity = 1_000;

    private readonly Channel<ReadOnlyMemory<byte>> waiting = Channel.CreateBounded<ReadOnlyMemory<byte>>(new BoundedChannelOptions(Capacity) { SingleReader = true });
    private long lost;

    /// <summary>What waits, oldest first, each as text of server-sent events.</summary>
    public ChannelReader<ReadOnlyMemory<byte>> Events => waiting.Reader;

    /// <summary>Adds one; never waits.</summary>
    public void Tell(ReadOnlyMemory<byte> line)
    {
        if (!waiting.Writer.TryWrite(line))
            Interlocked.Increment(ref lost);
    }

    /// <summary>How many were lost since the last call.</summary>
    public long TakeLost() => Interlocked.Exchange(ref lost, 0);

    /// <inheritdoc/>
    public void Dispose() => end(this);
}
