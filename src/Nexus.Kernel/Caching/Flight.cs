namespace Nexus.Kernel.Caching;

/// <summary>One look-up of a key on behalf of all who ask for it meanwhile. Its work is cancelled when nobody waits any more.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001", Justification = "A source without a timer or a wait handle holds nothing; who waits late may still cancel it.")]
internal sealed class Flight(MemoryEntry? before, long startedAt)
{
    private readonly CancellationTokenSource abandoned = new();
    private readonly TaskCompletionSource<CachedValue> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int waiting;

    /// <summary>What memory had of the key, stale.</summary>
    public MemoryEntry? Before => before;

    /// <summary>The point in the time of tags at which it began.</summary>
    public long StartedAt => startedAt;

    /// <summary>The key was set or removed since: what is loaded is told to those who wait, and not kept.</summary>
    public bool IsOvertaken { get; private set; }

    public CancellationToken Abandoned => abandoned.Token;

    public void Overtake() => IsOvertaken = true;

    public async ValueTask<CachedValue> WaitAsync(CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref waiting);
        try
        {
            return await done.Task.WaitAsync(cancellationToken);
        }
        finally
        {
            if (Interlocked.Decrement(ref waiting) == 0 && !done.Task.IsCompleted)
                await abandoned.CancelAsync();
        }
    }

    public void Complete(CachedValue value) => done.TrySetResult(value);

    public void Fail(Exception exception)
    {
        done.TrySetException(exception);
        // Nobody may be left to see it.
        _ = done.Task.Exception;
    }
}
