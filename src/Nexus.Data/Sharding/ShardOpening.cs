using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Nexus.Data.Sharing;
using Nexus.Data.Tasks;

namespace Nexus.Data.Sharding;

/// <summary>What was opened.</summary>
/// <param name="Set">The storage over all databases; of one database that itself.</param>
/// <param name="Databases">The records of each.</param>
/// <param name="Shards">The databases; null when there is one.</param>
/// <param name="Register">What they remember of each other.</param>
internal sealed record OpenedShards(StorageSet Set, ImmutableArray<IStorage> Databases, Shards? Shards, ShardRegister Register);

/// <summary>Opens the further databases of the configuration and makes one storage of them all.</summary>
internal static class ShardOpening
{
    private static readonly TimeSpan HealthLimit = TimeSpan.FromSeconds(2);

    /// <summary>The storage over all databases, and the records of each; the opened set itself where there is one database only. A further database that does not answer is opened when it does.</summary>
    /// <param name="first">The platform's own database, opened.</param>
    /// <param name="entries">The further ones.</param>
    /// <param name="engine">What opens them.</param>
    /// <param name="options">How.</param>
    /// <param name="marks">Marks of changes.</param>
    /// <param name="back">Called with a database that was away at the start, before it serves.</param>
    /// <param name="cancellationToken">Stops the opening.</param>
    /// <exception cref="NexusException"><c>CONFIG_VALIDATION_ERROR</c>, <c>STORAGE_UNAVAILABLE</c>: what was opened here is closed again.</exception>
    public static async Task<OpenedShards> OpenAsync(StorageSet first, ImmutableArray<ShardEntry> entries, IStorageEngine engine, StorageOptions options, ChangeMarks marks, Func<StorageSet, CancellationToken, Task> back, CancellationToken cancellationToken)
    {
        var register = new ShardRegister(first.Records);
        if (first.IsShared)
            await register.CheckFirstAsync(entries, cancellationToken);
        if (entries.IsEmpty)
            return new OpenedShards(first, [first.Records], null, register);
        if (!first.IsShared)
            throw new NexusException(ErrorCodes.ConfigurationError, $"database.shards needs a database server, such as postgresql; {engine.Name} keeps everything in one place.") { Errors = [new FieldError("database.shards", "engine", "It needs a database server.")] };
        async Task<StorageSet> OpenOneAsync(ShardEntry entry, CancellationToken token) =>
            TaskTranslation.Complete(await engine.OpenAsync(options with { ConnectionString = entry.Address, Directory = Path.Combine(options.Directory, "shards", entry.Name) }, token), options.Time);
        var all = ImmutableArray.CreateBuilder<Shard>();
        try
        {
            // At once: of several that say nothing each is waited for.
            var opening = entries.Select(e => TryOpenAsync(e, OpenOneAsync, cancellationToken)).ToList();
            await Task.WhenAll(opening).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            all.AddRange(opening.Where(o => o.IsCompletedSuccessfully).Select(o => o.Result));
            await Task.WhenAll(opening);
            foreach (var (entry, shard) in entries.Zip(all.ToImmutable()))
                all[all.IndexOf(shard)] = shard.Of(await register.NumberAsync(entry, shard.Opened?.Records, cancellationToken));
            var numbers = all.ToDictionary(s => s.Name, s => s.Number, StringComparer.Ordinal);
            var tenants = (await register.PlaceAsync(entries, first.Tenants, cancellationToken)).Where(p => p.Value != Shard.Default).ToDictionary(p => p.Key, p => numbers[p.Value], StringComparer.Ordinal);
            var late = entries.Zip(all).Where(e => e.Second.Opened is null).ToDictionary(e => e.Second, e => e.First);
            var shards = new Shards([new Shard(0, Shard.Default, TaskTranslation.Complete(first, options.Time)), .. all.OrderBy(s => s.Number)], tenants, options.Time, register.FindPlaceAsync);
            return new OpenedShards(Compose(shards, options, marks, late.Count == 0 ? null : async (shard, token) =>
            {
                var set = await OpenOneAsync(late[shard], token);
                await ReadyAsync(set, late[shard], register, back, token);
                return set;
            }), [.. shards.All.Select(s => s.Number == 0 ? s.Set.Records : new ShardStorage(s))], shards, register);
        }
        catch
        {
            foreach (var shard in all)
                await (shard.Opened?.DisposeAsync() ?? ValueTask.CompletedTask);
            throw;
        }
    }

