using System.Collections.Immutable;

namespace Nexus;

/// <summary>The event log as operators see it: what the gateway and the command line draw <c>/api/v1/events</c> from. Patterns are checked. Thread-safe.</summary>
public interface IEventLog : IEventHistory
{
    /// <summary>What happened on this node since it started.</summary>
    EventStatistics GetStatistics();

    /// <summary>The subscriptions that are active on this node.</summary>
    ImmutableArray<EventSubscriber> GetSubscribers();
}

/// <summary>An active subscription.</summary>
/// <param name="Plugin">The plugin that declared it; <c>nexus</c> for one of the host.</param>
/// <param name="Group">Its group.</param>
/// <param name="Pattern">Its pattern.</param>
/// <param name="Priority">Its priority.</param>
/// <param name="Durable">It gets stored deliveries with retries.</param>
/// <param name="Waiting">Events in its queue on this node now.</param>
/// <param name="Dropped">Transient events that were dropped because its queue was full.</param>
public sealed record EventSubscriber(string Plugin, string Group, string Pattern, int Priority, bool Durable, int Waiting, long Dropped);

/// <summary>Counts since the node started; immutable.</summary>
/// <param name="Since">When the node started to count, UTC.</param>
/// <param name="Total">Over all names.</param>
/// <param name="ByName">By event name; names beyond the first 1,000 are counted together under <c>*</c>.</param>
public sealed record EventStatistics(DateTimeOffset Since, EventCounts Total, ImmutableSortedDictionary<string, EventCounts> ByName);

/// <summary>Counts of events.</summary>
public sealed record EventCounts
{
    /// <summary>Events that were stored, or published as transient on this node.</summary>
    public long Published { get; init; }

    /// <summary>Handler runs that succeeded.</summary>
    public long Delivered { get; init; }

    /// <summary>Handler runs that threw or exceeded their time limit.</summary>
    public long Failed { get; init; }

    /// <summary>Failed deliveries that will be tried again.</summary>
    public long Retried { get; init; }

    /// <summary>Deliveries that became dead letters.</summary>
    public long Dead { get; init; }

    /// <summary>Deliveries that a handler of higher priority stopped.</summary>
    public long Cancelled { get; init; }

    /// <summary>Deliveries that expired before they were handled.</summary>
    public long Expired { get; init; }

    /// <summary>Transient deliveries that a full queue dropped.</summary>
    public long Dropped { get; init; }

    /// <summary>Both together.</summary>
    public static EventCounts Add(EventCounts left, EventCounts right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        return new()
        {
            Published = left.Published + right.Published,
            Delivered = left.Delivered + right.Delivered,
            Failed = left.Failed + right.Failed,
            Retried = left.Retried + right.Retried,
            Dead = left.Dead + right.Dead,
            Cancelled = left.Cancelled + right.Cancelled,
            Expired = left.Expired + right.Expired,
            Dropped = left.Dropped + right.Dropped,
        };
    }
}
