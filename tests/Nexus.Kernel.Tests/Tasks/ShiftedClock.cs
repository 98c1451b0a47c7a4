namespace Nexus.Kernel.Tests.Tasks;

/// <summary>The system's clock, set on or back by a test; timers run in real time.</summary>
internal sealed class ShiftedClock : TimeProvider
{
    private long shift;

    /// <summary>A clock that shows a minute of an hour, far from full ones.</summary>
    public static ShiftedClock AtMinute(int minute)
    {
        var clock = new ShiftedClock();
        var now = clock.GetUtcNow();
        clock.Advance(new DateTimeOffset(now.Year, now.Month, now.Day, now.Hour, minute, 0, TimeSpan.Zero) - now);
        return clock;
    }

    public void Advance(TimeSpan by) => Interlocked.Add(ref shift, by.Ticks);

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + TimeSpan.FromTicks(Interlocked.Read(ref shift));
}
