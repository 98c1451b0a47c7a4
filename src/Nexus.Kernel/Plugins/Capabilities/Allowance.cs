namespace Nexus.Kernel.Plugins.Capabilities;

/// <summary>What one plugin may use and has used, over all its generations. Thread-safe.</summary>
internal sealed class Allowance(string plugin, PluginQuota quota, TimeProvider time) : IPluginQuota
{
    private readonly MinuteCounter calls = new(time);
    private readonly MinuteCounter events = new(time);
    private volatile CapabilityDecision decision = CapabilityDecision.None;
    private long stored;

    public CapabilityDecision Decision
    {
        get => decision;
        set => decision = value;
    }

    /// <summary>Whether calls or bytes are limited; events are counted where they are published.</summary>
    public bool Limits => quota.ApiCallsPerMinute is not null || CountsStorage;

    public bool CountsStorage => quota.StorageBytes is not null;

    public void Call()
    {
        if (quota.ApiCallsPerMinute is { } most && !calls.TryCount(most, 1))
            throw new NexusException(ErrorCodes.QuotaExceeded, $"{plugin} has answered {most} calls within a minute, which is its quota.");
    }

    /// <exception cref="NexusException"><c>QUOTA_EXCEEDED</c>.</exception>
    public void Publish(int number)
    {
        if (quota.EventsPerMinute is { } most && !events.TryCount(most, number))
            throw new NexusException(ErrorCodes.QuotaExceeded, $"{plugin} has published {most} events within a minute, which is its quota.");
    }

    public void Store(long bytes)
    {
        if (quota.StorageBytes is { } most && Interlocked.Add(ref stored, bytes) > most && bytes > 0)
        {
            Interlocked.Add(ref stored, -bytes);
            throw new NexusException(ErrorCodes.QuotaExceeded, $"{plugin} stores {Interlocked.Read(ref stored)} bytes; {bytes} more exceed its quota of {most}.");
        }
    }

    /// <summary>Refuses a write whose size nobody knows before, when the quota is used up.</summary>
    public void StoreMore()
    {
        if (quota.StorageBytes is { } most && Interlocked.Read(ref stored) >= most)
            throw new NexusException(ErrorCodes.QuotaExceeded, $"{plugin} stores {Interlocked.Read(ref stored)} bytes, which is its quota of {most}; it may delete only.");
    }

    /// <summary>Bytes that are counted as stored.</summary>
    public long Stored => Interlocked.Read(ref stored);

    /// <summary>What is stored was measured, from when so much was counted; what was counted since goes on from there. A write that the measurement saw already counts twice until the next one, and none is left out.</summary>
    public void Measured(long bytes, long counted) => Interlocked.Add(ref stored, bytes - counted);

    /// <summary>Uses within the current minute of the clock.</summary>
    private sealed class MinuteCounter(TimeProvider time)
    {
        private readonly Lock gate = new();
        private long minute;
        private long used;

        public bool TryCount(long most, int number)
        {
            lock (gate)
            {
                var now = time.GetUtcNow().UtcTicks / TimeSpan.TicksPerMinute;
                if (now != minute)
                    (minute, used) = (now, 0);
                if (used + number > most)
                    return false;
                used += number;
                return true;
            }
        }
    }
}
