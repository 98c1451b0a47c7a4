using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace Nexus.Kernel.Configuration;

/// <summary>Registers the configuration.</summary>
public static class ConfigurationRegistration
{
    /// <summary>Adds <paramref name="configuration"/> and <see cref="ISettings"/>. Stored settings are loaded as a hosted service: add it before the plugins, which see them then.</summary>
    public static IServiceCollection AddNexusConfiguration(this IServiceCollection services, NexusConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configuration);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(configuration);
        services.AddSingleton<StoredSettings>();
        services.AddSingleton<ISettings>(host => host.GetRequiredService<StoredSettings>());
        services.AddSingleton<IHostedService>(host => host.GetRequiredService<StoredSettings>());
        return services;
    }
}
