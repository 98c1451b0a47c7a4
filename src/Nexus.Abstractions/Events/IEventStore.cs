using System.Collections.Immutable;

namespace Nexus;

/// <summary>Durable events and their deliveries. Events enter through <see cref="WriteBatch.Events"/> and <see cref="ISqlSession.Publish"/>. Thread-safe.</summary>
public interface IEventStore : IEventHistory
{
    /// <summary>The logs that it consists of, by <see cref="IStorage.ShardOf"/>: each has an order of its own, and a position is one of its log. Of a store in one database it is the only one.</summary>
    ImmutableArray<IEventHistory> Logs => [this];

    /// <summary>Declares the durable groups of a plugin; groups of it that are not named are dropped. A group gets events stored after its first declaration, also those stored while its plugin is off.</summary>
    ValueTask DeclareAsync(string plugin, ImmutableArray<EventGroup> groups, CancellationToken cancellationToken);

    /// <summary>Takes due deliveries of the named groups under a lease: by priority of the event descending, then oldest event, then priority of the group descending; of events of one key and group only the oldest unsettled. Waits up to <see cref="DeliveryClaim.MaxWait"/> for the first and returns as soon as one is due. Cancelling ends the wait only: a claim that was made is returned.</summary>
    ValueTask<ImmutableArray<EventDelivery>> ClaimAsync(DeliveryClaim claim, CancellationToken cancellationToken);

    /// <summary>Settles deliveries; those whose lease was lost meanwhile, and those that are settled already, are passed over. The same holds for <see cref="WriteBatch.Settlements"/>, except that a lost lease fails the batch with <see cref="StorageConflictException"/>: its writes belong to a try that another one replaced.</summary>
    ValueTask SettleAsync(ImmutableArray<DeliverySettlement> settlements, CancellationToken cancellationToken);
}

/// <summary>What was published and what became of it. Thread-safe.</summary>
public interface IEventHistory
{
    /// <summary>Reads stored events. With <see cref="EventQuery.MaxWait"/> it waits for the first that matches.</summary>
    ValueTask<EventPage> ReadAsync(EventQuery query, CancellationToken cancellationToken);

    /// <summary>Reads deliveries of an event or dead letters of groups; sets dead ones due again when asked to.</summary>
    ValueTask<ImmutableArray<EventDelivery>> DeliveriesAsync(DeliveryQuery query, CancellationToken cancellationToken);

    /// <summary>Makes stored events due for one declared group, whether it had them before or not, their attempts at zero.</summary>
    /// <returns>How many; with <see cref="EventReplay.DryRun"/> how many it would be.</returns>
    ValueTask<long> ReplayAsync(EventReplay replay, CancellationToken cancellationToken);

    /// <summary>How far the group is with the events that a replay names: what was replayed, and what came by itself.</summary>
    ValueTask<ReplayProgress> LookAsync(EventReplay replay, CancellationToken cancellationToken);

    /// <summary>Removes stored events with their deliveries. Events that a group still waits for stay.</summary>
    /// <returns>How many; with <see cref="EventPurge.DryRun"/> how many it would be.</returns>
    ValueTask<long> PurgeAsync(EventPurge purge, CancellationToken cancellationToken);
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
/// <param name="State">New state; <see cref="DeliveryState.Pending"/> retries. Pending without <paramref name="Error"/> hands the delivery back untried: that try does not count.</param>
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

    /// <summary>Of one tenant; null for the platform itself, which serves all.</summary>
    public string? Tenant { get; init; }

    /// <summary>Of all tenants that lie in the same database as this one; of no meaning where there is one database, or with <see cref="Tenant"/>. Without either, the events of several databases come one database after the other, or by time where the newest are asked for.</summary>
    public string? Near { get; init; }

    /// <summary>What a log tells for the first time: without the events of tenants that were moved to its database, which were told of in the one before. Goes with no tenant.</summary>
    public bool IsTail { get; init; }

    /// <summary>Position in the database where <see cref="Tenant"/> lay before it was moved: only events after it, and all when it is of an earlier one still. Null where the position is one of the tenant's present database.</summary>
    public long? FormerSequence { get; init; }

    /// <summary>Newest first instead.</summary>
    public bool Newest { get; init; }

    /// <summary>Greatest number.</summary>
    public int Limit { get; init; } = 100;

    /// <summary>Time to wait when nothing matches yet; zero answers at once.</summary>
    public TimeSpan MaxWait { get; init; }
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
/// <param name="Tenant">Of events of one tenant, or null for any.</param>
public sealed record DeliveryQuery(Guid? EventId = null, DeliveryState? State = null, string? Group = null, bool Replay = false, int Limit = 100, string? Tenant = null);

/// <summary>Which stored events one group gets again.</summary>
/// <param name="Group">The group.</param>
/// <param name="Pattern">Pattern of names; the group's own pattern must match as well.</param>
/// <param name="From">Not before, inclusive.</param>
/// <param name="To">Before, exclusive.</param>
/// <param name="DryRun">Count only.</param>
/// <param name="Tenant">Events of one tenant, or null for any.</param>
public sealed record EventReplay(string Group, string Pattern = "*", DateTimeOffset? From = null, DateTimeOffset? To = null, bool DryRun = false, string? Tenant = null)
{
    /// <summary>Time before the first is due.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Time between one and the next, in the order in which they were published.</summary>
    public TimeSpan Spacing { get; init; }

    /// <summary>Only those that failed for good in this group.</summary>
    public bool OnlyDead { get; init; }
}

/// <summary>How far a group is.</summary>
/// <param name="Events">Events that fit.</param>
/// <param name="Waiting">Those that it waits for, or is at.</param>
/// <param name="Dead">Those that failed for good.</param>
public readonly record struct ReplayProgress(long Events, long Waiting, long Dead);

/// <summary>Which stored events go.</summary>
/// <param name="Before">Those that happened before this.</param>
/// <param name="Pattern">Pattern of names.</param>
/// <param name="DryRun">Count only.</param>
/// <param name="Tenant">Events of one tenant, or null for any.</param>
public sealed record EventPurge(DateTimeOffset Before, string Pattern = "*", bool DryRun = false, string? Tenant = null);
