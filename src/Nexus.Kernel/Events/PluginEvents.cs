using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Kernel.Events;

/// <summary>The bus as one generation of a plugin sees it: events carry its id, and what it subscribed to at run time goes when its provider is disposed.</summary>
internal sealed class PluginEvents(EventBus bus, string plugin, IGeneration lease, IServiceProvider services) : IEvents, IDisposable
{
    private readonly Lock gate = new();
    private List<IDisposable>? subscriptions = [];

    public ValueTask<Guid> PublishAsync(EventMessage message, Delivery delivery = Delivery.Durable, CancellationToken cancellationToken = default) =>
        bus.PublishAsync(message, plugin, delivery, cancellationToken);

    public ValueTask<ImmutableArray<Guid>> PublishAsync(ImmutableArray<EventMessage> messages, Delivery delivery = Delivery.Durable, CancellationToken cancellationToken = default) =>
        bus.PublishAsync(messages, plugin, delivery, cancellationToken);

    public ValueTask<EventMessage> RequestAsync(EventMessage message, TimeSpan timeout, CancellationToken cancellationToken = default) =>
        bus.RequestAsync(message, plugin, timeout, cancellationToken);

    public IDisposable Subscribe(SubscriptionDescriptor subscription)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(subscriptions is null, this);
            var added = bus.Subscribe(subscription, plugin, lease, services);
            subscriptions.Add(added);
            return new Subscription(this, added);
        }
    }

    public void Dispose()
    {
        List<IDisposable>? left;
        lock (gate)
            (left, subscriptions) = (subscriptions, null);
        left?.ForEach(s => s.Dispose());
    }

    private void Remove(IDisposable added)
    {
        added.Dispose();
        lock (gate)
            subscriptions?.Remove(added);
    }

    private sealed class Subscription(PluginEvents owner, IDisposable added) : IDisposable
    {
        public void Dispose() => owner.Remove(added);
    }
}

/// <summary>Gives each plugin its own bus.</summary>
/// <remarks>The bus is looked up late: it needs the kernel's plugins, which need all ports first.</remarks>
internal sealed class PluginEventPorts(IServiceProvider host) : IPluginPorts
{
    public void Add(IServiceCollection services, PluginPortContext context)
    {
        var (bus, plugin, lease) = (host.GetRequiredService<EventBus>(), context.Manifest.Name, context.Lease);
        services.AddSingleton<IEvents>(provider => new PluginEvents(bus, plugin, lease, provider));
    }
}
