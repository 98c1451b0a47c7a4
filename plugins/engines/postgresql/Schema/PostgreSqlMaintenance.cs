using System.Collections.Immutable;
using Nexus.Data.Search;
using Nexus.Engines.PostgreSql.Connections;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Schema;

/// <summary>Figures and care of the database.</summary>
internal sealed class PostgreSqlMaintenance(Server server) : IStorageMaintenance
{
    public ValueTask<StorageDescription> DescribeAsync(ImmutableArray<ResourceDescriptor> resources, CancellationToken cancellationToken) => server.UseAsync(async connection =>
    {
        var tables = ImmutableArray.CreateBuilder<TableDescription>();
        foreach (var resource in resources.OrderBy(r => r.Table, StringComparer.Ordinal))
        {
            var indexes = ImmutableArray.CreateBuilder<IndexState>();
            foreach (var index in Declared(resource))
            {
                var bytes = await connection.ScalarAsync("SELECT pg_relation_size(indexrelid) FROM pg_index WHERE indexrelid=to_regclass($1) AND indisvalid", Names.Quote(index.Name)) as long?;
                indexes.Add(new IndexState(index.Name, [.. index.Fields], index.Unique, bytes is not null, bytes));
            }

            tables.Add(new TableDescription(resource.Table, await connection.ScalarAsync("SELECT pg_table_size(to_regclass($1))", Names.Quote(resource.Table)) as long?, indexes.DrainToImmutable()));
        }

        var all = (long)(await connection.ScalarAsync("SELECT pg_database_size(current_database())"))!;
        return new StorageDescription("postgresql", (string)(await connection.ScalarAsync("SHOW server_version"))!, server.Address, all, tables.DrainToImmutable()) { Standbys = [.. (await StandbysAsync(connection, cancellationToken)).Select(s => $"{s.Address} {s.State}, {s.Sync}, {s.BytesBehind ?? 0} bytes behind")] };
    }, cancellationToken);

    public async ValueTask<ImmutableArray<string>> OptimizeAsync(ImmutableArray<ResourceDescriptor> resources, CancellationToken cancellationToken)
    {
        var made = await server.LockedAsync(server.Locks.Tables, async connection =>
        {
            var names = ImmutableArray.CreateBuilder<string>();
            foreach (var resource in resources)
            {
                if (await connection.ScalarAsync("SELECT to_regclass($1)::text", Names.Quote(resource.Table)) is null)
                    continue;
                foreach (var index in Declared(resource))
                {
                    if (await connection.ScalarAsync("SELECT indisvalid FROM pg_index WHERE indexrelid=to_regclass($1)", Names.Quote(index.Name)) is true)
                        continue;
                    await PlatformSchema.RunAsync(connection, $"DROP INDEX IF EXISTS {Names.Quote(index.Name)}; {index.CreateSql(resource.Table)}");
                    names.Add(index.Name);
                }
            }

            return names.DrainToImmutable();
        }, cancellationToken);
        await server.UseAsync(async connection =>
        {
            foreach (var table in resources.Select(r => r.Table).Append(IStorage.Documents))
            {
                if (await connection.ScalarAsync("SELECT to_regclass($1)::text", Names.Quote(table)) is not null)
                    await PlatformSchema.RunAsync(connection, $"VACUUM (ANALYZE) {Names.Quote(table)}");
            }

            return true;
        }, cancellationToken);
        return made;
    }

    public ValueTask<bool> RebuildSearchAsync(ResourceDescriptor resource, CancellationToken cancellationToken) => server.LockedAsync(server.Locks.Tables, async connection =>
    {
        if (SearchFields.Of(resource).IsEmpty || await connection.ScalarAsync("SELECT to_regclass($1)::text", Names.Quote(resource.Table)) is null)
            return false;
        await SchemaChange.FillWordsAsync(connection, resource);
        await PlatformSchema.RunAsync(connection, SchemaChange.WordsIndex(resource.Table));
        return true;
    }, cancellationToken);

    public ValueTask<ImmutableArray<StandbyState>> ListStandbysAsync(CancellationToken cancellationToken) => server.UseAsync(async connection => await StandbysAsync(connection, cancellationToken), cancellationToken);

    private static IEnumerable<RecordIndex> Declared(ResourceDescriptor resource) => resource.Indexes.Select(i => RecordIndex.Of(resource.Table, i)).DistinctBy(i => i.Name);

    private static async Task<ImmutableArray<StandbyState>> StandbysAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var found = ImmutableArray.CreateBuilder<StandbyState>();
        await using var batch = connection.CreateBatch();
        batch.Add("SELECT coalesce(host(client_addr),'local'),coalesce(state,'?'),coalesce(sync_state,'?'),pg_wal_lsn_diff(pg_current_wal_lsn(),replay_lsn)::bigint,extract(epoch FROM CASE WHEN replay_lsn>=pg_current_wal_lsn() THEN interval '0' ELSE replay_lag END)::float8 FROM pg_stat_replication ORDER BY 1,pid");
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            found.Add(new StandbyState(reader.GetString(0), reader.GetString(1), reader.GetString(2), reader.IsDBNull(3) ? null : Math.Max(0, reader.GetInt64(3)), reader.IsDBNull(4) ? null : reader.GetDouble(4)));
        return found.DrainToImmutable();
    }
}
