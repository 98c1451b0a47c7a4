using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Nexus.Engines.RabbitMq.Connections;
using Nexus.Engines.RabbitMq.Events;

namespace Nexus.Engines.RabbitMq;

/// <summary>Carries events and tasks over the RabbitMQ that its connection string names. Without that setting it does nothing.</summary>
public sealed class RabbitMqPlugin : IPlugin, ICheckHealth
{
    private const string Name = "rabbitmq";
    private const string Tasks = "tasks";

    /// <summary>Tasks that wait at a node beyond those that it runs are another node's to take.</summary>
    private const int TaskPrefetch = 16;

    /// <inheritdoc/>
    public void Configure(IPluginBuilder plugin)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        plugin.AddOptions<RabbitMqOptions>();
        plugin.Services.AddSingleton(services => Open(services, options => options));
        plugin.Services.AddKeyedSingleton(Tasks, (services, _) => Open(services, options => options with { Freight = Tasks, Prefetch = Math.Min(options.Prefetch, TaskPrefetch) }));
        plugin.ShareNodes(services => IsSetUp(services) ? new SharedPorts(Name) { Events = services.GetRequiredService<RabbitMqTransport>(), Tasks = services.GetRequiredKeyedService<RabbitMqTransport>(Tasks) } : null);
    }

    /// <inheritdoc/>
    public async Task<PluginHealth> CheckHealthAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (!IsSetUp(services))
            return PluginHealth.Healthy;
        try
        {
            var state = await services.GetRequiredService<RabbitMqTransport>().LookAsync([], cancellationToken);
            return new PluginHealth(HealthLevel.Healthy, FormattableString.Invariant($"RabbitMQ answers in {state.Latency.TotalMilliseconds:0.0} ms."));
        }
        catch (NexusException e)
        {
            return new PluginHealth(HealthLevel.Degraded, e.Message);
        }
    }

    private static RabbitMqTransport Open(IServiceProvider services, Func<RabbitMqOptions, RabbitMqOptions> adapt)
    {
        var options = adapt(services.GetRequiredService<IOptions<RabbitMqOptions>>().Value);
        return new RabbitMqTransport(Broker.Parse(options), options, services.GetService<TimeProvider>() ?? TimeProvider.System, services.GetRequiredService<ILoggerFactory>().CreateLogger<RabbitMqTransport>());
    }

    private static bool IsSetUp(IServiceProvider services) => services.GetRequiredService<IOptions<RabbitMqOptions>>().Value.ConnectionString is { Length: > 0 };
}
