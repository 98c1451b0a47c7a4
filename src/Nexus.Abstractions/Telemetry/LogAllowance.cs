namespace Nexus;

/// <summary>Bounds how often something is logged, so that a storm of slow queries or refusals does not become one of log lines. Thread-safe.</summary>
/// <param name="perMinute">Most lines of a minute.</param>
/// <param name="time">The clock.</param>
public sealed class LogAllowance(int perMinute, TimeProvider time)
{
    private readonly Lock gate = new();
    private long minute;
    private int used;
    private long passedOver;

    /// <summary>Whether a line may be written now.</summary>
    /// <param name="unwritten">How many were not since the last that was.</param>
    public bool TryTake(out long unwritten)
    {
        lock (gate)
        {
            unwritten = passedOver;
            var now = time.GetUtcNow().Ticks / TimeSpan.TicksPerMinute;
            if (now != minute)
                (minute, used) = (now, 0);
            if (used >= perMinute)
            {
                passedOver++;
                return false;
            }

            used++;
            passedOver = 0;
            return true;
        }
    }
}
