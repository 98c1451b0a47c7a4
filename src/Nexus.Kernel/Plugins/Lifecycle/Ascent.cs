namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>A generation's way up: whom the loader tells of each state, how it spreads its work, how long a step may take, and when its turn comes among others.</summary>
internal sealed record Ascent(Action<PluginState> Enter, Pace Pace, StepLimit Limit, SchemaTurn? Turn);

/// <summary>The time that one step of a plugin's start may take. What it waits for other plugins does not count.</summary>
internal sealed class StepLimit(TimeSpan limit, TimeProvider time) : IDisposable
{
    private readonly CancellationTokenSource reached = new(limit, time);

    /// <summary>Cancelled when a step took too long.</summary>
    public CancellationToken Reached => reached.Token;

    /// <summary>The next step begins.</summary>
    public void Restart() => reached.CancelAfter(limit);

    public void Pause() => reached.CancelAfter(Timeout.InfiniteTimeSpan);

    public void Dispose() => reached.Dispose();
}
