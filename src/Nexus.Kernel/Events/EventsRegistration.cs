using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Nexus.Kernel.Events.Transport;
using Nexus.Kernel.Events.Webhooks;

namespace Nexus.Kernel.Events;

/// <summary>Registers events in the host's container.</summary>
public static class EventsRegistration
{
    /// <summary>Adds the bus (<see cref="IEvents"/>), the log (<see cref="IEventLog"/>) and its tail (<see cref="IEventTail"/>), webhooks (<see cref="IWebhooks"/>), durable delivery as a hosted service and each plugin's own bus. Needs <see cref="IPlugins"/>, <see cref="IStorage"/> and <see cref="IEventStore"/>; settings are <see cref="EventsOptions"/>.</summary>
    public static IServiceCollection AddNexusEvents(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<EventsOptions>();
        services.AddMetrics();
        services.AddLogging();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<Subscribers>();
        services.AddSingleton<EventCounters>();
        services.AddSingleton<HandlerRun>();
        services.AddSingleton<TransientDelivery>();
        services.AddSingleton(host => new EventFollowers(host.GetRequiredService<ILogger<EventFollowers>>(), tenant => host.GetRequiredService<IStorage>().ShardOf(tenant)));
        services.AddSingleton<IEventTail>(host => host.GetRequiredService<EventFollowers>());
        services.AddSingleton<ISystemEvents, SystemEvents>();
        services.AddSingleton<EventGroups>();
        services.AddSingleton<EventBus>();
        services.AddSingleton<IEvents>(host => host.GetRequiredService<EventBus>());
        services.AddSingleton(host => new TransportLink(host.GetRequiredService<IPlugins>(), Freight.Events, host.GetRequiredService<IOptions<EventsOptions>>().Value.Transport, host.GetRequiredService<TimeProvider>(), host.GetRequiredService<ILogger<TransportLink>>()));
        services.AddSingleton<IDependencyHealth>(host => host.GetRequiredService<TransportLink>());
        services.AddSingleton<DeliveryIntake>();
        services.AddSingleton<DurableDelivery>();
        services.AddSingleton<IEventLog, EventLog>();
        services.AddSingleton<WebhookStore>();
        services.AddSingleton<WebhookSender>();
        services.AddSingleton<WebhookDelivery>();
        services.AddSingleton<IWebhooks>(host => host.GetRequiredService<WebhookDelivery>());
        services.AddSingleton<IPluginPorts, PluginEventPorts>();
        services.AddHostedService<EventTail>();
        services.AddHostedService(host => host.GetRequiredService<WebhookDelivery>());
        services.AddHostedService<DeliveryRelay>();
        services.AddHostedService(host => host.GetRequiredService<DurableDelivery>());
        return services;
    }
}
