using System.Collections.Immutable;
using Nexus.Data.Sharing;
using Nexus.Data.Units;

namespace Nexus.Data.Sharding;

/// <summary>Records in the database of their tenant. A batch is committed by one database or refused.</summary>
internal sealed class ShardedRecords(Shards shards, ShardedEvents events, ChangeMarks? marks) : IJointStorage
{
    public bool IsShared => true;

    public int ShardOf(string tenant) => shards.Of(tenant).Number;

    public async ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return await shards.AtHomeAsync(() => shards.Of(batch), async shard => new CommitResult(shard.Out((await Of(shard, async records =>
        {
            await events.CatchUpAsync(shard);
            return await records.CommitAsync(ReadyFor(shard, batch), cancellationToken);
        })).Sequence)), cancellationToken);
    }

    public async Task CommitAsync(WriteBatch batch, IJointUnit unit)
    {
        var (shard, inner) = unit is ShardUnit own ? (own.Shard, own.Inner) : throw new InvalidOperationException("The unit of work was begun on no database of this storage.");
        if (batch is not { Writes.Length: 0, Events.Length: 0, Audit.Length: 0, Tasks.Length: 0, Settlements.Length: 0, TaskSettlements.Length: 0 } && shards.Of(batch) is var needed && needed != shard)
            throw Shards.Crossed("the plugin's SQL database", shard, "what is committed with it", needed);
        var ready = ReadyFor(shard, batch);
        await events.CatchUpAsync(shard);
        await (shard.Set.Records is IJointStorage joint ? joint.CommitAsync(ready, inner) : inner.CommitAsync(ready).AsTask());
    }

    public Task CommitAsync(WriteBatch batch, IJointPart other) => throw NotJoint();

    public Task CompleteAsync(string name, string id, WriteBatch batch) => throw NotJoint();

    public ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken) => shards.AtHomeAsync(key.Tenant, shard => Of(shard, records => records.FindAsync(key, cancellationToken)), cancellationToken);

    public ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        return shards.AtHomeAsync(query.Tenant, shard => Of(shard, records => records.QueryAsync(query, cancellationToken)), cancellationToken);
    }

    /// <summary>Asks a database; that it does not answer is told by its name.</summary>
    private static async ValueTask<T> Of<T>(Shard shard, Func<IStorage, ValueTask<T>> ask)
    {
        try
        {
            return await ask(shard.Set.Records);
        }
        catch (NexusException e) when (e.Code == ErrorCodes.StorageUnavailable && e is not TenantAwayException)
        {
            throw shard.Named(e);
        }
    }

    private static InvalidOperationException NotJoint() => new("Databases in files are not spread over shards.");

    private WriteBatch ReadyFor(Shard shard, WriteBatch batch) => shard.Localize(marks?.Mark(batch) ?? batch);
}

/// <summary>A plugin's database in its tenant's shard.</summary>
internal sealed class ShardDatabase(Shards shards, string tenant, Func<Shard, ISqlDatabase> of) : IJointDatabase
{
    public string Dialect => of(shards.First).Dialect;

    public ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken cancellationToken = default) =>
        shards.AtHomeAsync(tenant, async shard => await of(shard).QueryAsync(sql, parameters, cancellationToken), cancellationToken);

    public ValueTask<T> WriteAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default) =>
        shards.AtHomeAsync(tenant, async shard => await of(shard).WriteAsync(work, cancellationToken), cancellationToken);

    public ValueTask<IJointUnit> BeginAsync(CancellationToken cancellationToken) => shards.AtHomeAsync<IJointUnit>(tenant, async shard => of(shard) is IJointDatabase joint
        ? new ShardUnit(shard, await joint.BeginAsync(cancellationToken))
        : throw new InvalidOperationException("This storage engine cannot commit a unit of work together with a plugin's SQL database; write to one of them."), cancellationToken);
}

/// <summary>The records of one database, also of one that comes later.</summary>
internal sealed class ShardStorage(Shard shard) : IStorage
{
    public bool IsShared => true;

    public async ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken) => await shard.Set.Records.CommitAsync(batch, cancellationToken);

    public async ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken) => await shard.Set.Records.FindAsync(key, cancellationToken);

    public async ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken) => await shard.Set.Records.QueryAsync(query, cancellationToken);
}

/// <summary>A unit of work over rows and records of one shard.</summary>
internal sealed class ShardUnit(Shard shard, IJointUnit inner) : IJointUnit
{
    public Shard Shard => shard;

    public IJointUnit Inner => inner;

    public ISqlDatabase Database => inner.Database;

    public ValueTask CommitAsync(WriteBatch batch) => inner.CommitAsync(shard.Localize(batch));

    public void Rollback() => inner.Rollback();
}
