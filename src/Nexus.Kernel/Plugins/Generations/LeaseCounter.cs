namespace Nexus.Kernel.Plugins.Generations;

/// <summary>Counts leases and refuses new ones once draining: one interlocked operation to enter, one to exit.</summary>
internal sealed class LeaseCounter
{
    private const long Draining = 1L << 62;

    private readonly TaskCompletionSource drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long state;

    /// <summary>Leases held now.</summary>
    public long Held => Volatile.Read(ref state) & ~Draining;

    /// <summary>Completes when the drain has begun and the last lease came back.</summary>
    public Task Drained => drained.Task;

    public bool TryEnter()
    {
        if ((Interlocked.Increment(ref state) & Draining) == 0)
        {
            return true;
        }

        Exit();
        return false;
    }

    public void Exit()
    {
        // The bit alone means that no granted lease is left; none can be granted after it, so a refused entry that passes by changes nothing.
        if (Interlocked.Decrement(ref state) == Draining)
        {
            drained.TrySetResult();
        }
    }

    public void BeginDrain()
    {
        if (Interlocked.Or(ref state, Draining) is 0 or Draining)
        {
            drained.TrySetResult();
        }
    }
}
