using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Nexus.Kernel.Nodes;

/// <summary>Registers this node among those of its storage.</summary>
public static class NodesRegistration
{
    /// <summary>Adds <see cref="INodes"/> and the sign of life. Needs <see cref="IStorage"/> and <see cref="IPlugins"/>; settings are the section <c>node</c>.</summary>
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
        return services;
    }
}
