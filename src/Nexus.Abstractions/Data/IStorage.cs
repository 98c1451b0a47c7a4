using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Nexus;

/// <summary>A storage engine chosen by name (<c>database.type</c>). Offered by a core plugin; passes the conformance suite.</summary>
public interface IStorageEngine
{
    /// <summary>Its name: <c>memory</c>, <c>sqlite</c>, …</summary>
    string Name { get; }

    /// <summary>Connects. Throws <see cref="NexusException"/> with <c>STORAGE_UNAVAILABLE</c>, naming file or address and the way out.</summary>
    ValueTask<StorageSet> OpenAsync(StorageOptions options, CancellationToken cancellationToken);
}

/// <summary>A storage engine that empties itself: one whose data lie elsewhere than in the node's folder.</summary>
public interface IStorageReset
{
    /// <summary>Deletes everything stored; the next <see cref="IStorageEngine.OpenAsync"/> finds an empty storage. Blobs of another store stay.</summary>
    /// <exception cref="NexusException"><c>CONFLICT</c>: a node uses it; <c>STORAGE_UNAVAILABLE</c>.</exception>
    ValueTask ResetAsync(StorageOptions options, CancellationToken cancellationToken);
}

/// <summary>Where and how a storage engine stores.</summary>
/// <param name="Directory">Folder of embedded engines, absolute.</param>
/// <param name="ConnectionString">Address of a server engine, or null.</param>
public sealed record StorageOptions(string Directory, string? ConnectionString = null)
{
    /// <summary>The section <c>database</c> of the configuration; empty without a host.</summary>
    public IConfiguration Settings { get; init; } = new ConfigurationBuilder().Build();

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where the engine logs.</summary>
    public ILoggerFactory Loggers { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Where the engine measures; null when nobody asks.</summary>
    public IMeterFactory? Meters { get; init; }

    /// <summary>Where blobs are kept in place of the engine's own store; null for that one.</summary>
    public IBlobStore? Blobs { get; init; }
}

/// <summary>Finds engines that are not built in: plugins of category core whose class implements <see cref="IStorageEngine"/> or <see cref="IBlobEngine"/>, loaded before there is a storage.</summary>
public interface IStorageEngineSource
{
    /// <summary>The engine of a name; null when no plugin brings one.</summary>
    /// <exception cref="NexusException">The plugin is there and cannot be loaded, with its cause.</exception>
    ValueTask<IStorageEngine?> FindAsync(string name, CancellationToken cancellationToken);

    /// <summary>The store of blobs of a name; null when no plugin brings one.</summary>
    /// <exception cref="NexusException">The plugin is there and cannot be loaded, with its cause.</exception>
    ValueTask<IBlobEngine?> FindBlobsAsync(string name, CancellationToken cancellationToken);
}

/// <summary>What a storage engine offers; disposed in reverse of <see cref="IStorageEngine.OpenAsync"/>.</summary>
public sealed record StorageSet(IStorage Records, IEventStore Events, ISqlDatabases Sql, IBlobStore Blobs, ISchemaChanges Schema) : IAsyncDisposable
{
    /// <summary>Closes the engine after everything acknowledged is durable.</summary>
    public required Func<ValueTask> Close { get; init; }

    /// <summary>Audit entries that were committed and not yet sealed.</summary>
    public required IAuditQueue Audit { get; init; }

    /// <summary>Tasks; null when the engine has no own way to keep them: the platform keeps them in its records then.</summary>
    public ITaskStore? Tasks { get; init; }

    /// <summary>Export and deletion of tenants; null when the engine has none.</summary>
    public ITenantStore? Tenants { get; init; }

    /// <summary>Moves tenants to another database of the same engine; null when the engine has no way to.</summary>
    public ITenantTransfers? Transfers { get; init; }

    /// <summary>What the engine's pools of connections hold now; empty for an engine without.</summary>
    public Func<ImmutableArray<PoolUse>> Pools { get; init; } = static () => [];

    /// <summary>The engine's own store of blobs when it was opened with another one: what still lies there is moved.</summary>
    public IBlobStore? FormerBlobs { get; init; }

