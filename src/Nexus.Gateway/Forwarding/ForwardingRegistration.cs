using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Gateway.Forwarding;

/// <summary>Adds the passing on of requests to other nodes.</summary>
internal static class ForwardingRegistration
{
    /// <summary>Needs <see cref="INodes"/> to find any, and an engine that brings <see cref="INodeTransport"/> to reach them; section <c>gateway</c>.</summary>
    public static IServiceCollection AddForwarding(this IServiceCollection services, IConfiguration configuration)
    {
        services.Configure<ForwardingOptions>(configuration.GetSection("gateway"));
        services.AddSingleton<ForwardingSettings>();
        services.AddSingleton<NodeConnections>();
        services.AddSingleton<Choice>();
        services.AddSingleton<NodeDirectory>();
        services.AddHostedService(host => host.GetRequiredService<NodeDirectory>());
        return services;
    }
}
