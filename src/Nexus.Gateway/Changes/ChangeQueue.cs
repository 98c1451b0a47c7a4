using System.Threading.Tasks.Sources;

namespace Nexus.Gateway.Changes;

/// <summary>
/// Changes that wait for one reader. Anybody writes, one reads. Ten thousand sockets wait at once, and a bounded channel holds a kilobyte for each of them while nothing happens; this holds
/// nothing until something does.
/// </summary>
/// <param name="capacity">How many may wait.</param>
internal sealed class ChangeQueue(int capacity) : IValueTaskSource<bool>
{
    private const int Kept = 64;
    private readonly Lock gate = new();
    private Queue<Change>? waiting;
    private ManualResetValueTaskSourceCore<bool> arrival = new() { RunContinuationsAsynchronously = true };
    private CancellationToken? cancelled;
    private bool isAwaited;
    private bool isClosed;

    /// <summary>Adds one; false when as many wait as may, or after the end.</summary>
    public bool TryWrite(Change change)
    {
        lock (gate)
        {
            if (isClosed || waiting?.Count >= capacity)
                return false;
            (waiting ??= new Queue<Change>()).Enqueue(change);
            if (!isAwaited)
                return true;
            isAwaited = false;
        }
        arrival.SetResult(true);
        return true;
    }

    /// <summary>Takes the oldest one.</summary>
    public bool TryRead(out Change change)
    {
        lock (gate)
        {
            change = default;
            if (waiting is null || !waiting.TryDequeue(out change))
                return false;
            // What a burst needed is not kept for the silence after it.
            if (waiting.Count == 0 && waiting.EnsureCapacity(0) > Kept)
                waiting = null;
            return true;
        }
    }

    /// <summary>Nothing is added any more.</summary>
    /// <returns>Whether this call ended it.</returns>
    public bool Close()
    {
        lock (gate)
        {
            if (isClosed)
                return false;
            isClosed = true;
            if (!isAwaited)
                return true;
            isAwaited = false;
        }
        arrival.SetResult(false);
        return true;
    }

    /// <summary>The reader waits no longer, now or when it wants to.</summary>
    public void Cancel(CancellationToken token)
    {
        lock (gate)
        {
            cancelled = token;
            if (!isAwaited)
                return;
            isAwaited = false;
        }
        arrival.SetException(new OperationCanceledException(token));
    }

    /// <summary>Waits until there is something to take; false when nothing comes any more. One call at a time.</summary>
    public ValueTask<bool> WaitAsync()
    {
        lock (gate)
        {
            cancelled?.ThrowIfCancellationRequested();
            if (waiting is { Count: > 0 })
                return new ValueTask<bool>(true);
            if (isClosed)
                return new ValueTask<bool>(false);
            arrival.Reset();
            isAwaited = true;
            return new ValueTask<bool>(this, arrival.Version);
        }
    }

    bool IValueTaskSource<bool>.GetResult(short token) => arrival.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => arrival.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) => arrival.OnCompleted(continuation, state, token, flags);
}
