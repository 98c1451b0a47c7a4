using System.Collections.Immutable;

namespace Nexus;

/// <summary>Durable events and their deliveries. Events enter through <see cref="WriteBatch.Events"/> and <see cref="ISqlSession.Publish"/>. Thread-safe.</summary>
public interface IEventStore
{
    /// <summary>Declares the durable groups of a plugin; groups of it that are not named are dropped. A group gets events stored after its first declaration, also those stored while its plugin is off.</summary>
    ValueTask DeclareAsync(string plugin, ImmutableArray<EventGroup> groups, CancellationToken cancellationToken);

    /// <summary>Takes due deliveries of the named groups under a lease: highest priority first, then oldest; of events of one key and group only the oldest unsettled. Waits up to <see cref="DeliveryClaim.MaxWait"/> for the first.</summary>
    ValueTask<ImmutableArray<EventDelivery>> ClaimAsync(DeliveryClaim claim, CancellationToken cancellationToken);

    /// <summary>Settles deliveries; those whose lease was lost meanwhile are passed over.</summary>
    ValueTask SettleAsync(ImmutableArray<DeliverySettlement> settlements, CancellationToken cancellationToken);

    /// <summary>Reads stored events.</summary>
    ValueTask<EventPage> ReadAsync(EventQuery query, CancellationToken cancellationToken);

    /// <summary>Reads deliveries of an event or dead letters of groups; sets dead ones due again when asked to.</summary>
    ValueTask<ImmutableArray<EventDelivery>> DeliveriesAsync(DeliveryQuery query, CancellationToken cancellationToken);
}

/// <summary>A durable subscriber group.</summary>
/// <param name="Name">Unique name.</param>
/// <param name="Pattern">Event pattern.</param>
/// <param name="Priority">Higher first.</param>
public sealed record EventGroup(string Name, string Pattern, int Priority);

/// <summary>A claim.</summary>
/// <param name="Groups">Groups whose plugins are active here.</param>
/// <param name="Limit">Greatest number of deliveries.</param>
/// <param name="Lease">Time after which an unsettled delivery is due again.</param>
/// <param name="MaxWait">Time to wait for the first.</param>
public sealed record DeliveryClaim(ImmutableArray<string> Groups, int Limit, TimeSpan Lease, TimeSpan MaxWait);

/// <summary>One event for one group.</summary>
/// <param name="Message">The event.</param>
/// <param name="Group">The group.</param>
/// <param name="Attempt">Try, from 1.</param>
/// <param name="State">Where it stands.</param>
/// <param name="LastError">Text of the last failure, or null.</param>
/// <param name="Fence">Number of the lease; a settlement with an older one is passed over.</param>
public sealed record EventDelivery(EventMessage Message, string Group, int Attempt, DeliveryState State, string? LastError, long Fence);

/// <summary>Where a delivery stands.</summary>
public enum DeliveryState
{
    /// <summary>Waits.</summary>
    Pending,

    /// <summary>Handled.</summary>
    Done,

    /// <summary>Failed for good; can be replayed.</summary>
    Dead,

    /// <summary>Stopped by a handler of higher priority.</summary>
    Cancelled,

    /// <summary>Expired before it was handled.</summary>
    Expired,
}

/// <summary>The end of a try.</summary>
/// <param name="EventId">The event.</param>
/// <param name="Group">The group.</param>
/// <param name="Fence">Number of the lease.</param>
/// <param name="State">New state; <see cref="DeliveryState.Pending"/> retries.</param>
/// <param name="RetryAt">When to retry.</param>
/// <param name="Error">Text of the failure.</param>
public sealed record DeliverySettlement(Guid EventId, string Group, long Fence, DeliveryState State, DateTimeOffset? RetryAt = null, string? Error = null);

/// <summary>A query over stored events, oldest first.</summary>
public sealed record EventQuery
{
    /// <summary>One event.</summary>
    public Guid? Id { get; init; }

    /// <summary>Pattern of names.</summary>
    public string Pattern { get; init; } = "*";

    /// <summary>Only events after this position.</summary>
    public long AfterSequence { get; init; }

    /// <summary>Not before, inclusive.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Before, exclusive.</summary>
    public DateTimeOffset? To { get; init; }

    /// <summary>Correlation id.</summary>
    public string? CorrelationId { get; init; }

    /// <summary>Newest first instead.</summary>
    public bool Newest { get; init; }

    /// <summary>Greatest number.</summary>
    public int Limit { get; init; } = 100;
}

/// <summary>A stored event with its position.</summary>
public sealed record StoredEvent(long Sequence, EventMessage Message);

/// <summary>A page of events.</summary>
/// <param name="Events">The events, in order.</param>
/// <param name="LastSequence">Position to go on from.</param>
public sealed record EventPage(ImmutableArray<StoredEvent> Events, long LastSequence);

/// <summary>A query over deliveries.</summary>
/// <param name="EventId">Of this event, or null for any.</param>
/// <param name="State">In this state, or null for any.</param>
/// <param name="Group">Of this group, or null for any.</param>
/// <param name="Replay">Set the found ones due again, their attempts at zero.</param>
/// <param name="Limit">Greatest number.</param>
public sealed record DeliveryQuery(Guid? EventId = null, DeliveryState? State = null, string? Group = null, bool Replay = false, int Limit = 100);
