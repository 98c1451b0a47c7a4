using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Nexus.Data.Protection.Pkcs11;

namespace Nexus.Data.Protection;

/// <summary>Adds field protection to a host. In development the master key is opened at the first need; in production a node without one does not start.</summary>
internal static class ProtectionRegistration
{
    public static void AddFieldProtection(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(provider => new KeyRing(
            () => provider.GetRequiredService<IStorage>(),
            () => OpenMaster(provider, configuration.GetSection("encryption")),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IFieldProtection>(provider => provider.GetRequiredService<KeyRing>());
        services.AddSingleton<IEventSealing>(provider => new EventSealing(provider.GetRequiredService<IFieldProtection>(), configuration));
        services.AddSingleton<IPluginPorts, ProtectionPorts>();
        services.AddSingleton<IKeyRotation>(provider => provider.GetRequiredService<KeyRing>());
        services.AddSingleton(provider => new FieldReencryption(
            provider.GetRequiredService<KeyRing>(),
            () => provider.GetRequiredService<IStorage>(),
            () => provider.GetRequiredService<StorageOpener>().Set.Tenants,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILoggerFactory>().CreateLogger("Nexus.Data.Protection")));
        services.AddSingleton<IFieldReencryption>(provider => provider.GetRequiredService<FieldReencryption>());
        services.AddHostedService(provider => provider.GetRequiredService<FieldReencryption>());
        services.AddHostedService(provider => new MasterKeyCheck(provider.GetRequiredService<KeyRing>(), IsProduction(provider) || configuration["encryption:provider"] is { Length: > 0 } || configuration["encryption:file"] is { Length: > 0 }));
    }

    private static bool IsProduction(IServiceProvider provider) => provider.GetService<IHostEnvironment>()?.IsProduction() == true;

    private static MasterKeys OpenMaster(IServiceProvider provider, IConfigurationSection section)
    {
        var chosen = section["provider"] is { Length: > 0 } named ? named.ToLowerInvariant() : "file";
        return new MasterKeys(Open(chosen, mayCreate: !IsProduction(provider)), other => IsConfigured(other) ? Open(other, mayCreate: false) : null);

        bool IsConfigured(string name) => name == "file" ? File.Exists(KeyFile(provider, section)) : section.GetSection(name).Exists();

        IMasterKey Open(string name, bool mayCreate) => name switch
        {
            "kms" => new KmsMasterKey(Kms(section.GetSection("kms")), new HttpClient(), provider.GetRequiredService<TimeProvider>()),
            "pkcs11" => TokenMasterKey.Open(InToken(section.GetSection("pkcs11")), mayCreate, Warn),
            _ => FileMasterKey.Open(KeyFile(provider, section), mayCreate, Warn),
        };

        void Warn(string warning) => provider.GetRequiredService<ILoggerFactory>().CreateLogger("Nexus.Data.Protection").LogWarning("encryption.master_key {Warning}", warning);
    }

    private static string KeyFile(IServiceProvider provider, IConfigurationSection section) =>
        section["file"] is { Length: > 0 } file ? Path.GetFullPath(file) : Path.Combine(provider.GetRequiredService<StorageOpener>().Folder, "keys", "master.key");

    private static KmsOptions Kms(IConfigurationSection section) => Uri.TryCreate(Needed(section, "endpoint"), UriKind.Absolute, out var endpoint)
        ? new KmsOptions(endpoint, Needed(section, "region"), Needed(section, "keyId"), Needed(section, "accessKey"), Needed(section, "secretKey"))
        : throw new NexusException(ErrorCodes.ProtectionFailed, "encryption.kms.endpoint is not an address.");

    private static TokenOptions InToken(IConfigurationSection section) => new(Needed(section, "library"), Needed(section, "token"), Needed(section, "label"), Needed(section, "pin"));

    private static string Needed(IConfigurationSection section, string key) =>
        section[key] is { Length: > 0 } value ? value : throw new NexusException(ErrorCodes.ProtectionFailed, $"{section.Path.Replace(':', '.')}.{key} is missing.");
}
