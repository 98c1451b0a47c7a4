using System.Collections.Immutable;

namespace Nexus;

/// <summary>The event bus. Thread-safe.</summary>
public interface IEvents
{
    /// <summary>Publishes. Durable: returns when the event is stored, within an <see cref="IUnitOfWork"/> (and so within a durable handler) at once, to be stored by its commit; every subscriber group gets it at least once, and what a handler writes through the platform's ports happens once. Transient: in memory, returns at once, lossy.</summary>
    /// <returns>The event's id.</returns>
    ValueTask<Guid> PublishAsync(EventMessage message, Delivery delivery = Delivery.Durable, CancellationToken cancellationToken = default);

    /// <summary>Publishes several events in one commit: all or none. Their ids are returned in order.</summary>
    ValueTask<ImmutableArray<Guid>> PublishAsync(ImmutableArray<EventMessage> messages, Delivery delivery = Delivery.Durable, CancellationToken cancellationToken = default);

    /// <summary>Adds a transient subscription at run time; disposing the result removes it.</summary>
    IDisposable Subscribe(SubscriptionDescriptor subscription);

    /// <summary>Publishes a transient event and returns the first reply.</summary>
    /// <exception cref="NexusException"><c>EVENT_TIMEOUT</c> when none came in time.</exception>
    ValueTask<EventMessage> RequestAsync(EventMessage message, TimeSpan timeout, CancellationToken cancellationToken = default);
}

/// <summary>How an event is delivered.</summary>
public enum Delivery
{
    /// <summary>Stored, at least once to each group, in order by key. Transient subscriptions see it too, after its commit.</summary>
    Durable,

    /// <summary>In memory, at most once to every matching subscription, durable or not; for pushes.</summary>
    Transient,
}

/// <summary>A subscription, inert but for its delegates.</summary>
public sealed record SubscriptionDescriptor
{
    /// <summary>Event name or pattern: <c>orders.created</c>, <c>orders.*</c>, <c>*.failed</c>, <c>*</c>.</summary>
    public required string Pattern { get; init; }

    /// <summary>Subscriber group: each event is handled once a group, one event of a group at a time. Default: the plugin id and the pattern, so that it outlives a new version.</summary>
    public required string Group { get; init; }

    /// <summary>Higher handlers run first; a handler may cancel the event for those after it.</summary>
    public int Priority { get; init; }

    /// <summary>Stored deliveries with retries; false for a transient subscription that only sees events while it is active.</summary>
    public bool Durable { get; init; } = true;

    /// <summary>Only events whose data matches; null means all.</summary>
    public Filter? Filter { get; init; }

    /// <summary>Tries before an event is a dead letter.</summary>
    public int MaxAttempts { get; init; } = 5;

    /// <summary>Wait before the second try; doubles with each further one.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Time limit of one try.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The handler does nothing but answer who asked (<see cref="IEvents.RequestAsync"/>): it is ended when that one waits no longer, so that one question holds up no other for long. Transient subscriptions only.</summary>
    public bool AnswersOnly { get; init; }

    /// <summary>The handler; given a scope of the plugin's provider. Called under the plugin's lease.</summary>
    public required EventHandlerDelegate Handle { get; init; }

    /// <summary>Durable events handed to <see cref="HandleBatch"/> at once, at most.</summary>
    public int BatchSize { get; init; } = 1;

    /// <summary>Handles several events of one tenant that wait; null when each goes to <see cref="Handle"/>, where also those of a batch go, one by one, after the batch failed.</summary>
    public EventBatchDelegate? HandleBatch { get; init; }
}

/// <summary>Handles several events at once.</summary>
public delegate ValueTask EventBatchDelegate(IServiceProvider services, ImmutableArray<EventContext> contexts, CancellationToken cancellationToken);

/// <summary>Handles one event.</summary>
public delegate ValueTask EventHandlerDelegate(IServiceProvider services, EventContext context, CancellationToken cancellationToken);

/// <summary>An event on its way to one handler.</summary>
public sealed class EventContext(EventMessage message, int attempt)
{
    /// <summary>The event.</summary>
    public EventMessage Message { get; } = message;

    /// <summary>Try, from 1.</summary>
    public int Attempt { get; } = attempt;

    /// <summary>The delivery to settle in the handler's own commit, so that its writes happen once; null when transient.</summary>
    public DeliverySettlement? Settlement { get; init; }

    /// <summary>Set to stop handlers of lower priority.</summary>
    public bool Cancelled { get; private set; }

    /// <summary>The reply of a request, or null.</summary>
    public EventMessage? Reply { get; private set; }

    /// <summary>Stops handlers of lower priority.</summary>
    public void Cancel() => Cancelled = true;

    /// <summary>Answers a request; the first reply wins.</summary>
    public void Answer(EventMessage reply) => Reply ??= reply;
}
