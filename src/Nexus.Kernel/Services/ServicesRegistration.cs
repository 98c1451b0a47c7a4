using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Kernel.Services;

/// <summary>Adds services between plugins to the host.</summary>
public static class ServicesRegistration
{
    /// <summary>Adds <see cref="IServiceRegistry"/>, and <see cref="IServices"/> and <see cref="IMail"/> for each plugin. Needs <see cref="IPlugins"/>.</summary>
    public static IServiceCollection AddNexusServices(this IServiceCollection services)
    {
        services.AddSingleton<ServiceRegistry>();
        services.AddSingleton<IServiceRegistry>(provider => provider.GetRequiredService<ServiceRegistry>());
        services.AddSingleton<IPluginPorts, ServicePorts>();
        services.AddSingleton<IPluginPorts, MailPorts>();
        return services;
    }
}
