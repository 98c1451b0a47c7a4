using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Data.Protection;

/// <summary>Adds field protection to a host. The master key is opened at the first need, so a node without protected fields needs none.</summary>
internal static class ProtectionRegistration
{
    public static void AddFieldProtection(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(provider => new KeyRing(
            () => provider.GetRequiredService<IStorage>(),
            () => OpenMaster(provider, configuration.GetSection("encryption")),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IFieldProtection>(provider => provider.GetRequiredService<KeyRing>());
        services.AddSingleton<IKeyRotation>(provider => provider.GetRequiredService<KeyRing>());
    }

    private static IMasterKey OpenMaster(IServiceProvider provider, IConfigurationSection section)
    {
        var log = provider.GetRequiredService<ILoggerFactory>().CreateLogger("Nexus.Data.Protection");
        var named = section["file"] is { Length: > 0 } file ? Path.GetFullPath(file) : null;
        var production = provider.GetService<IHostEnvironment>()?.IsProduction() == true;
        return FileMasterKey.Open(named ?? Path.Combine(provider.GetRequiredService<StorageOpener>().Folder, "keys", "master.key"), mayCreate: !production, warning => log.LogWarning("encryption.master_key {Warning}", warning));
    }
}
