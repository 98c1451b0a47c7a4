using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Nexus.Gateway.Platform;

namespace Nexus.Gateway.Live;

/// <summary>Puts live updates into the gateway.</summary>
internal static class LiveRegistration
{
    /// <summary>Adds the surface; section <c>live</c> is bound.</summary>
    public static IServiceCollection AddLive(this IServiceCollection services, IConfiguration configuration)
    {
        services.Configure<LiveOptions>(configuration.GetSection("live"));
        services.TryAddSingleton<LiveConnections>();
        services.TryAddSingleton<LiveFeed>();
        services.TryAddSingleton<LiveCalls>();
        services.TryAddSingleton<LiveHost>();
        services.TryAddSingleton<LiveSockets>();
        services.AddSingleton<IPlatformRoutes, LiveRoutes>();
        return services;
    }
}
