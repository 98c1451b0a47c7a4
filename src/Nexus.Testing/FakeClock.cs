namespace Nexus.Testing;

/// <summary>A clock that moves only when told to; timers fire on the caller's thread. Thread-safe.</summary>
public sealed class FakeClock(DateTimeOffset start) : TimeProvider
{
    private const int MaxCallbacks = 10_000;
    private readonly Lock gate = new();
    private readonly List<FakeTimer> timers = [];
    private DateTimeOffset now = start;

    /// <summary>Starts on 1 January 2026, 00:00 UTC.</summary>
    public FakeClock()
        : this(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero))
    {
    }

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow()
    {
        lock (gate) return now;
    }

    /// <inheritdoc/>
    public override long GetTimestamp() => GetUtcNow().UtcTicks;

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new FakeTimer(this, () => callback(state));
        timer.Change(dueTime, period);
        lock (gate) timers.Add(timer);
        return timer;
    }

    /// <summary>
    /// Moves time forward and fires what falls due, in order of due time. After 10,000 callbacks the rest passes at once, as on a machine that slept:
    /// each timer that is due then fires once. So a month does not become millions of turns of a loop that waits 100 ms.
    /// </summary>
    public void Advance(TimeSpan by)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        var end = GetUtcNow() + by;
        for (var fired = 0; fired < MaxCallbacks; fired++)
        {
            FakeTimer? next;
            lock (gate)
            {
                next = timers.Where(t => t.Due <= end).MinBy(t => t.Due);
                now = next?.Due is { } due && due > now ? due : next is null ? end : now;
                next?.Rearm();
            }

            if (next is null) return;
            next.Fire();
        }

        FakeTimer[] late;
        lock (gate)
        {
            now = end;
            late = [.. timers.Where(t => t.Due <= end).OrderBy(t => t.Due)];
            foreach (var timer in late) timer.Rearm();
        }

        foreach (var timer in late) timer.Fire();
    }

    private sealed class FakeTimer(FakeClock clock, Action fire) : ITimer
    {
        private TimeSpan period = Timeout.InfiniteTimeSpan;

        public DateTimeOffset? Due { get; private set; }

        public void Fire() => fire();

        public void Rearm()
        {
            if (period <= TimeSpan.Zero) Due = null;
            else Due = Due + period > clock.now ? Due + period : clock.now + period;
        }

        public bool Change(TimeSpan dueTime, TimeSpan newPeriod)
        {
            lock (clock.gate)
            {
                period = newPeriod;
                Due = dueTime == Timeout.InfiniteTimeSpan ? null : clock.now + dueTime;
            }

            return true;
        }

        public void Dispose()
        {
            lock (clock.gate) clock.timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
