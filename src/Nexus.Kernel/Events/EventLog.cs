using System.Collections.Immutable;

namespace Nexus.Kernel.Events;

internal sealed class EventLog(IEventStore store, Subscribers subscribers, TransientDelivery transient, DurableDelivery durable, EventCounters counters) : IEventLog
{
    public ValueTask<EventPage> ReadAsync(EventQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        EventPattern.Parse(query.Pattern);
        return store.ReadAsync(query, cancellationToken);
    }

    public ValueTask<ImmutableArray<EventDelivery>> DeliveriesAsync(DeliveryQuery query, CancellationToken cancellationToken) =>
        store.DeliveriesAsync(query, cancellationToken);

    public ValueTask<long> ReplayAsync(EventReplay replay, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(replay);
        EventPattern.Parse(replay.Pattern);
        return store.ReplayAsync(replay, cancellationToken);
    }

    public ValueTask<ReplayProgress> LookAsync(EventReplay replay, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(replay);
        EventPattern.Parse(replay.Pattern);
        return store.LookAsync(replay, cancellationToken);
    }

    public ValueTask<long> PurgeAsync(EventPurge purge, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(purge);
        EventPattern.Parse(purge.Pattern);
        return store.PurgeAsync(purge, cancellationToken);
    }

    public EventStatistics GetStatistics() => counters.Read();

    public ImmutableArray<EventSubscriber> GetSubscribers() =>
    [
        .. subscribers.All.Select(s =>
        {
            var (waiting, dropped) = transient.Look(s.Key);
            return new EventSubscriber(s.Plugin, s.Descriptor.Group, s.Descriptor.Pattern, s.Descriptor.Priority, s.Descriptor.Durable, waiting + durable.Backlog(s.Key), dropped);
        }),
    ];
}
