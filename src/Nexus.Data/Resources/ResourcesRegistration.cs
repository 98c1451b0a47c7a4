using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Nexus.Data.Attachments;
using Nexus.Data.Audit;
using Nexus.Data.Measuring;
using Nexus.Data.Units;
using Nexus.Data.Views;

namespace Nexus.Data.Resources;

/// <summary>Registers the resource pipeline.</summary>
public static class ResourcesRegistration
{
    /// <summary>Adds <see cref="IResourceOperations"/>, <see cref="IAttachmentOperations"/>, <see cref="ISearch"/> and the plugins' <see cref="IRepository{T}"/>. Needs <see cref="IStorage"/>, <see cref="IAuthorization"/> and logging; <see cref="IPlugins"/> is asked for when a generation drains.</summary>
    public static IServiceCollection AddNexusResources(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<ICurrentPlugins, CurrentPlugins>();
        services.AddSingleton(provider => new AccessRules(provider.GetService<IConfiguration>()));
        services.AddSingleton(provider => new AccessTrail(provider.GetRequiredService<IStorage>, provider.GetRequiredService<IAuditTrail>(), provider.GetRequiredService<AccessRules>(), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<AccessTrail>>()));
        services.AddSingleton<RecordAccess>();
        services.AddSingleton(provider => new FieldSealing(() => provider.GetService<IFieldProtection>()));
        services.AddSingleton<HookRunner>();
        services.AddSingleton<ChangePreparation>();
        services.AddSingleton<ChangeExecution>();
        services.AddSingleton<IdempotentChanges>();
        services.AddSingleton(provider => new ViewReader((plugin, tenant) => new MeasuredDatabase(new UnitDatabase(provider.GetRequiredService<ISqlDatabases>().Get(plugin, tenant), plugin), plugin, provider.GetRequiredService<StorageOpener>().Measures)));
        services.AddSingleton<ResourceOperations>();
        services.AddSingleton<IResourceOperations, LocatedOperations>();
        services.AddSingleton(provider => new PictureScaler(provider.GetService<IPlugins>, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new AttachedPictures(provider.GetRequiredService<IStorage>(), provider.GetRequiredService<IBlobStore>, provider.GetRequiredService<PictureScaler>(), provider.GetRequiredService<ILogger<AttachedPictures>>()));
        services.AddSingleton(provider => new AttachmentOperations(provider.GetRequiredService<IStorage>(), provider.GetRequiredService<IBlobStore>, provider.GetRequiredService<IResourceOperations>(), provider.GetRequiredService<RecordAccess>(), provider.GetRequiredService<IAuditTrail>(), provider.GetRequiredService<AttachedPictures>(), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<AttachmentOperations>>()));
        services.AddSingleton<IAttachmentOperations, LocatedAttachments>();
        services.AddHostedService(provider => new AttachmentSweep(provider.GetRequiredService<IStorage>, provider.GetRequiredService<IBlobStore>, provider.GetService<IPlugins>, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<AttachmentSweep>>()));
        services.AddSingleton<ISearch>(provider => new ResourceSearch(provider, provider.GetRequiredService<RecordAccess>(), provider.GetRequiredService<ChangeExecution>(), provider.GetRequiredService<AccessTrail>()));
        services.AddSingleton<IPluginPorts, RepositoryPorts>();
        return services;
    }
}
