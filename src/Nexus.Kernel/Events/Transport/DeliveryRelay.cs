using System.Collections.Immutable;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Nexus.Kernel.Events.Transport;

/// <summary>
/// Takes due deliveries of the groups of this node from the store and sends them to the transport. Every node does so: two never take the same, and none has to be elected.
/// 1. Claim what is due, for groups whose window in the transport has room.
/// 2. While it is on its way, claim the next.
/// 3. What the transport did not confirm is handed back, and sent again by a new number: the first copy may have arrived.
/// Deliveries of one event to groups of different priority travel as one message, so that one node sees them in turn and the first may cancel it for the others.
/// </summary>
internal sealed class DeliveryRelay(IEventStore store, Subscribers subscribers, TransportLink link, TimeProvider time, IOptions<EventsOptions> options, ILogger<DeliveryRelay> log) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan WindowLook = TimeSpan.FromMilliseconds(5);

    private readonly SendWindows windows = new(link, time);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!link.IsConfigured)
            return;
        var sending = Task.CompletedTask;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (link.Current is not { } transport)
                {
                    await Task.Delay(Pause, time, stoppingToken);
                    continue;
                }

                var lease = subscribers.Durable.Lease(options.Value.Lease);
                var claimed = await ClaimAsync(transport, lease, stoppingToken);
                var ends = time.GetUtcNow() + lease;
                await sending;
                if (!claimed.IsEmpty)
                    sending = SendAsync(transport, claimed, ends, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e)
            {
                log.LogError("Events could not be taken from the store for the transport; trying again: {Error}", HandlerRun.Describe(e));
                await Task.Delay(Wait, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        await sending;
    }

    private async ValueTask<ImmutableArray<EventDelivery>> ClaimAsync(IEventTransport transport, TimeSpan lease, CancellationToken stoppingToken)
    {
        var groups = subscribers.Durable;
        await windows.LookAsync(transport, stoppingToken);
        var free = groups.Free(windows.IsFull, out var someFull);
        var limit = options.Value.SendLimit;
        foreach (var key in free)
            limit = Math.Min(limit, windows.Of(key, lease).Room);

        if (free.IsEmpty)
        {
            await Task.Delay(someFull ? WindowLook : Pause, time, stoppingToken);
            return [];
        }

        var claimed = await store.ClaimAsync(new DeliveryClaim(free, limit, lease, someFull ? WindowLook : Wait), stoppingToken);
        windows.Sent(claimed.CountBy(d => d.Group), lease);
        return claimed;
    }

    private async Task SendAsync(IEventTransport transport, ImmutableArray<EventDelivery> claimed, DateTimeOffset ends, CancellationToken stoppingToken)
    {
        try
        {
            await transport.SendAsync(Messages(claimed, ends), stoppingToken);
            link.Succeeded();
        }
        catch (Exception e)
        {
            if (!stoppingToken.IsCancellationRequested)
                link.Failed(e);
            await HandBackAsync(claimed);
        }
    }

    private async Task HandBackAsync(ImmutableArray<EventDelivery> claimed)
    {
        try
        {
            var now = time.GetUtcNow();
            await store.SettleAsync([.. claimed.Select(d => new DeliverySettlement(d.Message.Id, d.Group, d.Fence, DeliveryState.Pending, now))], CancellationToken.None);
        }
        catch (Exception e)
        {
            log.LogError("{Count} deliveries could not be handed back to the store; they are due again when their lease ends: {Error}", claimed.Length, HandlerRun.Describe(e));
        }
    }

    private ImmutableArray<TransportMessage> Messages(ImmutableArray<EventDelivery> claimed, DateTimeOffset ends)
    {
        var groups = subscribers.Durable;
        var messages = ImmutableArray.CreateBuilder<TransportMessage>(claimed.Length);
        foreach (var sameEvent in claimed.GroupBy(d => d.Message.Id))
        {
            EventDelivery[] deliveries = [.. sameEvent.OrderByDescending(d => groups.PriorityOf(d.Group))];
            var together = deliveries.Length > 1 && groups.PriorityOf(deliveries[0].Group) != groups.PriorityOf(deliveries[^1].Group);
            for (var i = 0; i < deliveries.Length; i += together ? deliveries.Length : 1)
            {
                var sent = together ? deliveries : deliveries.AsSpan(i, 1);
                messages.Add(new TransportMessage(sent[0].Group, sent[0].Message.Priority, DeliveryJson.Write(sent, ends)));
            }
        }

        return messages.ToImmutable();
    }
}
