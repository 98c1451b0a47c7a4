using Microsoft.Extensions.Hosting;

namespace Nexus.Data.Sharing;

/// <summary>Reads the clock of the engine every few seconds: clocks drift, and a machine that slept did not count the time.</summary>
internal sealed class ClockSteering(StorageOpener opener, NodeClock clock) : BackgroundService
{
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (opener.Set.Clock is not { } read)
            return;
        using var timer = new PeriodicTimer(Turn, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                try
                {
                    await clock.SteerAsync(read, stoppingToken);
                }
                catch (NexusException)
                {
                    // The storage does not answer, which its health says; the clock goes on meanwhile.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }
}
