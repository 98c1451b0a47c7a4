namespace Nexus.Core.Identity.Tests;

/// <summary>The system's clock, moved forward by a test; timers go by real time, so that the node's own polling does not run through the hours in between.</summary>
internal sealed class ShiftedClock : TimeProvider
{
    private TimeSpan shift;

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + shift;

    public void Advance(TimeSpan by) => shift += by;
}
