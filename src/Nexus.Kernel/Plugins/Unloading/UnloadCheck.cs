using System.Runtime.CompilerServices;

namespace Nexus.Kernel.Plugins.Unloading;

/// <summary>Tells whether a context has left memory. Holds nothing but the weak reference.</summary>
internal static class UnloadCheck
{
    private const int ConcurrentTries = 4;

    private static readonly SemaphoreSlim OneAtATime = new(1);

    public static async Task<bool> WaitAsync(WeakReference watch, TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        var tries = 0;
        for (var pause = TimeSpan.FromMilliseconds(20); ; pause = Min(pause * 2, TimeSpan.FromMilliseconds(500)))
        {
            // Full collections are the price of proof; several generations that leave together share one. The first are done
            // beside the requests that run, which a blocking collection would hold up.
            await OneAtATime.WaitAsync(cancellationToken);
            try
            {
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

            await Task.Delay(pause, time, cancellationToken);
        }
    }

    /// <summary>Collects once, so that watches on what was given up tell the truth.</summary>
    public static async Task NudgeAsync(bool thorough)
    {
        await OneAtATime.WaitAsync();
        try
        {
            // Twice: the first round runs finalizers that may hold the last references.
            for (var round = 0; round < (thorough ? 2 : 1); round++)
            {
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: thorough);
                if (thorough)
                {
                    GC.WaitForPendingFinalizers();
                }
            }
        }
        finally
        {
            OneAtATime.Release();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool Collected(WeakReference watch, bool blocking)
    {
        if (!watch.IsAlive)
        {
            return true;
        }

        GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking);
        if (blocking)
        {
            GC.WaitForPendingFinalizers();
        }

        return !watch.IsAlive;
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
