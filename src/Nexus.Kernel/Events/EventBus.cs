using System.Collections.Immutable;
using Microsoft.Extensions.Options;

namespace Nexus.Kernel.Events;

/// <summary>The event bus of the host; plugins get a <see cref="PluginEvents"/> over it.</summary>
internal sealed class EventBus(
    IStorage storage,
    Subscribers subscribers,
    TransientDelivery transient,
    EventCounters counters,
    TimeProvider time,
    IOptions<EventsOptions> options,
    IServiceProvider services,
    IUnitsOfWork? units = null) : IEvents
{
    internal const string HostSource = "nexus";

    public ValueTask<Guid> PublishAsync(EventMessage message, Delivery delivery = Delivery.Durable, CancellationToken cancellationToken = default) =>
        PublishAsync(message, HostSource, delivery, cancellationToken);

    public ValueTask<ImmutableArray<Guid>> PublishAsync(ImmutableArray<EventMessage> messages, Delivery delivery = Delivery.Durable, CancellationToken cancellationToken = default) =>
        PublishAsync(messages, HostSource, delivery, cancellationToken);

    public IDisposable Subscribe(SubscriptionDescriptor subscription) => Subscribe(subscription, HostSource, null, services);

    public ValueTask<EventMessage> RequestAsync(EventMessage message, TimeSpan timeout, CancellationToken cancellationToken = default) =>
        RequestAsync(message, HostSource, timeout, cancellationToken);

    internal async ValueTask<Guid> PublishAsync(EventMessage message, string source, Delivery delivery, CancellationToken cancellationToken)
    {
        if (delivery == Delivery.Durable)
            return (await PublishAsync([message], source, delivery, cancellationToken))[0];
        using var span = NexusTracing.Start(NexusTracing.EventPublish);
        span?.SetTag("nexus.event", message.Name).SetTag("nexus.delivery", nameof(Delivery.Transient));
        var stamped = Stamp(message, source);
        counters.Published(stamped.Name);
        transient.Publish(stamped, transientOnly: false);
        transient.Followers.Tell(stamped, at: null);
        return stamped.Id;
    }

    internal async ValueTask<ImmutableArray<Guid>> PublishAsync(ImmutableArray<EventMessage> messages, string source, Delivery delivery, CancellationToken cancellationToken)
    {
        if (messages.IsDefaultOrEmpty)
            return [];
        using var span = NexusTracing.Start(NexusTracing.EventPublish);
        span?.SetTag("nexus.event", messages[0].Name).SetTag("nexus.delivery", delivery.ToString());
        ImmutableArray<EventMessage> stamped = [.. messages.Select(m => Stamp(m, source))];
        if (delivery == Delivery.Durable && units?.TryPublish(source, stamped) == true)
            return [.. stamped.Select(m => m.Id)];
        if (delivery == Delivery.Durable)
        {
            await storage.CommitAsync(new WriteBatch { Events = stamped }, cancellationToken);
        }
        else
        {
            foreach (var message in stamped)
            {
                counters.Published(message.Name);
                transient.Publish(message, transientOnly: false);
                transient.Followers.Tell(message, at: null);
            }
        }

        return [.. stamped.Select(m => m.Id)];
    }

    internal IDisposable Subscribe(SubscriptionDescriptor subscription, string source, IGeneration? lease, IServiceProvider provider)
    {
        var key = subscribers.Add(source, subscription, lease, provider).Key;
        return new Removal(() =>
        {
            subscribers.Remove(key);
            transient.Forget(key);
        });
    }

    internal async ValueTask<EventMessage> RequestAsync(EventMessage message, string source, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var span = NexusTracing.Start(NexusTracing.EventPublish);
        span?.SetTag("nexus.event", message.Name).SetTag("nexus.delivery", "Request");
        var stamped = Stamp(message, source);
        var reply = new TaskCompletionSource<EventMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        counters.Published(stamped.Name);
        transient.Publish(stamped, transientOnly: false, answer => reply.TrySetResult(answer));
        try
        {
            return await reply.Task.WaitAsync(timeout, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new NexusException(ErrorCodes.EventTimeout, $"No subscriber of {stamped.Name} answered within {timeout}.");
        }
    }

    private EventMessage Stamp(EventMessage message, string source)
    {
        ArgumentNullException.ThrowIfNull(message);
        EventName.Check(message.Name);
        if (message.Data.Length > options.Value.MaxBytes)
            throw new NexusException(ErrorCodes.EventTooLarge, $"The data of event {message.Name} is {message.Data.Length} bytes; events.maxBytes allows {options.Value.MaxBytes}.");
        var context = CallContext.Current;
        var headers = NexusTracing.IsListenedTo && NexusTracing.Parent is { } parent && !message.Headers.ContainsKey(NexusTracing.ParentHeader) ? message.Headers.SetItem(NexusTracing.ParentHeader, parent) : message.Headers;
        var tenant = message.Tenant == CallContext.DefaultTenant ? context.Tenant : message.Tenant;
        // Who publishes one whole message again and again gets no copy of it each time.
        if (ReferenceEquals(headers, message.Headers) && message.Source == source && message.Priority is >= -1000 and <= 1000 && message.OccurredAt != default && message.Tenant == tenant && message.CorrelationId is not null)
            return message;
        return message with
        {
            Headers = headers,
            Source = source,
            Priority = Math.Clamp(message.Priority, -1000, 1000),
            OccurredAt = message.OccurredAt == default ? time.GetUtcNow() : message.OccurredAt,
            Tenant = tenant,
            CorrelationId = message.CorrelationId ?? (ReferenceEquals(context, CallContext.System) ? message.Id.ToString() : context.CorrelationId),
        };
    }

    private sealed class Removal(Action remove) : IDisposable
    {
        private Action? remove = remove;

        public void Dispose() => Interlocked.Exchange(ref remove, null)?.Invoke();
    }
}
