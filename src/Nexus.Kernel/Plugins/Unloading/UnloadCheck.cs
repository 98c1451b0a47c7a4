using System.Runtime.CompilerServices;

namespace Nexus.Kernel.Plugins.Unloading;

/// <summary>Tells whether a context has left memory. Holds nothing but the weak reference.</summary>
internal static class UnloadCheck
{
    private static readonly SemaphoreSlim OneAtATime = new(1);

    public static async Task<bool> WaitAsync(WeakReference watch, TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        for (var pause = TimeSpan.FromMilliseconds(5); ; pause = Min(pause * 2, TimeSpan.FromMilliseconds(500)))
        {
            // Full collections are the price of proof; several generations that leave together share one.
            await OneAtATime.WaitAsync(cancellationToken);
            try
            {
                if (Collected(watch))
                {
                    return true;
                }
            }
            finally
            {
                OneAtATime.Release();
            }

            if (time.GetElapsedTime(begun) > limit)
            {
                return false;
            }

            await Task.Delay(pause, time, cancellationToken);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool Collected(WeakReference watch)
    {
        if (!watch.IsAlive)
        {
            return true;
        }

        GC.Collect();
        GC.WaitForPendingFinalizers();
        return !watch.IsAlive;
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
