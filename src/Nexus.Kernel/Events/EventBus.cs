using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
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
    internal const string HostSource = EventPublisher.Host;

    private readonly Lazy<IEventSealing?> sealing = new(services.GetService<IEventSealing>);

    public ValueTask<Guid> PublishAsync(EventMessage message, Delivery delivery = Delivery.Durable, CancellationToken cancellationToken = default) =>
        PublishAsync(message, SourceOf(message), delivery, cancellationToken);

    public ValueTask<ImmutableArray<Guid>> PublishAsync(ImmutableArray<EventMessage> messages, Delivery delivery = Delivery.Durable, CancellationToken cancellationToken = default) =>
        PublishAsync(messages, messages is [var first, ..] ? SourceOf(first) : HostSource, delivery, cancellationToken);

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
        transient.Followers.Tell(await SealedAsync(stamped), at: null);
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
                transient.Followers.Tell(await SealedAsync(message), at: null);
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
        transient.Publish(stamped, transientOnly: false, new Question(answer => reply.TrySetResult(answer), time.GetTimestamp(), timeout));
        try
        {
            return await reply.Task.WaitAsync(timeout, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new NexusException(ErrorCodes.EventTimeout, $"No subscriber of {stamped.Name} answered within {timeout}.");
        }
    }

    /// <summary>The host's own code has this bus, and says of what it passes on for a program outside that it does.</summary>
    private static string SourceOf(EventMessage message) => message?.Source == EventPublisher.Client ? EventPublisher.Client : HostSource;

    /// <summary>Followers tell people, who may not all see it.</summary>
    private ValueTask<EventMessage> SealedAsync(EventMessage message) =>
        message.Encrypted && sealing.Value is { } seal ? seal.SealAsync(message, CancellationToken.None) : new(message);

    private EventMessage Stamp(EventMessage given, string source)
    {
        ArgumentNullException.ThrowIfNull(given);
        var message = given.AsPublished();
        EventName.Check(message.Name);
        EventPublisher.Check(message.Name, source);
        if (message.Data.Length > options.Value.MaxBytes)
            throw new NexusException(ErrorCodes.EventTooLarge, $"The data of event {message.Name} is {message.Data.Length} bytes; events.maxBytes allows {options.Value.MaxBytes}.");
        var context = CallContext.Current;
        var headers = NexusTracing.IsListenedTo && NexusTracing.Parent is { } parent && !message.Headers.ContainsKey(NexusTracing.ParentHeader) ? message.Headers.SetItem(NexusTracing.ParentHeader, parent) : message.Headers;
        var tenant = message.Tenant == CallContext.DefaultTenant ? context.Tenant : message.Tenant;
        var encrypted = sealing.Value?.Covers(message) ?? message.Encrypted;
        // Who publishes one whole message again and again gets no copy of it each time.
        if (ReferenceEquals(headers, message.Headers) && message.Source == source && message.Priority is >= -1000 and <= 1000 && message.OccurredAt != default && message.Tenant == tenant && message.CorrelationId is not null && message.Encrypted == encrypted)
            return message;
        return message with
        {
            Headers = headers,
            Source = source,
            Priority = Math.Clamp(message.Priority, -1000, 1000),
            OccurredAt = message.OccurredAt == default ? time.GetUtcNow() : message.OccurredAt,
            Tenant = tenant,
            Encrypted = encrypted,
            CorrelationId = message.CorrelationId ?? (ReferenceEquals(context, CallContext.System) ? message.Id.ToString() : context.CorrelationId),
        };
    }

    private sealed class Removal(Action remove) : IDisposable
    {
        private Action? remove = remove;

        public void Dispose() => Interlocked.Exchange(ref remove, null)?.Invoke();
    }
}
