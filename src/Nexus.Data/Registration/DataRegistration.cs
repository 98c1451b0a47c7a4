using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Nexus.Data.Audit;
using Nexus.Data.Events;
using Nexus.Data.Measuring;
using Nexus.Data.Memory;
using Nexus.Data.Protection;
using Nexus.Data.Registration;
using Nexus.Data.Sharding;
using Nexus.Data.Sharing;
using Nexus.Data.Sqlite;
using Nexus.Data.Units;

namespace Nexus.Data;

/// <summary>Adds storage to a host.</summary>
public static class DataRegistration
{
    /// <summary>Adds the memory and SQLite engines and the storage ports as singletons: <see cref="IStorage"/>, <see cref="IEventStore"/>, <see cref="ITaskStore"/>, <see cref="ISqlDatabases"/>, <see cref="IBlobStore"/>, <see cref="ISchemaChanges"/>, and what each plugin gets of them. They can be resolved after <see cref="StorageOpener.OpenAsync(IServiceProvider, CancellationToken)"/>. Further engines are registered as <see cref="IStorageEngine"/>; of two with one name the later wins.</summary>
    public static IServiceCollection AddNexusData(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configuration);
        services.AddSingleton(_ => new NodeClock(TimeProvider.System));
        // Who brings a clock of its own, such as a test, goes by that.
        if (services.LastOrDefault(s => s.ServiceType == typeof(TimeProvider)) is not { } known || ReferenceEquals(known.ImplementationInstance, TimeProvider.System))
            services.Replace(ServiceDescriptor.Singleton<TimeProvider>(provider => provider.GetRequiredService<NodeClock>()));
        services.AddSingleton<IStorageEngine>(provider => new MemoryStorage(provider.GetRequiredService<TimeProvider>(), () => provider.GetService<IFieldProtection>() is not null));
        services.AddSingleton<IStorageEngine>(provider => new SqliteStorage(provider.GetRequiredService<TimeProvider>(), () => provider.GetService<IFieldProtection>() is not null));
        services.AddSingleton(provider => new StorageOpener(provider, configuration));
        services.AddSingleton(provider => provider.GetRequiredService<StorageOpener>().Set.Records);
        services.AddSingleton(provider => provider.GetRequiredService<StorageOpener>().Set.Events);
        services.AddSingleton(provider => provider.GetRequiredService<StorageOpener>().Set.Tasks!);
        services.AddSingleton(provider => provider.GetRequiredService<StorageOpener>().Set.Sql);
        services.AddSingleton(provider => provider.GetRequiredService<StorageOpener>().Set.Blobs);
        services.AddSingleton(provider => provider.GetRequiredService<StorageOpener>().Set.Schema);
        services.AddSingleton(provider => provider.GetRequiredService<StorageOpener>().Set.Tenants ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "The storage engine neither exports nor deletes tenants."));
        services.AddSingleton<TenantMoves>();
        services.AddSingleton<ITenantMoves>(provider => provider.GetRequiredService<TenantMoves>());
        services.AddHostedService(provider => provider.GetRequiredService<TenantMoves>());
        services.AddSingleton<IStorageMaintenance>(provider => new DeclaredMaintenance(provider));
        services.AddLogging();
        services.AddSingleton<Listeners>();
        services.AddHostedService(provider => provider.GetRequiredService<Listeners>());
        services.AddSingleton<ICommitListener, DataEvents>();
        services.AddSingleton<ChangeMarks>();
        services.AddSingleton<ChangeFeed>();
        services.AddSingleton<IChanges>(provider => provider.GetRequiredService<ChangeFeed>());
        services.AddHostedService(provider => provider.GetRequiredService<ChangeFeed>());
        services.AddHostedService<ClockSteering>();
        services.AddFieldProtection(configuration);
        services.AddSingleton<AuditTrail>();
        services.AddSingleton<IAuditTrail>(provider => provider.GetRequiredService<AuditTrail>());
        services.AddSingleton<IDependencyHealth>(provider => provider.GetRequiredService<AuditTrail>());
        services.AddSingleton(provider => new UnitsOfWork(() => provider.GetRequiredService<StorageOpener>().Set.Records));
        services.AddSingleton<IUnitsOfWork>(provider => provider.GetRequiredService<UnitsOfWork>());
        services.AddSingleton<IEventStreamOwners>(provider => new EventStreamOwners(() => provider.GetRequiredService<StorageOpener>().Set.Records, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<IEventSealing>()));
        services.AddSingleton<IDependencyHealth>(provider => new StorageHealth(provider.GetRequiredService<StorageOpener>()));
        if (BlobOpening.IsAsked(configuration))
            services.AddSingleton<IDependencyHealth>(provider => new BlobHealth(provider.GetRequiredService<StorageOpener>()));
        services.AddSingleton<ISlowQueries>(provider => provider.GetRequiredService<StorageOpener>().Measures);
        services.AddSingleton<IConnectionPools>(provider => new StoragePools(provider.GetRequiredService<StorageOpener>()));
        services.AddSingleton<IPluginPorts>(provider => new DataPorts(provider.GetRequiredService<StorageOpener>(), provider.GetRequiredService<UnitsOfWork>(), provider.GetRequiredService<IAuditTrail>(), provider.GetRequiredService<IChanges>(), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<IEventSealing>()));
        return services;
    }
}
