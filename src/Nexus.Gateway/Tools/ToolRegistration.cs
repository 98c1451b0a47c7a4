using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Nexus.Gateway.Platform;

namespace Nexus.Gateway.Tools;

/// <summary>Puts tools into the gateway.</summary>
internal static class ToolRegistration
{
    /// <summary>Adds the surface; section <c>tools</c> is bound.</summary>
    public static IServiceCollection AddTools(this IServiceCollection services, IConfiguration configuration)
    {
        services.Configure<ToolOptions>(configuration.GetSection("tools"));
        services.TryAddSingleton<ToolApprovals>();
        services.TryAddSingleton<ToolCatalog>();
        services.TryAddSingleton<ToolRunner>();
        services.TryAddSingleton<McpResources>();
        services.AddSingleton<IPluginPorts, ToolPorts>();
        services.AddSingleton<IPlatformRoutes, ToolRoutes>();
        services.AddSingleton<IPlatformRoutes, McpRoutes>();
        return services;
    }
}
