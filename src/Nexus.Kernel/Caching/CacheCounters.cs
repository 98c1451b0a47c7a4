namespace Nexus.Kernel.Caching;

/// <summary>Counts of the cache. Thread-safe.</summary>
internal sealed class CacheCounters
{
    private long memoryHits;
    private long memoryMisses;
    private long sharedHits;
    private long loads;
    private long stale;
    private long misses;

    public long MemoryHits => Interlocked.Read(ref memoryHits);

    public long MemoryMisses => Interlocked.Read(ref memoryMisses);

    public long Hits => MemoryHits + Interlocked.Read(ref sharedHits);

    public long Misses => Interlocked.Read(ref misses);

    public long Loads => Interlocked.Read(ref loads);

    public long Stale => Interlocked.Read(ref stale);

    public void MemoryHit() => Interlocked.Increment(ref memoryHits);

    public void MemoryMiss() => Interlocked.Increment(ref memoryMisses);

    /// <summary>One look-up that memory did not answer ended: with a value of another level, or without one.</summary>
    public void Ended(bool found)
    {
        if (found)
            Interlocked.Increment(ref sharedHits);
        else
            Interlocked.Increment(ref misses);
    }

    public void Loaded() => Interlocked.Increment(ref loads);

    public void ServedStale() => Interlocked.Increment(ref stale);
}
