using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Gateway.Security.Addresses;

/// <summary>Has the stored blocks in force before the port opens, and follows them, at once where nodes share a storage and each minute anyway: what one node blocks is blocked by all.</summary>
internal sealed partial class BlockKeeper(AddressBlocks blocks, TimeProvider time, ILogger<BlockKeeper> log, IChanges? changes = null) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private IDisposable? following;

    /// <inheritdoc/>
    public override void Dispose()
    {
        following?.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        following = changes?.Follow(BlockStore.Folder, (_, token) => blocks.FollowAsync(token));
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
