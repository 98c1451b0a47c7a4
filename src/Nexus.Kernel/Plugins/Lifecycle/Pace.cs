namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>
/// Spreads the work of a swap: after each piece it rests for a multiple of the time that the piece took, so that requests which wait for a
/// processor wait for a piece and not for the whole. Pieces take longer where requests compete, and so do the rests. A lower priority of the
/// thread would do more, but on Linux threads inherit it: workers of the pool that are started from such a thread would keep it.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="rests">How long it rests, in times of what it worked; 0 never rests.</param>
internal sealed class Pace(TimeProvider time, int rests)
{
    /// <summary>What a swap of a serving plugin takes.</summary>
    public const int Considerate = 3;

    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(25);

    private long begun = time.GetTimestamp();

    /// <summary>Ends a piece.</summary>
    public async ValueTask GiveWayAsync(CancellationToken cancellationToken)
    {
        var rest = time.GetElapsedTime(begun) * rests;
        if (rest >= Shortest)
        {
            await Task.Delay(rest < Longest ? rest : Longest, time, cancellationToken);
        }

        begun = time.GetTimestamp();
    }
}
