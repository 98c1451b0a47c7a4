using System.Collections.Immutable;
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
        return new StorageDescription("postgresql", (string)(await connection.ScalarAsync("SHOW server_version"))!, server.Address, all, tables.DrainToImmutable()) { Standbys = await StandbysAsync(connection, cancellationToken) };
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

    private static IEnumerable<RecordIndex> Declared(ResourceDescriptor resource) => resource.Indexes.Select(i => RecordIndex.Of(resource.Table, i)).DistinctBy(i => i.Name);

    private static async Task<ImmutableArray<string>> StandbysAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var found = ImmutableArray.CreateBuilder<string>();
        await using var batch = connection.CreateBatch();
        batch.Add("SELECT coalesce(host(client_addr),'local'),coalesce(state,'?'),coalesce(sync_state,'?'),coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(),replay_lsn),0)::bigint FROM pg_stat_replication ORDER BY 1");
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            found.Add($"{reader.GetString(0)} {reader.GetString(1)}, {reader.GetString(2)}, {reader.GetInt64(3)} bytes behind");
        return found.DrainToImmutable();
    }
}
