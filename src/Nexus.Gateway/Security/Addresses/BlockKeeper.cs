using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Gateway.Security.Addresses;

/// <summary>Has the stored blocks in force before the port opens, and follows them each minute: what one node blocks is blocked by all.</summary>
internal sealed partial class BlockKeeper(AddressBlocks blocks, TimeProvider time, ILogger<BlockKeeper> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await FollowAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
            await FollowAsync(stoppingToken);
    }

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        try
        {
            await blocks.FollowAsync(cancellationToken);
        }
        catch (NexusException exception)
        {
            TellNotRead(log, exception.Message);
        }
    }

    [LoggerMessage(12, LogLevel.Error, "The blocked addresses cannot be read: {Reason}")]
    private static partial void TellNotRead(ILogger log, string reason);
}
