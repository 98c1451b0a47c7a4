using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace Nexus.Data.Sharding;

/// <summary>Plugins' databases, each where its tenant lies.</summary>
internal sealed class ShardedSql(Shards shards) : ISqlDatabases
{
    // One object for one database: units of work know theirs by it.
    private readonly ConcurrentDictionary<(string Plugin, string Tenant), ShardDatabase> _open = new();

    public ISqlDatabase Get(string plugin, string tenant) => _open.GetOrAdd((plugin, tenant), key => new ShardDatabase(shards, key.Tenant, shard => shard.Set.Sql.Get(key.Plugin, key.Tenant)));

    public bool Exists(string plugin, string tenant) => shards.Of(tenant).Set.Sql.Exists(plugin, tenant);
}

/// <summary>Blobs of each tenant in its database.</summary>
/// <param name="shards">The databases.</param>
/// <param name="store">The store of one.</param>
/// <param name="onlyPresent">A list over all tenants leaves out databases that were away at the start; otherwise it fails.</param>
internal sealed class ShardedBlobs(Shards shards, Func<Shard, IBlobStore> store, bool onlyPresent = false) : IBlobStore
{
    public IBlobs Get(string owner, string tenant) => new ShardBlobs(shards, tenant, shard => store(shard).Get(owner, tenant));

    public async IAsyncEnumerable<OwnedBlob> ListAsync(string? owner = null, string? tenant = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var shard in tenant is null ? shards.All.Where(s => !onlyPresent || s.Opened is not null) : [shards.Of(tenant)])
        {
            await foreach (var blob in store(shard).ListAsync(owner, tenant, cancellationToken))
                yield return blob;
        }
    }
}

/// <summary>Blobs of one owner and tenant, where the tenant lies.</summary>
internal sealed class ShardBlobs(Shards shards, string tenant, Func<Shard, IBlobs> of) : IBlobs
{
    public async ValueTask<BlobReference> PutAsync(Stream content, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(content);
        if (tenant == CallContext.DefaultTenant)
            return await of(shards.First).PutAsync(content, cancellationToken);
        // It may have to be sent to a second database.
        if (content.CanSeek)
            return await PutAgainAsync(content, cancellationToken);
        await using var kept = new FileStream(Path.Combine(Path.GetTempPath(), $"nexus-blob-{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.Asynchronous | FileOptions.DeleteOnClose);
        await content.CopyToAsync(kept, cancellationToken);
        kept.Position = 0;
        return await PutAgainAsync(kept, cancellationToken);
    }

    public ValueTask<Stream?> OpenAsync(string sha256, CancellationToken cancellationToken = default) => shards.AtHomeAsync(tenant, shard => of(shard).OpenAsync(sha256, cancellationToken), cancellationToken);

    public ValueTask<bool> DeleteAsync(string sha256, CancellationToken cancellationToken = default) => shards.AtHomeAsync(tenant, shard => of(shard).DeleteAsync(sha256, cancellationToken), cancellationToken);

    private ValueTask<BlobReference> PutAgainAsync(Stream content, CancellationToken cancellationToken)
    {
        var begin = content.Position;
        return shards.AtHomeAsync(tenant, shard =>
        {
            content.Position = begin;
            return of(shard).PutAsync(content, cancellationToken);
        }, cancellationToken);
    }
}

/// <summary>Search in the database of the tenant.</summary>
internal sealed class ShardedSearch(Shards shards) : ISearchIndex
{
    public ValueTask<SearchPage> SearchAsync(SearchRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        return shards.AtHomeAsync(request.Tenant, shard => shard.Set.Search!.SearchAsync(request, cancellationToken), cancellationToken);
    }
}

/// <summary>Export and deletion in the database of the tenant.</summary>
internal sealed class ShardedTenants(Shards shards) : ITenantStore
{
    public ValueTask<TenantContents> ExportAsync(string tenant, Stream target, CancellationToken cancellationToken) => shards.AtHomeAsync(tenant, shard => shard.Set.Tenants!.ExportAsync(tenant, target, cancellationToken), cancellationToken);

    public ValueTask<ImmutableArray<string>> ListTablesAsync(string tenant, CancellationToken cancellationToken) => shards.AtHomeAsync(tenant, shard => shard.Set.Tenants!.ListTablesAsync(tenant, cancellationToken), cancellationToken);

    public ValueTask<TenantContents> DeleteAsync(string tenant, CancellationToken cancellationToken) => shards.AtHomeAsync(tenant, shard => shard.Set.Tenants!.DeleteAsync(tenant, cancellationToken), cancellationToken);
}

/// <summary>Maintenance of all databases.</summary>
internal sealed class ShardedMaintenance(Shards shards) : IStorageMaintenance
{
    /// <summary>The first database's, with the sizes of all added up; an index is there when it is in all of them.</summary>
    public async ValueTask<StorageDescription> DescribeAsync(ImmutableArray<ResourceDescriptor> resources, CancellationToken cancellationToken)
    {
        var all = new List<StorageDescription>();
        foreach (var shard in shards.All)
            all.Add(await shard.Set.Maintenance!.DescribeAsync(resources, cancellationToken));
        return all[0] with
        {
            Place = string.Join("; ", all.Zip(shards.All, (d, s) => $"{s.Name}: {d.Place}")),
            Bytes = all.Sum(d => d.Bytes),
            Standbys = [.. all.SelectMany(d => d.Standbys)],
            Tables = [.. all.SelectMany(d => d.Tables).GroupBy(t => t.Name, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal).Select(Sum)],
        };
    }

    public async ValueTask<ImmutableArray<string>> OptimizeAsync(ImmutableArray<ResourceDescriptor> resources, CancellationToken cancellationToken)
    {
        ImmutableArray<string> made = [];
        foreach (var shard in shards.All)
            made = [.. made, .. await shard.Set.Maintenance!.OptimizeAsync(resources, cancellationToken)];
        return [.. made.Distinct(StringComparer.Ordinal)];
    }

    public async ValueTask<bool> RebuildSearchAsync(ResourceDescriptor resource, CancellationToken cancellationToken)
    {
        var isSearched = false;
        foreach (var shard in shards.All)
            isSearched |= await shard.Set.Maintenance!.RebuildSearchAsync(resource, cancellationToken);
        return isSearched;
    }

    public async ValueTask<ImmutableArray<StandbyState>> ListStandbysAsync(CancellationToken cancellationToken) =>
        [.. (await Task.WhenAll(shards.All.Select(s => s.Set.Maintenance!.ListStandbysAsync(cancellationToken).AsTask()))).SelectMany(s => s)];

    private static TableDescription Sum(IGrouping<string, TableDescription> table) => new(
        table.Key,
        table.All(t => t.Bytes is null) ? null : table.Sum(t => t.Bytes ?? 0),
        [.. table.SelectMany(t => t.Indexes).GroupBy(i => i.Name, StringComparer.Ordinal).Select(g => g.First() with { IsThere = g.All(i => i.IsThere), Bytes = g.All(i => i.Bytes is null) ? null : g.Sum(i => i.Bytes ?? 0) })]);
}
