using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Nexus.Kernel.Nodes.Rolling;

namespace Nexus.Kernel.Nodes;

/// <summary>Registers this node among those of its storage.</summary>
public static class NodesRegistration
{
    /// <summary>Adds <see cref="INodes"/>, the sign of life and <see cref="IRollingChanges"/>. Needs storage and the plugin kernel, and comes after it; settings are the section <c>node</c>.</summary>
    public static IServiceCollection AddNexusNodes(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configuration);
        services.AddLogging();
        services.TryAddSingleton(TimeProvider.System);
        services.Configure<NodeOptions>(configuration.GetSection("node"));
        services.AddSingleton<NodeRegistry>();
        services.AddSingleton<INodes>(host => host.GetRequiredService<NodeRegistry>());
        services.AddHostedService(host => host.GetRequiredService<NodeRegistry>());
        services.AddSingleton<ClusterPlugins>();
        services.AddSingleton<SharedPackages>();
        services.AddSingleton<ClusterArrival>();
        services.AddSingleton<OwnPlugins>();
        services.AddSingleton<RollingTurns>();
        services.AddSingleton<IRollingChanges, RollingChanges>();
        services.AddHostedService(host => host.GetRequiredService<RollingTurns>());
        return services;
    }
}
