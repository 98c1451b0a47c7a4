using System.Collections.Immutable;
using System.IO.Compression;
using System.Text.Json;
using Nexus.Data.Sql;

namespace Nexus.Data.Tenants;

/// <summary>The rows of a tenant in the main store of an engine.</summary>
internal interface ITenantRows
{
    /// <summary>Gives every record and event of a tenant, as of one moment; the table is null for events.</summary>
    void Read(string tenant, Action<string?, StoredRecord?, EventMessage?> visit);

    /// <summary>Names of the tables that hold something of a tenant.</summary>
    ImmutableArray<string> Tables(string tenant);

    /// <summary>Deletes them all in one commit.</summary>
    ValueTask<(ImmutableSortedDictionary<string, long> Records, long Events)> DeleteAsync(string tenant);
}

/// <summary>Exports and deletes tenants.</summary>
internal sealed class TenantStore(ITenantRows rows, SqlFiles sql, IBlobStore blobs) : ITenantStore
{
    public async ValueTask<TenantContents> ExportAsync(string tenant, Stream target, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        // By way of a file: what reads the rows of one moment must not wait for a slow receiver.
        var path = Path.Combine(Path.GetTempPath(), $"nexus-export-{Guid.NewGuid():N}");
        await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.Asynchronous | FileOptions.DeleteOnClose);
        TenantContents contents;
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
            contents = await WriteAsync(zip, tenant, cancellationToken);
        file.Position = 0;
        await file.CopyToAsync(target, cancellationToken);
        return contents;
    }

    public ValueTask<ImmutableArray<string>> ListTablesAsync(string tenant, CancellationToken cancellationToken) => ValueTask.FromResult(rows.Tables(tenant));

    public async ValueTask<TenantContents> DeleteAsync(string tenant, CancellationToken cancellationToken)
    {
        if (tenant == CallContext.DefaultTenant)
            throw new RuleViolationException("The default tenant is the node's own and cannot be deleted; delete its plugins' data with the plugins.");
        var (records, events) = await rows.DeleteAsync(tenant);
        var databases = sql.OfTenant(tenant);
        sql.DeleteTenant(tenant);
        return new TenantContents(records, events, databases, await blobs.DeleteAllAsync(null, tenant, cancellationToken));
    }

    private async ValueTask<TenantContents> WriteAsync(ZipArchive zip, string tenant, CancellationToken cancellationToken)
    {
        var (records, events) = WriteRows(zip, tenant, cancellationToken);
        var databases = sql.OfTenant(tenant);
        foreach (var plugin in databases)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await using var entry = zip.CreateEntry($"sql/{plugin}.db").Open();
            await sql.CopyAsync(plugin, tenant, entry, cancellationToken);
        }

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

        var contents = new TenantContents(records, events, databases, count);
        await using var manifest = zip.CreateEntry("manifest.json").Open();
        await JsonSerializer.SerializeAsync(manifest, new { tenant, version = 1, contents }, JsonSerializerOptions.Web, cancellationToken);
        return contents;
    }

    private (ImmutableSortedDictionary<string, long> Records, long Events) WriteRows(ZipArchive zip, string tenant, CancellationToken cancellationToken)
    {
        var counts = ImmutableSortedDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        var events = 0L;
        string? open = "";
        Stream? entry = null;
        try
        {
            rows.Read(tenant, (table, record, message) =>
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (entry is null || table != open)
                {
                    entry?.Dispose();
                    entry = zip.CreateEntry(table is null ? "events.ndjson" : $"records/{table}.ndjson").Open();
                    open = table;
                }

                if (table is null)
                    events++;
                else
                    counts[table] = counts.GetValueOrDefault(table) + 1;
                entry.Write(JsonSerializer.SerializeToUtf8Bytes(record is null ? TenantJson.Event(message!) : TenantJson.Record(record), JsonSerializerOptions.Web));
                entry.WriteByte((byte)'\n');
            });
        }
        finally
        {
            entry?.Dispose();
        }

        return (counts.ToImmutable(), events);
    }
}
