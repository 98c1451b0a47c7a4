namespace Nexus.Kernel.Events.Transport;

/// <summary>
/// How many deliveries of a group may wait in the transport. What waits there is under a lease and behind what was sent before it, so it should be no more than the group handles well within the lease:
/// the window doubles when it was emptied fast and halves when it was emptied slowly. Not thread-safe.
/// </summary>
internal sealed class SendWindow(TimeSpan lease)
{
    private const int Smallest = 16;
    private const int Largest = 4096;

    private int size = 256;
    private long waiting;
    private long? filledAt;

    /// <summary>It takes no more until a look shows that half of it was received.</summary>
    public bool IsFull => filledAt is not null;

    /// <summary>How many it takes now; at least one when it is not full.</summary>
    public int Room => IsFull ? 0 : (int)Math.Max(1, size - waiting);

    public void Sent(int count, long now)
    {
        waiting += count;
        if (waiting >= size)
            filledAt ??= now;
    }

    /// <summary>Notes how many wait in the transport.</summary>
    public void Look(long left, long now, TimeProvider time)
    {
        waiting = left;
        if (filledAt is not { } began || left > size / 2)
            return;
        filledAt = null;
        var took = time.GetElapsedTime(began, now);
        if (took < lease / 32)
            size = Math.Min(Largest, size * 2);
        else if (took > lease / 8)
            size = Math.Max(Smallest, size / 2);
    }
}
