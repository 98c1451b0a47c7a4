namespace Nexus.Core.Identity.Tests.OpenId;

/// <summary>The system's clock with a hand to push: a whole host runs on it, whose timers must go on by themselves.</summary>
internal sealed class ShiftedClock : TimeProvider
{
    private long shift;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + TimeSpan.FromTicks(Interlocked.Read(ref shift));

    public void Advance(TimeSpan by) => Interlocked.Add(ref shift, by.Ticks);
}
