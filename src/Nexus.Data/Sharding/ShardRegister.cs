using System.Collections.Immutable;
using System.Text.Json;

namespace Nexus.Data.Sharding;

/// <summary>
/// What the databases remember of each other, so that a wrong address or a changed map is found at the start and not by what is missing:
/// each knows its own name and mark, and the platform's own knows the numbers and marks of all and where tenants were placed.
/// </summary>
/// <param name="first">Records of the platform's own database.</param>
internal sealed class ShardRegister(IStorage first)
{
    public const string Table = "nexus.shards";

    private const string Placements = "nexus.placements";
    private const string Self = "self";
    private const int Page = 500;

    /// <summary>Finds that this is the platform's own database, and the one to which the configuration's others belong.</summary>
    /// <exception cref="NexusException"><c>CONFIG_VALIDATION_ERROR</c>.</exception>
    public async Task CheckFirstAsync(ImmutableArray<ShardEntry> entries, CancellationToken cancellationToken)
    {
        foreach (var known in await AllAsync<Known>(Table, cancellationToken))
        {
            if (known.Id == Self && known.Value.Name != Shard.Default)
                throw Wrong("database.connectionString", $"The database is that of the shard {known.Value.Name}, not the platform's own.");
            if (known.Id != Self && entries.All(e => e.Name != known.Id))
                throw Wrong("database.shards", $"database.shards does not name {known.Id}, which this storage has had before. Name it with its address and its tenants; a database without tenants may stay in the list.");
        }
    }

    /// <summary>The number of a further database, given at its first start.</summary>
    /// <param name="entry">What the configuration says of it.</param>
    /// <param name="records">Its records; null while it is away: it is told by its mark when it is there.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="NexusException"><c>CONFIG_VALIDATION_ERROR</c>: the address leads to another database than before.</exception>
    public async Task<int> NumberAsync(ShardEntry entry, IStorage? records, CancellationToken cancellationToken)
    {
        await OwnAsync(first, Shard.Default, cancellationToken);
        if (records is null)
            return (await KnowAsync(entry.Name, "", cancellationToken)).Number;
        var own = await OwnAsync(records, entry.Name, cancellationToken);
        var known = await KnowAsync(entry.Name, own.Mark, cancellationToken);
        if (known.Mark.Length == 0 && own.Name == entry.Name)
            known = await MarkAsync(entry.Name, known with { Mark = own.Mark }, cancellationToken);
        if (own.Name != entry.Name || own.Mark != known.Mark)
            throw Wrong($"database.shards.{entry.Name}.connectionString", $"The address of {entry.Name} leads to {(own.Name == entry.Name ? "another database than before" : $"the database of {own.Name}")}. Correct the address; its tenants' data are where they were.");
        return known.Number;
    }

    /// <summary>Notes where tenants lie, and finds that they lay there before. One that was moved lies where it was moved to; the configuration may go on to name the place that it named then.</summary>
    /// <returns>Name of its database by tenant; those that are not in it lie in the first.</returns>
    /// <exception cref="NexusException"><c>CONFIG_VALIDATION_ERROR</c>: what is stored of a tenant lies in another database than the configuration says.</exception>
    public async Task<IReadOnlyDictionary<string, string>> PlaceAsync(ImmutableArray<ShardEntry> entries, ITenantStore? tenants, CancellationToken cancellationToken)
    {
        var placed = (await AllAsync<Known>(Placements, cancellationToken)).ToDictionary(p => p.Id, p => p.Value, StringComparer.Ordinal);
        var named = entries.SelectMany(e => e.Tenants, (e, tenant) => (Tenant: tenant, e.Name)).ToDictionary(p => p.Tenant, p => p.Name, StringComparer.Ordinal);
        foreach (var (tenant, shard) in placed)
        {
            if (named.GetValueOrDefault(tenant, Shard.Default) is var now && now != shard.Name && now != shard.Configured)
                throw Moved(tenant, shard.Name, now);
        }

        foreach (var (tenant, shard) in named.Where(n => !placed.ContainsKey(n.Key)))
        {
            if (tenants is not null && await tenants.ListTablesAsync(tenant, cancellationToken) is { IsEmpty: false })
                throw Moved(tenant, Shard.Default, shard);
            if ((await FindOrAddAsync(first, Placements, tenant, new Known(shard, "", 0), cancellationToken)).Name is var other && other != shard)
                throw Moved(tenant, other, shard);
            placed[tenant] = new Known(shard, "", 0);
        }

        return placed.ToDictionary(p => p.Key, p => p.Value.Name, StringComparer.Ordinal);
    }

    /// <summary>Where a tenant is placed now.</summary>
    public async ValueTask<string> FindPlaceAsync(string tenant, CancellationToken cancellationToken) =>
        await first.FindAsync(new RecordKey(CallContext.DefaultTenant, Placements, tenant), cancellationToken) is { } found ? Read<Known>(found).Name : Shard.Default;

