using System.Runtime.CompilerServices;

namespace Nexus.Kernel.Plugins.Unloading;

/// <summary>
/// Tells whether contexts have left memory. Holds nothing but weak references. Proof costs full collections, and each of them holds up
/// every request of the node: contexts that leave together share one, and where nobody waits for the proof (a swap) collections are
/// spaced so that their pauses take at most one part in <see cref="Spacing"/> of the time.
/// </summary>
internal sealed class UnloadCheck(TimeProvider time, CollectionSteps steps)
{
    private const int ConcurrentTries = 4;
    private const int Spacing = 200;

    private static readonly TimeSpan LongestSpace = TimeSpan.FromSeconds(2);
    private static readonly SemaphoreSlim OneAtATime = new(1);

    private long collectedAt;
    private TimeSpan pause;

    /// <param name="watch">The context.</param>
    /// <param name="limit">Time after which it counts as left behind.</param>
    /// <param name="urgent">Somebody waits for the answer.</param>
    /// <param name="cancellationToken">Stops the wait.</param>
    public async Task<bool> WaitAsync(WeakReference watch, TimeSpan limit, bool urgent, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        var tries = 0;
        for (var wait = TimeSpan.FromMilliseconds(20); ; wait = Min(wait * 2, TimeSpan.FromMilliseconds(500)))
        {
            await OneAtATime.WaitAsync(cancellationToken);
            try
            {
                if (watch.IsAlive && !urgent && Space() is { Ticks: > 0 } space)
                {
                    await Task.Delay(space, time, cancellationToken);
                }

                if (Collected(watch, blocking: ++tries > ConcurrentTries))
                {
                    return true;
                }
            }
            finally
            {
                OneAtATime.Release();
            }

            // A machine that stood still, as in a heap dump, has used up the time but given the collector no chance.
            if (tries > ConcurrentTries && time.GetElapsedTime(begun) > limit)
            {
                return false;
            }

            await Task.Delay(wait, time, cancellationToken);
        }
    }

    /// <summary>Collects once, so that watches on what was given up tell the truth.</summary>
    public async Task NudgeAsync(bool thorough)
    {
        await OneAtATime.WaitAsync();
        try
        {
            steps.Forget();

            // Twice: the first round runs finalizers that may hold the last references.
            for (var round = 0; round < (thorough ? 2 : 1); round++)
            {
                steps.Collect(thorough);
            }
        }
        finally
        {
            OneAtATime.Release();
        }
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private TimeSpan Space() => collectedAt == 0 ? TimeSpan.Zero : Min(pause * Spacing, LongestSpace) - time.GetElapsedTime(collectedAt);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool Collected(WeakReference watch, bool blocking)
    {
        if (!watch.IsAlive)
        {
            return true;
        }

        steps.Forget();
        pause = steps.Collect(blocking);
        collectedAt = time.GetTimestamp();
        if (watch.IsAlive)
        {
            return false;
        }

        steps.Trim();
        return true;
    }
}

/// <summary>What a collection for contexts that leave is made of.</summary>
/// <param name="Forget">Before it: clears what keeps their types.</param>
/// <param name="Collect">Collects, blocking or in the background, and tells how long it held the process up.</param>
/// <param name="Trim">After one that a context left with: returns free native memory to the system.</param>
internal sealed record CollectionSteps(Action Forget, Func<bool, TimeSpan> Collect, Action Trim)
{
    /// <summary>Those of the process.</summary>
    public static CollectionSteps Of(CacheSweep sweep) => new(sweep.Run, Collected, NativeHeap.Trim);

    private static TimeSpan Collected(bool blocking)
    {
        var before = GC.GetTotalPauseDuration();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking);
        if (blocking)
        {
            GC.WaitForPendingFinalizers();
        }

        return GC.GetTotalPauseDuration() - before;
    }
}
