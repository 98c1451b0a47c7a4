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
    public void Call(string plugin) => calls.Count(quota.ApiCallsPerMinute, 1, () => $"{plugin} has answered {quota.ApiCallsPerMinute} calls within a minute, which is its quota.");

    /// <exception cref="NexusException"><c>QUOTA_EXCEEDED</c>.</exception>
    public void Publish(string plugin, int number) => events.Count(quota.EventsPerMinute, number, () => $"{plugin} has published {quota.EventsPerMinute} events within a minute, which is its quota.");

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

        public void Count(long? most, int number, Func<string> refusal)
        {
            if (most is null)
                return;
            lock (gate)
            {
                var now = time.GetUtcNow().UtcTicks / TimeSpan.TicksPerMinute;
                if (now != minute)
                    (minute, used) = (now, 0);
                if (used + number > most)
                    throw new NexusException(ErrorCodes.QuotaExceeded, refusal());
                used += number;
            }
        }
    }
}