    /// <summary>All tenants that are placed elsewhere than in the first database, or were.</summary>
    public async Task<IReadOnlyDictionary<string, string>> ListPlacesAsync(CancellationToken cancellationToken) =>
        (await AllAsync<Known>(Placements, cancellationToken)).ToDictionary(p => p.Id, p => p.Value.Name, StringComparer.Ordinal);

    /// <summary>The write that places a tenant elsewhere; it is refused when another one was done since.</summary>
    public async Task<RecordWrite> MoveAsync(string tenant, string from, string to, CancellationToken cancellationToken)
    {
        var found = await first.FindAsync(new RecordKey(CallContext.DefaultTenant, Placements, tenant), cancellationToken);
        var known = found is null ? new Known(Shard.Default, "", 0) : Read<Known>(found);
        if (known.Name != from)
            throw new NexusException(ErrorCodes.Conflict, $"The tenant {tenant} lies in {known.Name}, not in {from}.");
        var put = Put(Placements, tenant, known with { Name = to, Configured = known.Configured ?? known.Name });
        return found is null ? put : put with { ExpectedRevision = found.Revision, Record = put.Record! with { Revision = found.Revision + 1 } };
    }

    private static NexusException Moved(string tenant, string from, string to) =>
        Wrong("database.shards", $"The tenant {tenant} lies in {from}, and the configuration says {to}. A tenant is placed before anything of it is stored; put it back under {from}, and move it with 'nexus tenant move {tenant} {to}'.");

    private static NexusException Wrong(string key, string message) => new(ErrorCodes.ConfigurationError, message) { Errors = [new FieldError(key, "shard", message)] };

    private static Task<Known> OwnAsync(IStorage records, string name, CancellationToken cancellationToken) => FindOrAddAsync(records, Table, Self, new Known(name, Guid.NewGuid().ToString("N"), 0), cancellationToken);

    private async Task<Known> KnowAsync(string name, string mark, CancellationToken cancellationToken)
    {
        while (true)
        {
            var all = await AllAsync<Known>(Table, cancellationToken);
            if (all.Find(k => k.Id == name).Value is { } known)
                return known;
            // By number, so that of two nodes which meet two new databases at once one comes second.
            var number = all.Where(k => k.Id != Self).Select(k => k.Value.Number).DefaultIfEmpty().Max() + 1;
            var mine = new Known(name, mark, number);
            try
            {
                await first.CommitAsync(new WriteBatch { Writes = [Put(Table, name, mine), Put(Table + ".numbers", $"{number}", mine)] }, cancellationToken);
                return mine;
            }
            catch (StorageConflictException)
            {
                // Another node was first: what it wrote is read.
            }
        }
    }

    /// <summary>Notes the mark of a database that was away when it got its number.</summary>
    private async Task<Known> MarkAsync(string name, Known known, CancellationToken cancellationToken)
    {
        try
        {
            var put = Put(Table, name, known);
            await first.CommitAsync(new WriteBatch { Writes = [put with { ExpectedRevision = 1, Record = put.Record! with { Revision = 2 } }] }, cancellationToken);
            return known;
        }
        catch (StorageConflictException)
        {
            return Read<Known>((await first.FindAsync(new RecordKey(CallContext.DefaultTenant, Table, name), cancellationToken))!);
        }
    }

    private static async Task<Known> FindOrAddAsync(IStorage records, string table, string id, Known value, CancellationToken cancellationToken)
    {
        if (await records.FindAsync(new RecordKey(CallContext.DefaultTenant, table, id), cancellationToken) is { } found)
            return Read<Known>(found);
        try
        {
            await records.CommitAsync(new WriteBatch { Writes = [Put(table, id, value)] }, cancellationToken);
            return value;
        }
        catch (StorageConflictException)
        {
            return Read<Known>((await records.FindAsync(new RecordKey(CallContext.DefaultTenant, table, id), cancellationToken))!);
        }
    }

    private static RecordWrite Put(string table, string id, Known value) => new()
    {
        Key = new RecordKey(CallContext.DefaultTenant, table, id),
        ExpectedRevision = 0,
        Record = new StoredRecord { Id = id, Revision = 1, Json = JsonSerializer.SerializeToUtf8Bytes(value, JsonSerializerOptions.Web) },
    };

    private async Task<List<(string Id, T Value)>> AllAsync<T>(string table, CancellationToken cancellationToken)
    {
        var found = new List<(string, T)>();
        string? cursor = null;
        do
        {
            var page = await first.QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = table, Limit = Page, Cursor = cursor }, cancellationToken);
            found.AddRange(page.Records.Select(r => (r.Id, Read<T>(r))));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return found;
    }

    private static T Read<T>(StoredRecord record) => JsonSerializer.Deserialize<T>(record.Json.Span, JsonSerializerOptions.Web)!;

    /// <param name="Name">Of a database; of a placement that of the database where the tenant lies.</param>
    /// <param name="Mark">What tells the database from others.</param>
    /// <param name="Number">Its number.</param>
    /// <param name="Configured">Of a tenant that was moved: where the configuration named it first.</param>
    private sealed record Known(string Name, string Mark, int Number, string? Configured = null);
}