    /// <summary>Full-text search, best first; null when the engine has none. What <see cref="RecordQuery.Search"/> finds it finds as well.</summary>
    public ISearchIndex? Search { get; init; }

    /// <summary>What operators ask of it; null when the engine has nothing to maintain.</summary>
    public IStorageMaintenance? Maintenance { get; init; }

    /// <summary>Several nodes may use it at once.</summary>
    public bool IsShared { get; init; }

    /// <summary>What the engine's own clock says: nodes that share the engine go by it; null for an engine that serves one machine.</summary>
    public Func<CancellationToken, ValueTask<DateTimeOffset>>? Clock { get; init; }

    /// <summary>A cheap check that the engine answers.</summary>
    public required Func<CancellationToken, ValueTask<PluginHealth>> CheckHealth { get; init; }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Close();
}

/// <summary>Keyed JSON records in tables. A table that no schema change made is made by the first write to it, without indexes. Documents and resources both are records here: documents in the table <see cref="Documents"/>, keyed by path. Thread-safe.</summary>
public interface IStorage
{
    /// <summary>Name of the table of the document tree; its keys are paths such as <c>core/settings/theme</c>.</summary>
    const string Documents = "documents";

    /// <summary>Name of the table of stored answers to requests with an <c>Idempotency-Key</c>.</summary>
    const string Answers = "nexus.answers";

    /// <summary>Other nodes may work on the same records.</summary>
    bool IsShared => false;

    /// <summary>Number of the database that holds what belongs to a tenant; 0 is that of the platform and of all tenants that no other is named for. A batch lies within one of them.</summary>
    int ShardOf(string tenant) => 0;

    /// <summary>Writes a batch atomically and durably. Concurrent batches share one fsync (group commit); a batch whose condition fails takes nothing of itself and does not disturb the others.</summary>
    /// <exception cref="StorageConflictException">A condition of the batch does not hold.</exception>
    /// <exception cref="NexusException"><c>SHARD_CROSSED</c>: the batch has parts of tenants that lie in different databases; nothing of it was written.</exception>
    ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken);

    /// <summary>Reads one record, or null. Sees every commit that was acknowledged before the call.</summary>
    ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken);

    /// <summary>Reads a page of records of one table in a stable order.</summary>
    ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken);
}

/// <summary>Address of a record.</summary>
/// <param name="Tenant">Tenant; <see cref="CallContext.DefaultTenant"/> where there is one only.</param>
/// <param name="Table">Table: <c>documents</c> or <c>{plugin}.{resource}</c>.</param>
/// <param name="Id">Key within the table, at most 400 characters.</param>
public readonly record struct RecordKey(string Tenant, string Table, string Id);

/// <summary>A record as it is stored.</summary>
public sealed record StoredRecord
{
    /// <summary>Its key.</summary>
    public required string Id { get; init; }

    /// <summary>Grows by one with each write, from 1.</summary>
    public required long Revision { get; init; }

    /// <summary>Owner, or null.</summary>
    public string? Owner { get; init; }

    /// <summary>Team, or null.</summary>
    public string? Team { get; init; }

    /// <summary>First write, UTC, microseconds.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Last write, UTC, microseconds.</summary>
    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>Schema version of <see cref="Json"/>.</summary>
    public int SchemaVersion { get; init; } = 1;

    /// <summary>UTF-8 JSON. Of a resource the complete wire form (id, revision, owner, team, createdAt, updatedAt, then the declared fields), so that a read is a copy.</summary>
    public required ReadOnlyMemory<byte> Json { get; init; }
}

/// <summary>Writes that become visible and durable together, or not at all.</summary>
public sealed record WriteBatch
{
    /// <summary>Puts and removals, in order.</summary>
    public ImmutableArray<RecordWrite> Writes { get; init; } = [];

    /// <summary>Events that are published if and only if the batch commits (outbox).</summary>
    public ImmutableArray<EventMessage> Events { get; init; } = [];

