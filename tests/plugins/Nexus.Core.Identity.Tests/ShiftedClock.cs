namespace Nexus.Core.Identity.Tests;

/// <summary>The system's clock, moved forward by a test; timers go by real time, so that the node's own polling does not run through the hours in between.</summary>
internal sealed class ShiftedClock : TimeProvider
{
    private TimeSpan shift;
    private DateTimeOffset? held;

    public override DateTimeOffset GetUtcNow() => (held ?? System.GetUtcNow()) + shift;

    /// <summary>From here on time passes by the test alone, however long the machine takes for it.</summary>
    public ShiftedClock Hold()
    {
        held = System.GetUtcNow();
        return this;
    }

    public void Advance(TimeSpan by) => shift += by;
}
