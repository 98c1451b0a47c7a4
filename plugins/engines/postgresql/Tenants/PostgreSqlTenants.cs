using System.Collections.Immutable;
using System.Data;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Nexus.Data.Records;
using Nexus.Data.Tenants;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Events;
using Nexus.Engines.PostgreSql.Records;
using Nexus.Engines.PostgreSql.Schema;
using Nexus.Engines.PostgreSql.Sql;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Tenants;

/// <summary>Exports and deletes tenants. Everything of an export but its blobs is of one moment.</summary>
internal sealed class PostgreSqlTenants(Server server, TableCatalog catalog, OwnDatabases databases, IBlobStore blobs) : ITenantStore
{
    public async ValueTask<TenantContents> ExportAsync(string tenant, Stream target, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        // By way of a file: the snapshot must not wait for a slow receiver.
        var path = Path.Combine(Path.GetTempPath(), $"nexus-export-{Guid.NewGuid():N}");
        await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.Asynchronous | FileOptions.DeleteOnClose);
        TenantContents contents;
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            contents = await WriteAsync(zip, tenant, cancellationToken);
            await using var manifest = zip.CreateEntry("manifest.json").Open();
            await JsonSerializer.SerializeAsync(manifest, new { tenant, version = 1, contents }, JsonSerializerOptions.Web, cancellationToken);
        }

        file.Position = 0;
        await file.CopyToAsync(target, cancellationToken);
        return contents;
    }

    public async ValueTask<ImmutableArray<string>> ListTablesAsync(string tenant, CancellationToken cancellationToken)
    {
        await catalog.LoadAsync(cancellationToken);
        var held = ImmutableArray.CreateBuilder<string>();
        await server.UseAsync(async connection =>
        {
            foreach (var table in Exported())
            {
                await using var batch = connection.BatchFor(tenant, server.AppRole);
                batch.Add($"SELECT 1 FROM {Names.Quote(table)} WHERE tenant=$1 LIMIT 1").With(tenant);
                await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
                await reader.NextResultAsync(cancellationToken);
                if (await reader.ReadAsync(cancellationToken))
                    held.Add(table);
            }

            return true;
        }, cancellationToken);
        return held.ToImmutable();
    }

    public async ValueTask<TenantContents> DeleteAsync(string tenant, CancellationToken cancellationToken)
    {
        if (tenant == CallContext.DefaultTenant)
            throw new RuleViolationException("The default tenant is the node's own and cannot be deleted; delete its plugins' data with the plugins.");
        await catalog.LoadAsync(cancellationToken);
        var counts = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        var events = await server.LockedAsync(server.Locks.Commit, async connection =>
        {
            await connection.CheckWritableAsync(tenant, server.Locks);
            foreach (var table in catalog.Names)
            {
                if (await connection.RunAsync($"DELETE FROM {Names.Quote(table)} WHERE tenant=$1", tenant) is > 0 and var deleted && table != IStorage.Answers)
                    counts[table] = deleted;
            }

            await connection.RunAsync("DELETE FROM tasks WHERE tenant=$1", tenant);
            await connection.RunAsync("DELETE FROM deliveries WHERE seq IN (SELECT seq FROM events WHERE tenant=$1)", tenant);
            return await connection.RunAsync("DELETE FROM events WHERE tenant=$1", tenant);
        }, cancellationToken);
        var own = await databases.OfTenantAsync(tenant, cancellationToken);
        await databases.DeleteAsync(null, tenant, cancellationToken);
        return new TenantContents(counts.ToImmutable(), events, own, await blobs.DeleteAllAsync(null, tenant, cancellationToken));
    }

    private IEnumerable<string> Exported() => catalog.Names.Where(t => t != IStorage.Answers);

    private async Task<TenantContents> WriteAsync(ZipArchive zip, string tenant, CancellationToken cancellationToken)
    {
        await catalog.LoadAsync(cancellationToken);
        var counts = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        var own = await databases.OfTenantAsync(tenant, cancellationToken);
        var events = await server.UseAsync(async connection =>
        {
            await using var moment = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
            await connection.CheckReadableAsync(tenant);
            await connection.RunAsync("SELECT set_config('app.tenant',$1,true)", tenant);
            foreach (var table in Exported())
            {
                if (await LinesAsync(zip, $"records/{table}.ndjson", connection, $"SELECT {RecordTable.Columns} FROM {Names.Quote(table)} WHERE tenant=$1 ORDER BY id", tenant, row => TenantJson.Record(PostgreSqlRecords.Read(row)).ToJsonString(), cancellationToken) is > 0 and var count)
                    counts[table] = count;
            }

            var told = await LinesAsync(zip, "events.ndjson", connection, $"SELECT {EventRows.Columns} FROM events e WHERE e.tenant=$1 ORDER BY e.seq", tenant, row => TenantJson.Event(EventRows.Read(row)).ToJsonString(), cancellationToken);
            foreach (var plugin in own)
                await OwnAsync(zip, connection, plugin, Names.Own(plugin, tenant), cancellationToken);
            return told;
        }, cancellationToken);
        return new TenantContents(counts.ToImmutable(), events, own, await BlobsAsync(zip, tenant, cancellationToken));
    }

    private static async Task OwnAsync(ZipArchive zip, NpgsqlConnection connection, string plugin, string schema, CancellationToken cancellationToken)
    {
        var tables = new List<string>();
        await using (var batch = connection.CreateBatch())
        {
            batch.Add("SELECT table_name FROM information_schema.tables WHERE table_schema=$1 AND table_type='BASE TABLE' ORDER BY 1").With(schema);
            await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
                tables.Add(reader.GetString(0));
        }

        foreach (var table in tables)
            await LinesAsync(zip, $"sql/{plugin}/{table}.ndjson", connection, $"SELECT to_jsonb(t)::text FROM {Names.Quote(schema)}.{Names.Quote(table)} t WHERE $1::text IS NOT NULL", schema, row => row.GetString(0), cancellationToken);
    }

    /// <summary>Writes a line a row; without rows there is no entry.</summary>
    private static async Task<long> LinesAsync(ZipArchive zip, string name, NpgsqlConnection connection, string sql, string parameter, Func<NpgsqlDataReader, string> line, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.Add(sql).With(parameter);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        Stream? entry = null;
        var count = 0L;
        try
        {
            for (; await reader.ReadAsync(cancellationToken); count++)
            {
                entry ??= zip.CreateEntry(name).Open();
                await entry.WriteAsync(Encoding.UTF8.GetBytes(line(reader) + "\n"), cancellationToken);
            }
        }
        finally
        {
            if (entry is not null)
                await entry.DisposeAsync();
        }

        return count;
    }

    private async Task<long> BlobsAsync(ZipArchive zip, string tenant, CancellationToken cancellationToken)
    {
        var count = 0L;
        await foreach (var (owner, _, sha256, _) in blobs.ListAsync(null, tenant, cancellationToken))
        {
            if (await blobs.Get(owner, tenant).OpenAsync(sha256, cancellationToken) is not { } content)
                continue;
            await using (content)
            {
                await using var entry = zip.CreateEntry($"blobs/{owner}/{sha256}", CompressionLevel.Fastest).Open();
                await content.CopyToAsync(entry, cancellationToken);
            }

            count++;
        }

        return count;
    }
}
