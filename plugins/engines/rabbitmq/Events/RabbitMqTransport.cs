using System.Collections.Immutable;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Nexus.Engines.RabbitMq.Connections;
using RabbitMQ.Client.Exceptions;

namespace Nexus.Engines.RabbitMq.Events;

/// <summary>
/// Events over RabbitMQ: a durable queue with priorities a group, confirmed publishing, consumers with a prefetch, a queue for what cannot be read.
/// There is one session at a time. One that ended is replaced when somebody next needs it, with growing pauses between tries, and calls fail at once meanwhile.
/// </summary>
internal sealed class RabbitMqTransport(Broker broker, RabbitMqOptions options, TimeProvider time, ILogger<RabbitMqTransport> log) : IEventTransport, IAsyncDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    private readonly Lock gate = new();
    private readonly SemaphoreSlim opening = new(1);
    private volatile TaskCompletionSource arrived = NewSignal();
    private volatile Session? session;
    private ImmutableArray<string> listened = [];
    private TimeSpan pause = FirstPause;
    private long notBefore = long.MinValue;
    private string failure = "";
    private long sessions;
    private bool isDisposed;

    public ValueTask ListenAsync(ImmutableArray<string> groups, CancellationToken cancellationToken)
    {
        lock (gate)
            listened = groups;
        return CallAsync(open => open.ListenAsync(groups), cancellationToken);
    }

    public ValueTask SendAsync(ImmutableArray<TransportMessage> messages, CancellationToken cancellationToken) => CallAsync(open => open.SendAsync(messages), cancellationToken);

    public async ValueTask<ImmutableArray<ReceivedMessage>> ReceiveAsync(TransportReceive receive, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(receive);
        var started = time.GetTimestamp();
        while (true)
        {
            var next = arrived.Task;
            var open = await OpenAsync(cancellationToken);
            var taken = open.Take(receive.Groups, receive.Limit);
            var left = receive.MaxWait - time.GetElapsedTime(started);
            if (taken.Length > 0 || left <= TimeSpan.Zero || cancellationToken.IsCancellationRequested)
                return taken;
            using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(next, Task.Delay(left, time, wait.Token));
            await wait.CancelAsync();
        }
    }

    public ValueTask AcknowledgeAsync(ImmutableArray<TransportReceipt> receipts, CancellationToken cancellationToken) => CallAsync(open => open.AcknowledgeAsync(receipts), cancellationToken);

    public async ValueTask<TransportState> LookAsync(ImmutableArray<string> groups, CancellationToken cancellationToken)
    {
        var waiting = ImmutableDictionary<string, long>.Empty;
        var started = Stopwatch.GetTimestamp();
        await CallAsync(async open => waiting = await open.LookAsync(groups), cancellationToken);
        return new TransportState(Stopwatch.GetElapsedTime(started), waiting);
    }

    public async ValueTask DisposeAsync()
    {
        await opening.WaitAsync();
        isDisposed = true;
        if (session is { } last)
            await last.DisposeAsync();
        opening.Release();
        opening.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Signal() => Interlocked.Exchange(ref arrived, NewSignal()).TrySetResult();

    private async ValueTask CallAsync(Func<Session, Task> call, CancellationToken cancellationToken)
    {
        var open = await OpenAsync(cancellationToken);
        try
        {
            await call(open);
        }
        catch (Exception e) when (IsLoss(e))
        {
            // Whatever went wrong on it, what was under way is not known: a new one is.
            open.End(e.Message);
            throw Unavailable(e.Message);
        }
    }

    private static bool IsLoss(Exception e) => e is RabbitMQClientException or IOException or TimeoutException or ObjectDisposedException or System.Net.Sockets.SocketException or InvalidOperationException or OperationCanceledException;

    private NexusException Unavailable(string why) => new(ErrorCodes.ServiceUnavailable, $"RabbitMQ at {broker.Address} does not answer: {why}");

    private async ValueTask<Session> OpenAsync(CancellationToken cancellationToken)
    {
        if (session is { HasEnded: false } current)
            return current;
        await opening.WaitAsync(cancellationToken);
        try
        {
            ObjectDisposedException.ThrowIf(isDisposed, this);
            if (session is { HasEnded: false } other)
                return other;
            if (time.GetTimestamp() < notBefore)
                throw Unavailable(failure);
            if (session is { } last)
                await last.DisposeAsync();
            session = null;
            return session = await ConnectAsync();
        }
        finally
        {
            opening.Release();
        }
    }

    private async Task<Session> ConnectAsync()
    {
        Session? made = null;
        try
        {
            made = await Session.OpenAsync(broker, options, ++sessions, Signal);
            ImmutableArray<string> groups;
            lock (gate)
                groups = listened;
            await made.ListenAsync(groups);
            (pause, notBefore) = (FirstPause, long.MinValue);
            log.LogInformation("rabbitmq.connected {Address}", broker.Address);
            return made;
        }
        catch (Exception e) when (IsLoss(e) || e is NexusException)
        {
            if (made is not null)
                await made.DisposeAsync();
            failure = e.InnerException?.Message ?? e.Message;
            // A random part keeps many nodes from coming back in one moment.
            notBefore = time.GetTimestamp() + (long)(pause.TotalSeconds * (0.75 + (Random.Shared.NextDouble() / 2)) * time.TimestampFrequency);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            throw Unavailable(failure);
        }
    }
}
