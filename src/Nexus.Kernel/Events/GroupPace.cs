namespace Nexus.Kernel.Events;

/// <summary>How long the handler of a group takes, so that no more is taken for it than it handles well within the lease. Written by the group's lane alone; read by any thread.</summary>
internal sealed class GroupPace
{
    private const double Weight = 0.2;
    private double meanSeconds;

    public void Took(TimeSpan elapsed)
    {
        var mean = Volatile.Read(ref meanSeconds);
        Volatile.Write(ref meanSeconds, mean + ((elapsed.TotalSeconds - mean) * Weight));
    }

    /// <summary>How many it handles in an eighth of a lease; at least one.</summary>
    public int Within(TimeSpan lease) => (int)Math.Clamp(lease.TotalSeconds / 8 / Math.Max(Volatile.Read(ref meanSeconds), 1e-6), 1, 1_000_000);
}
