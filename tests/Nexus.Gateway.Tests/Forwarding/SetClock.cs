namespace Nexus.Gateway.Tests.Forwarding;

/// <summary>Time that stands still until it is moved.</summary>
internal sealed class SetClock : TimeProvider
{
    private long ticks = TimeSpan.TicksPerDay;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => ticks;

    public void Move(double seconds) => ticks += (long)(seconds * TimeSpan.TicksPerSecond);
}
