using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Nexus.Kernel.Plugins;

namespace Nexus.Kernel.Caching;

/// <summary>Registers the cache in the host's container.</summary>
public static class CachingRegistration
{
    /// <summary>Adds the cache (<see cref="ICaches"/>), each plugin's own part of it and its upkeep as a hosted service. Comes before the plugins, so that it is there when the first one starts. Settings are the section <c>cache</c>.</summary>
    public static IServiceCollection AddNexusCaching(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configuration);
        services.AddLogging();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(_ =>
        {
            var options = new CacheOptions();
            configuration.GetSection("cache").Bind(options);
            return options;
        });
        services.AddSingleton(host => new LayeredCache(
            host.GetRequiredService<CacheOptions>(),
            host.GetRequiredService<TimeProvider>(),
            host.GetRequiredService<ILogger<LayeredCache>>(),
            owner => host.GetService<PluginsOptions>()?.Quotas is { } quotas ? (quotas.TryGetValue(owner, out var own) || quotas.TryGetValue("default", out own)) ? own.CacheBytes : null : null));
        services.AddSingleton<ICaches>(host => new Caches(host.GetRequiredService<LayeredCache>(), host.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IPluginPorts>(host => new CachePorts(host, host.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IEdgeCache>(host => new HttpEdgeCache([.. host.GetRequiredService<CacheOptions>().Edges.Select(address => new Uri(address))], new SocketsHttpHandler()));
        services.AddSingleton(host => new EdgePurge(
            host.GetServices<IEdgeCache>().Where(edge => edge is not HttpEdgeCache || host.GetRequiredService<CacheOptions>().Edges.Count > 0),
            host.GetRequiredService<TimeProvider>(),
            host.GetRequiredService<ILogger<LayeredCache>>()));
        services.AddSingleton<CacheUpkeep>();
        services.AddSingleton<ICommitListener>(host => host.GetRequiredService<CacheUpkeep>());
        services.AddSingleton<IDependencyHealth>(host => host.GetRequiredService<CacheUpkeep>());
        services.AddHostedService(host => host.GetRequiredService<CacheUpkeep>());
        return services;
    }
}
