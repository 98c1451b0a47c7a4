namespace Nexus.Kernel.Plugins.Capabilities;

/// <summary>What one plugin may use and has used, over all its generations. Thread-safe.</summary>
internal sealed class Allowance(PluginQuota quota, TimeProvider time)
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

    public bool CountsStorage => quota.StorageBytes is not null;

    /// <exception cref="NexusException"><c>QUOTA_EXCEEDED</c>.</exception>
    public void Call(string plugin)
    {
        if (quota.ApiCallsPerMinute is { } most && !calls.TryCount(most, 1))
            throw new NexusException(ErrorCodes.QuotaExceeded, $"{plugin} has answered {most} calls within a minute, which is its quota.");
    }

    /// <exception cref="NexusException"><c>QUOTA_EXCEEDED</c>.</exception>
    public void Publish(string plugin, int number)
    {
        if (quota.EventsPerMinute is { } most && !events.TryCount(most, number))
            throw new NexusException(ErrorCodes.QuotaExceeded, $"{plugin} has published {most} events within a minute, which is its quota.");
    }

    /// <summary>Counts bytes that are about to be stored (or, below zero, given back).</summary>
    /// <exception cref="NexusException"><c>QUOTA_EXCEEDED</c>; nothing is counted.</exception>
    public void Store(string plugin, long bytes)
    {
        if (quota.StorageBytes is { } most && Interlocked.Add(ref stored, bytes) > most && bytes > 0)
        {
            Interlocked.Add(ref stored, -bytes);
            throw new NexusException(ErrorCodes.QuotaExceeded, $"{plugin} stores {Interlocked.Read(ref stored)} bytes; {bytes} more exceed its quota of {most}.");
        }
    }

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