    /// <summary>Deliveries that this batch settles, so that a handler's writes and its being done are one.</summary>
    public ImmutableArray<DeliverySettlement> Settlements { get; init; } = [];

    /// <summary>Audit entries that are kept if and only if the batch commits, in commit order.</summary>
    public ImmutableArray<AuditEntry> Audit { get; init; } = [];

    /// <summary>Tasks that are asked for if and only if the batch commits; see <see cref="ITaskStore"/>. An engine without <see cref="StorageSet.Tasks"/> never gets any.</summary>
    public ImmutableArray<TaskEntry> Tasks { get; init; } = [];

    /// <summary>Tries that this batch ends, so that a task's writes and its being done are one.</summary>
    public ImmutableArray<TaskSettlement> TaskSettlements { get; init; } = [];
}

/// <summary>One put or removal with its condition.</summary>
public sealed record RecordWrite
{
    /// <summary>The record.</summary>
    public required RecordKey Key { get; init; }

    /// <summary>The record to store, its <see cref="StoredRecord.Revision"/> one above the current; null removes. Without a condition the engine counts the revision itself. The creation time of an existing record stays.</summary>
    public StoredRecord? Record { get; init; }

    /// <summary>Condition: null none; 0 must not exist; otherwise the current revision must be this.</summary>
    public long? ExpectedRevision { get; init; }
}

/// <summary>A commit's result.</summary>
/// <param name="Sequence">Position of the commit; grows with every commit of this storage.</param>
public readonly record struct CommitResult(long Sequence);

/// <summary>A condition of a batch did not hold; nothing of it was written.</summary>
/// <param name="Key">The record in the way.</param>
/// <param name="CurrentRevision">Its revision now; 0 when it does not exist.</param>
/// <param name="UniqueFields">Fields of the violated unique index, or null when a revision was expected otherwise.</param>
public sealed class StorageConflictException(RecordKey Key, long CurrentRevision, string? UniqueFields = null)
    : NexusException(UniqueFields is null ? ErrorCodes.Conflict : ErrorCodes.UniqueViolation,
        UniqueFields is null ? $"Record {Key.Id} of {Key.Table} has revision {CurrentRevision}." : $"{UniqueFields} of {Key.Table} must be unique; another record already has this value.")
{
    /// <summary>The record in the way.</summary>
    public RecordKey Key { get; } = Key;

    /// <summary>Its revision now; 0 when it does not exist.</summary>
    public long CurrentRevision { get; } = CurrentRevision;

    /// <summary>Fields of the violated unique index, or null.</summary>
    public string? UniqueFields { get; } = UniqueFields;
}

/// <summary>A query over one table.</summary>
public sealed record RecordQuery
{
    /// <summary>Tenant.</summary>
    public required string Tenant { get; init; }

    /// <summary>Table.</summary>
    public required string Table { get; init; }

    /// <summary>Keys that start so, or null for all.</summary>
    public string? KeyPrefix { get; init; }

    /// <summary>Filter over the JSON and the record's own columns (<c>id, revision, owner, team, createdAt, updatedAt</c>).</summary>
    public Filter? Filter { get; init; }

    /// <summary>Sort keys; ties are broken by key.</summary>
    public ImmutableArray<SortKey> Sort { get; init; } = [];

    /// <summary>Full-text query over the table's search fields, as <see cref="SearchRequest"/> says; a text without words finds nothing.</summary>
    public string? Search { get; init; }

    /// <summary>Greatest number of records.</summary>
    public int Limit { get; init; } = 50;

    /// <summary>Cursor of an earlier page of the same query, or null.</summary>
    public string? Cursor { get; init; }

    /// <summary>Records to pass over.</summary>
    public int Offset { get; init; }

    /// <summary>Also count all matches.</summary>
    public bool Count { get; init; }
}

/// <summary>A page of records.</summary>
/// <param name="Records">The records, in order.</param>
/// <param name="NextCursor">Cursor of the next page; null at the end.</param>
/// <param name="Total">Number of all matches, when asked for.</param>
public sealed record RecordPage(ImmutableArray<StoredRecord> Records, string? NextCursor, long? Total = null);
