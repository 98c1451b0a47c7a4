using System.Diagnostics;

namespace Nexus.Gateway.Tests.Fakes;

/// <summary>Waits for what is to happen, for so long that only what never happens fails.</summary>
internal static class Until
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task HoldsAsync(Func<bool> condition, Func<string>? what = null)
    {
        var start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Patience, $"It did not happen within {Patience}: {what?.Invoke()}");
            await Task.Delay(5);
        }
    }
}
