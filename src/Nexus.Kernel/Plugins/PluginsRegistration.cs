using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Nexus.Kernel.Plugins.Capabilities;
using Nexus.Kernel.Plugins.Faults;
using Nexus.Kernel.Plugins.Generations;
using Nexus.Kernel.Plugins.Loading;
using Nexus.Kernel.Plugins.Registries;
using Nexus.Kernel.Plugins.Unloading;

namespace Nexus.Kernel.Plugins;

/// <summary>Registers the plugin kernel.</summary>
public static class PluginsRegistration
{
    /// <summary>Adds <see cref="IPlugins"/> and <see cref="IPluginActivation"/>. The kernel starts as a hosted service: after the storage is open, as it reads <see cref="IStorage"/> then, and before the server listens.</summary>
    public static IServiceCollection AddNexusPlugins(this IServiceCollection services, PluginsOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.TryAddSingleton<IPackages>(host => new NodePackages(host, options));
        services.AddSingleton(host => new StorageEnginePlugins(host, options));
        services.AddSingleton<IStorageEngineSource>(host => host.GetRequiredService<StorageEnginePlugins>());
        services.AddSingleton(host => new PluginKernel(
            host,
            options,
            host.GetRequiredService<IPackages>(),
            host.GetRequiredService<TimeProvider>(),
            host.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton<IPlugins>(host => host.GetRequiredService<PluginKernel>());
        services.AddSingleton<IPluginActivation>(host => host.GetRequiredService<PluginKernel>());
        services.AddHostedService<CrashContainment>();
        services.AddSingleton<IHostedService>(host => host.GetRequiredService<PluginKernel>());
        services.AddSingleton(host => new PluginLogs(host.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IPluginLogs>(host => host.GetRequiredService<PluginLogs>());
        services.AddSingleton<IWhyAlive, HeapInspection>();
        services.AddSingleton<IPluginMemory, HeapMeasure>();
        services.AddSingleton<IPluginRegistry, PluginRegistries>();
        services.AddSingleton<IPluginPreview, PackagePreview>();
        services.AddSingleton<CapabilityDecisions>();
        services.AddHostedService<StorageMeasure>();
        services.AddSingleton<IPluginPermissions>(host => host.GetRequiredService<CapabilityDecisions>());
        return services;
    }
}
