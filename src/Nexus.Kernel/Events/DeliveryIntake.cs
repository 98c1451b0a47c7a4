using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Nexus.Kernel.Events.Transport;

namespace Nexus.Kernel.Events;

/// <summary>The end of a try, with what it is the end of.</summary>
internal sealed record EndedDelivery(TakenDelivery Taken, DeliverySettlement Settlement);

/// <summary>Where this node gets deliveries: from the transport while there is one that answers, else from the store. Ends always go to the store; what came by a transport is acknowledged after.</summary>
internal sealed class DeliveryIntake
{
    /// <summary>A transport may come or go while a claim waits.</summary>
    private static readonly TimeSpan LinkLook = TimeSpan.FromSeconds(1);

    private readonly IEventStore store;
    private readonly Subscribers subscribers;
    private readonly TransportLink link;
    private readonly TimeProvider time;
    private readonly ISystemEvents listeners;
    private readonly ILogger<DeliveryIntake> log;
    private readonly SettlementWriter<TransportReceipt> acknowledgements;
    private readonly ConcurrentDictionary<(Guid Event, string Group), long> held = new();
    private (IEventTransport Transport, DurableGroups Groups)? listening;

    public DeliveryIntake(IEventStore store, Subscribers subscribers, TransportLink link, TimeProvider time, ISystemEvents listeners, ILogger<DeliveryIntake> log)
    {
        (this.store, this.subscribers, this.link, this.time, this.listeners, this.log) = (store, subscribers, link, time, listeners, log);
        acknowledgements = new SettlementWriter<TransportReceipt>(AcknowledgeAsync, log);
    }

    /// <summary>Takes deliveries; cancelling ends the wait only.</summary>
    public async ValueTask<ImmutableArray<TakenDelivery>> TakeAsync(DeliveryClaim claim, CancellationToken cancellationToken)
    {
        if (link.Current is { } transport && await ReceiveAsync(transport, claim, cancellationToken) is { } received)
            return received;
        var ends = time.GetUtcNow() + claim.Lease;
        var groups = subscribers.Durable;
        var claimed = await store.ClaimAsync(link.IsConfigured && claim.MaxWait > LinkLook ? claim with { MaxWait = LinkLook } : claim, cancellationToken);
        return [.. claimed.Select(d => new TakenDelivery(d, groups.PriorityOf(d.Group), ends))];
    }

    /// <summary>Stores ends. What cannot be stored is acknowledged all the same: the lease brings it again.</summary>
    public async ValueTask SettleAsync(ImmutableArray<EndedDelivery> ended)
    {
        try
        {
            await store.SettleAsync([.. ended.Select(e => e.Settlement)], CancellationToken.None);
            TellDead(ended);
        }
        finally
        {
            foreach (var one in ended)
                Settled(one.Taken);
        }
    }

    /// <summary>Who hears of a dead letter and looks for it finds it: it is stored before.</summary>
    private void TellDead(ImmutableArray<EndedDelivery> ended)
    {
        if (!listeners.Hears(SystemTopic.Events))
            return;
        foreach (var (taken, _) in ended.Where(e => e.Settlement.State == DeliveryState.Dead))
        {
            var (message, group, attempt) = (taken.Delivery.Message, taken.Delivery.Group, taken.Delivery.Attempt);
            listeners.Tell("event.dead", JsonSerializer.SerializeToUtf8Bytes(new { id = message.Id, name = message.Name, group, attempt }), new CallContext(Caller.System, message.Tenant, message.CorrelationId ?? message.Id.ToString()));
        }
    }

    /// <summary>Notes that a delivery is settled in the store.</summary>
    public void Settled(TakenDelivery taken)
    {
        if (taken.Carrier is not { } carrier)
            return;
        held.TryRemove(KeyValuePair.Create((taken.Delivery.Message.Id, taken.Delivery.Group), taken.Delivery.Fence));
        if (carrier.Settle())
            acknowledgements.Post(carrier.Receipt);
    }

    /// <summary>What the transport has; null when it does not answer.</summary>
    private async ValueTask<ImmutableArray<TakenDelivery>?> ReceiveAsync(IEventTransport transport, DeliveryClaim claim, CancellationToken cancellationToken)
    {
        ImmutableArray<ReceivedMessage> messages;
        var groups = subscribers.Durable;
        try
        {
            if (listening is not { } now || now.Transport != transport || now.Groups != groups)
            {
                listening = null;
                await transport.ListenAsync(groups.Keys, cancellationToken);
                listening = (transport, groups);
            }

            messages = await transport.ReceiveAsync(new TransportReceive(claim.Groups, claim.Limit, LinkLook), cancellationToken);
            link.Succeeded();
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            listening = null;
            link.Failed(e);
            return null;
        }

        return messages.IsEmpty ? [] : await ReadAsync(messages, groups);
    }

    private async ValueTask<ImmutableArray<TakenDelivery>> ReadAsync(ImmutableArray<ReceivedMessage> messages, DurableGroups groups)
    {
        var now = time.GetUtcNow();
        var taken = ImmutableArray.CreateBuilder<TakenDelivery>(messages.Length);
        List<DeliverySettlement>? back = null;
        foreach (var message in messages)
        {
            if (DeliveryJson.Read(message.Body) is not { } carried)
            {
                log.LogError("A message in the queue of {Group} is no delivery of this platform; it is put aside", message.Receipt.Group);
                acknowledgements.Post(message.Receipt with { Unreadable = true });
            }
            else if (carried.LeaseEnds <= now)
            {
                // The store gives it out anew by a later number, or has done so.
                acknowledgements.Post(message.Receipt);
            }
            else if (message.Redelivered)
            {
                // Whoever had it may be at work on it still, and two by one number could both commit. This node would know; another one is left behind by a new number.
                (back ??= []).AddRange(carried.Deliveries.Where(d => !IsHeld(d)).Select(d => new DeliverySettlement(d.Message.Id, d.Group, d.Fence, DeliveryState.Pending, now)));
                acknowledgements.Post(message.Receipt);
            }
            else
            {
                var carrier = new Carrier(message.Receipt, carried.Deliveries.Length);
                foreach (var delivery in carried.Deliveries)
                {
                    held[(delivery.Message.Id, delivery.Group)] = delivery.Fence;
                    taken.Add(new TakenDelivery(delivery, groups.PriorityOf(delivery.Group), carried.LeaseEnds, carrier));
                }
            }
        }

        if (back is not null)
            await store.SettleAsync([.. back], CancellationToken.None);
        return taken.ToImmutable();
    }

    private bool IsHeld(EventDelivery delivery) => held.TryGetValue((delivery.Message.Id, delivery.Group), out var fence) && fence == delivery.Fence;

    private async ValueTask AcknowledgeAsync(ImmutableArray<TransportReceipt> receipts)
    {
        try
        {
            if (link.Current is { } transport)
                await transport.AcknowledgeAsync(receipts, CancellationToken.None);
        }
        catch (Exception e)
        {
            // The engine hands them out again, and they are found settled.
            link.Failed(e);
        }
    }
}