    /// <summary>A database without its number; away when it does not answer.</summary>
    private static async Task<Shard> TryOpenAsync(ShardEntry entry, Func<ShardEntry, CancellationToken, Task<StorageSet>> open, CancellationToken cancellationToken)
    {
        try
        {
            return new Shard(-1, entry.Name, await open(entry, cancellationToken));
        }
        catch (NexusException e) when (e.Code == ErrorCodes.StorageUnavailable)
        {
            var shard = new Shard(-1, entry.Name, null);
            shard.Away(e.Message);
            return shard;
        }
    }

    /// <summary>Finds that what answers now is the database it is taken for, and brings it forward.</summary>
    private static async Task ReadyAsync(StorageSet set, ShardEntry entry, ShardRegister register, Func<StorageSet, CancellationToken, Task> back, CancellationToken cancellationToken)
    {
        try
        {
            await register.NumberAsync(entry, set.Records, cancellationToken);
            await back(set, cancellationToken);
        }
        catch
        {
            await set.DisposeAsync();
            throw;
        }
    }

    /// <summary>One storage of several databases.</summary>
    /// <param name="shards">The databases.</param>
    /// <param name="options">Clock, loggers, blobs kept elsewhere.</param>
    /// <param name="marks">Marks of changes.</param>
    /// <param name="open">Opens one that was away; null when all are there.</param>
    private static StorageSet Compose(Shards shards, StorageOptions options, ChangeMarks? marks, Func<Shard, CancellationToken, Task<StorageSet>>? open)
    {
        var log = options.Loggers.CreateLogger("Nexus.Shards");
        var turns = new Turns(shards, options.Time, log);
        var schema = new ShardedSchema(shards, options.Time);
        var returns = open is null ? null : new ShardReturns(shards, schema, open, options.Time, log);
        var first = shards.First.Set;
        var events = new ShardedEvents(shards, turns);
        return new StorageSet(new ShardedRecords(shards, events, marks), events, new ShardedSql(shards), options.Blobs ?? new ShardedBlobs(shards, s => s.Set.Blobs), schema)
        {
            Audit = new ShardedAudit(shards, turns),
            Tasks = new ShardedTasks(shards, turns),
            Tenants = first.Tenants is not null ? new ShardedTenants(shards) : null,
            Search = first.Search is not null ? new ShardedSearch(shards) : null,
            Maintenance = first.Maintenance is not null ? new ShardedMaintenance(shards) : null,
            FormerBlobs = first.FormerBlobs is null ? null : new ShardedBlobs(shards, s => s.Set.FormerBlobs!, onlyPresent: true),
            Pools = () => [.. shards.All.Where(s => s.Opened is not null).SelectMany(s => s.Set.Pools().Select(p => s.Number == 0 ? p : p with { Name = $"{p.Name}/{s.Name}" }))],
            IsShared = true,
            Clock = first.Clock,
            CheckHealth = token => CheckAsync(shards, options.Time, token),
            Close = async () =>
            {
                turns.Dispose();
                await (returns?.DisposeAsync() ?? ValueTask.CompletedTask);
                foreach (var shard in shards.All.Reverse())
                    await (shard.Opened?.DisposeAsync() ?? ValueTask.CompletedTask);
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
            return await shard.CheckHealthAsync(cancellationToken);
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
        var health = await shard.CheckHealthAsync(cancellationToken);
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

        return await shard.CheckHealthAsync(cancellationToken);
    }
}
