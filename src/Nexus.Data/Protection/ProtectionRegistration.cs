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
        services.AddSingleton<IPluginPorts, ProtectionPorts>();
        services.AddSingleton<IKeyRotation>(provider => provider.GetRequiredService<KeyRing>());
    }

    private static IMasterKey OpenMaster(IServiceProvider provider, IConfigurationSection section)
    {
        if (string.Equals(section["provider"], "kms", StringComparison.OrdinalIgnoreCase))
            return new KmsMasterKey(Kms(section.GetSection("kms")), new HttpClient(), provider.GetRequiredService<TimeProvider>());
        var log = provider.GetRequiredService<ILoggerFactory>().CreateLogger("Nexus.Data.Protection");
        var named = section["file"] is { Length: > 0 } file ? Path.GetFullPath(file) : null;
        var production = provider.GetService<IHostEnvironment>()?.IsProduction() == true;
        return FileMasterKey.Open(named ?? Path.Combine(provider.GetRequiredService<StorageOpener>().Folder, "keys", "master.key"), mayCreate: !production, warning => log.LogWarning("encryption.master_key {Warning}", warning));
    }

    private static KmsOptions Kms(IConfigurationSection section)
    {
        string Needed(string key) => section[key] is { Length: > 0 } value ? value : throw new NexusException(ErrorCodes.ProtectionFailed, $"encryption.kms.{key} is missing.");
        return Uri.TryCreate(Needed("endpoint"), UriKind.Absolute, out var endpoint)
            ? new KmsOptions(endpoint, Needed("region"), Needed("keyId"), Needed("accessKey"), Needed("secretKey"))
            : throw new NexusException(ErrorCodes.ProtectionFailed, "encryption.kms.endpoint is not an address.");
    }
}
