using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Nexus.Data.Sharing;
using Nexus.Data.Tasks;

namespace Nexus.Data.Sharding;

/// <summary>Opens the further databases of the configuration and makes one storage of them all.</summary>
internal static class ShardOpening
{
    private static readonly TimeSpan HealthLimit = TimeSpan.FromSeconds(2);

    /// <summary>The storage over all databases, and the records of each; the opened set itself where there is one database only.</summary>
    /// <exception cref="NexusException"><c>CONFIG_VALIDATION_ERROR</c>, <c>STORAGE_UNAVAILABLE</c>: what was opened here is closed again.</exception>
    public static async Task<(StorageSet Set, ImmutableArray<IStorage> Databases)> OpenAsync(StorageSet first, ImmutableArray<ShardEntry> entries, IStorageEngine engine, StorageOptions options, ChangeMarks marks, CancellationToken cancellationToken)
    {
        var register = new ShardRegister(first.Records);
        if (first.IsShared)
            await register.CheckFirstAsync(entries, cancellationToken);
        if (entries.IsEmpty)
            return (first, [first.Records]);
        if (!first.IsShared)
            throw new NexusException(ErrorCodes.ConfigurationError, $"database.shards needs a database server, such as postgresql; {engine.Name} keeps everything in one place.") { Errors = [new FieldError("database.shards", "engine", "It needs a database server.")] };
        var opened = ImmutableArray.CreateBuilder<(ShardEntry Entry, StorageSet Set)>();
        try
        {
            foreach (var entry in entries)
                opened.Add((entry, TaskTranslation.Complete(await engine.OpenAsync(options with { ConnectionString = entry.Address, Directory = Path.Combine(options.Directory, "shards", entry.Name) }, cancellationToken), options.Time)));
            var numbers = await register.NumberAsync([.. opened.Select(o => (o.Entry, o.Set.Records))], cancellationToken);
            await register.PlaceAsync(entries, first.Tenants, cancellationToken);
            ImmutableArray<Shard> all = [new Shard(0, Shard.Default, TaskTranslation.Complete(first, options.Time)), .. opened.Select(o => new Shard(numbers[o.Entry.Name], o.Entry.Name, o.Set)).OrderBy(s => s.Number)];
            var tenants = entries.SelectMany(e => e.Tenants, (e, tenant) => (tenant, numbers[e.Name])).ToDictionary(StringComparer.Ordinal);
            return (Compose(new Shards(all, tenants), options, marks), [.. all.Select(s => s.Set.Records)]);
        }
        catch
        {
            foreach (var (_, set) in opened)
                await set.DisposeAsync();
            throw;
        }
    }

    /// <summary>One storage of several databases.</summary>
    public static StorageSet Compose(Shards shards, StorageOptions options, ChangeMarks? marks)
    {
        var turns = new Turns(shards, options.Time, options.Loggers.CreateLogger("Nexus.Shards"));
        var first = shards.First.Set;
        return new StorageSet(new ShardedRecords(shards, marks), new ShardedEvents(shards, turns), new ShardedSql(shards), options.Blobs ?? new ShardedBlobs(shards, s => s.Set.Blobs), new ShardedSchema(shards))
        {
            Audit = new ShardedAudit(shards, turns),
            Tasks = new ShardedTasks(shards, turns),
            Tenants = shards.All.All(s => s.Set.Tenants is not null) ? new ShardedTenants(shards) : null,
            Search = shards.All.All(s => s.Set.Search is not null) ? new ShardedSearch(shards) : null,
            Maintenance = shards.All.All(s => s.Set.Maintenance is not null) ? new ShardedMaintenance(shards) : null,
            FormerBlobs = first.FormerBlobs is null ? null : new ShardedBlobs(shards, s => s.Set.FormerBlobs!),
            Pools = () => [.. shards.All.SelectMany(s => s.Set.Pools().Select(p => s.Number == 0 ? p : p with { Name = $"{p.Name}/{s.Name}" }))],
            IsShared = true,
            Clock = first.Clock,
            CheckHealth = token => CheckAsync(shards, options.Time, token),
            Close = async () =>
            {
                turns.Dispose();
                foreach (var shard in shards.All.Reverse())
                    await shard.Set.DisposeAsync();
            },
        };
    }

    /// <summary>Without the platform's own database nothing is served; without another one all but its tenants are.</summary>
    private static async ValueTask<PluginHealth> CheckAsync(Shards shards, TimeProvider time, CancellationToken cancellationToken)
    {
        var checks = shards.All.Select(s => CheckAsync(s, time, cancellationToken)).ToList();
        var healths = await Task.WhenAll(checks);
        if (healths[0].Status == HealthLevel.Unhealthy)
            return healths[0];
        var ill = healths.Zip(shards.All).Where(h => h.First.Status != HealthLevel.Healthy).ToList();
        return ill.Count == 0
            ? new PluginHealth(HealthLevel.Healthy, string.Join("; ", healths.Select(h => h.Detail)))
            : new PluginHealth(HealthLevel.Degraded, string.Join(" ", ill.Select(h => h.First.Status == HealthLevel.Unhealthy ? $"The database {h.Second.Name} does not serve, and its tenants are refused; the others are served. {h.First.Detail}" : $"{h.Second.Name}: {h.First.Detail}")));
    }

    private static async Task<PluginHealth> CheckAsync(Shard shard, TimeProvider time, CancellationToken cancellationToken)
    {
        if (shard.Number == 0)
            return await shard.Set.CheckHealth(cancellationToken);
        try
        {
            return await CheckAsync(shard, cancellationToken).WaitAsync(HealthLimit, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            return new PluginHealth(HealthLevel.Unhealthy, $"It did not answer within {HealthLimit.TotalSeconds:0} s.");
        }
    }

    /// <summary>An engine may know of its disk by its last commit alone. The platform's own database gets one each few seconds; another one may have tenants that write nothing, so it gets one here.</summary>
    private static async Task<PluginHealth> CheckAsync(Shard shard, CancellationToken cancellationToken)
    {
        var health = await shard.Set.CheckHealth(cancellationToken);
        if (health.Status != HealthLevel.Degraded)
            return health;
        try
        {
            await shard.Set.Records.CommitAsync(new WriteBatch(), cancellationToken);
        }
        catch (NexusException)
        {
            return health;
        }

        return await shard.Set.CheckHealth(cancellationToken);
    }
}
