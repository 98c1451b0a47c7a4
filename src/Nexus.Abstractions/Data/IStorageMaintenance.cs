using System.Collections.Immutable;

namespace Nexus;

/// <summary>What operators ask of a storage engine while it serves; <see cref="StorageSet.Maintenance"/>. Thread-safe.</summary>
public interface IStorageMaintenance
{
    /// <summary>What engine it is, where it is, and what the declared tables and their indexes take.</summary>
    ValueTask<StorageDescription> DescribeAsync(ImmutableArray<ResourceDescriptor> resources, CancellationToken cancellationToken);

    /// <summary>Makes declared indexes again that are missing or broken, and brings the figures up to date by which queries are planned; where the engine can, what deleted rows took is free for others. Writers wait while an index is made.</summary>
    /// <param name="resources">The declared tables.</param>
    /// <param name="cancellationToken">Stops the work between its parts.</param>
    /// <returns>Names of the indexes that were made.</returns>
    ValueTask<ImmutableArray<string>> OptimizeAsync(ImmutableArray<ResourceDescriptor> resources, CancellationToken cancellationToken);

    /// <summary>Makes the full-text index of a declared table anew from its records, while they are read and written; on SQLite writers wait.</summary>
    /// <returns>Whether the table is there and has search fields.</returns>
    ValueTask<bool> RebuildSearchAsync(ResourceDescriptor resource, CancellationToken cancellationToken);

    /// <summary>Servers that follow this one; empty for an engine without.</summary>
    ValueTask<ImmutableArray<StandbyState>> ListStandbysAsync(CancellationToken cancellationToken);
}

/// <summary>A server that follows another one.</summary>
/// <param name="Address">Where it is, or <c>local</c>.</param>
/// <param name="State">What it does, such as <c>streaming</c>; <c>?</c> where the account of the node may not know (PostgreSQL: <c>GRANT pg_monitor</c>).</param>
/// <param name="Sync">Whether commits wait for it, such as <c>async</c>.</param>
/// <param name="BytesBehind">Log that it has not applied yet; null likewise.</param>
/// <param name="SecondsBehind">How old what it applied last is, 0 where it has applied all; null likewise.</param>
public sealed record StandbyState(string Address, string State, string Sync, long? BytesBehind, double? SecondsBehind);

/// <summary>A storage engine as it is now.</summary>
/// <param name="Engine">Its name.</param>
/// <param name="Version">Version of the program or library.</param>
/// <param name="Place">Folder or address, without secrets.</param>
/// <param name="Bytes">What it takes in all, blobs in folders not counted.</param>
/// <param name="Tables">The declared tables, sorted by name.</param>
public sealed record StorageDescription(string Engine, string Version, string Place, long Bytes, ImmutableArray<TableDescription> Tables)
{
    /// <summary>Servers that follow this one, each with its state; empty for an engine without.</summary>
    public ImmutableArray<string> Standbys { get; init; } = [];
}

/// <summary>A table of records.</summary>
/// <param name="Name">Table, such as <c>orders.orders</c>.</param>
/// <param name="Bytes">What its rows take; null where the engine cannot tell.</param>
/// <param name="Indexes">Its declared indexes.</param>
public sealed record TableDescription(string Name, long? Bytes, ImmutableArray<IndexState> Indexes);

/// <summary>A declared index.</summary>
/// <param name="Name">Its name in the engine.</param>
/// <param name="Fields">Its fields, in order.</param>
/// <param name="Unique">No two records of a tenant have equal values.</param>
/// <param name="IsThere">It exists and is used; otherwise <see cref="IStorageMaintenance.OptimizeAsync"/> makes it again.</param>
/// <param name="Bytes">What it takes; null where the engine cannot tell.</param>
public sealed record IndexState(string Name, ImmutableArray<string> Fields, bool Unique, bool IsThere, long? Bytes);
