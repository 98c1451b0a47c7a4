using System.Collections.Immutable;

namespace Nexus;

/// <summary>Typed publishing and waiting.</summary>
public static class EventsExtensions
{
    /// <summary>Publishes a typed event under the name of its <see cref="EventAttribute"/>.</summary>
    public static ValueTask<Guid> PublishAsync<T>(this IEvents events, T data, Delivery delivery = Delivery.Durable, CancellationToken cancellationToken = default)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(events);
        return events.PublishAsync(data.ToEventMessage(), delivery, cancellationToken);
    }

    /// <summary>The message of a typed event, to commit together with other writes or to give it a key, a priority or an expiry.</summary>
    public static EventMessage ToEventMessage<T>(this T data)
        where T : notnull => TypedEvent<T>.ToMessage(data);

    /// <summary>The data of an event as a typed one.</summary>
    /// <exception cref="System.Text.Json.JsonException">The data does not have the form of <typeparamref name="T"/>.</exception>
    public static T As<T>(this EventMessage message)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(message);
        return TypedEvent<T>.FromMessage(message);
    }

    /// <summary>Waits for the next event of the caller's tenant that matches, from the moment of the call.</summary>
    /// <exception cref="NexusException"><c>EVENT_TIMEOUT</c> when none came in time.</exception>
    public static async ValueTask<EventMessage> WaitForAsync(this IEvents events, string pattern, TimeSpan timeout, Filter? filter = null, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(events);
        var tenant = CallContext.Current.Tenant;
        var first = new TaskCompletionSource<EventMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var subscription = events.Subscribe(new SubscriptionDescriptor
        {
            Pattern = pattern,
            Group = $"wait/{Guid.CreateVersion7():n}",
            Durable = false,
            Filter = filter,
            Handle = (_, context, _) =>
            {
                if (context.Message.Tenant == tenant)
                    first.TrySetResult(context.Message);
                return ValueTask.CompletedTask;
            },
        });
        try
        {
            return await first.Task.WaitAsync(timeout, time ?? TimeProvider.System, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new NexusException(ErrorCodes.EventTimeout, $"No event matched {pattern} within {timeout}.");
        }
    }
}
