using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Schema;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Tenants;

/// <summary>The blobs of a tenant, copied one by one: contents are shared by owners and tenants, so they go by what refers to them.</summary>
internal static class BlobCopy
{
    /// <summary>Makes the references in the target those of the source, with their contents.</summary>
    /// <returns>Blobs that were copied or removed.</returns>
    public static async Task<long> RunAsync(NpgsqlConnection source, NpgsqlConnection target, string tenant, CancellationToken cancellationToken)
    {
        var (ours, theirs) = (await ListAsync(source, tenant, cancellationToken), await ListAsync(target, tenant, cancellationToken));
        foreach (var gone in theirs.Except(ours))
            await RemoveAsync(target, tenant, gone, cancellationToken);
        foreach (var blob in ours.Except(theirs))
        {
            await using var unit = await target.BeginTransactionAsync(cancellationToken);
            var isNew = (bool)(await target.ScalarAsync("INSERT INTO blob_contents AS c VALUES ($1,$2) ON CONFLICT (sha256) DO UPDATE SET length=c.length RETURNING xmax=0", blob.Sha256, blob.Length))!;
            if (isNew)
                await new TableCopy(source, target).SendAsync($"COPY (SELECT sha256,number,content FROM blob_parts WHERE sha256={Names.Literal(blob.Sha256)}) TO STDOUT (FORMAT BINARY)", "COPY blob_parts (sha256,number,content) FROM STDIN (FORMAT BINARY)", cancellationToken);
            await target.RunAsync("INSERT INTO blobs VALUES ($1,$2,$3,$4) ON CONFLICT DO NOTHING", blob.Owner, tenant, blob.Sha256, blob.Length);
            // A blob that was deleted while it was copied comes without its parts; the next run removes it again.
            await unit.CommitAsync(cancellationToken);
        }

        return ours.Except(theirs).Concat(theirs.Except(ours)).Count();
    }

    /// <summary>Removes all of a tenant.</summary>
    public static async Task<long> ClearAsync(NpgsqlConnection connection, string tenant, CancellationToken cancellationToken)
    {
        var all = await ListAsync(connection, tenant, cancellationToken);
        foreach (var blob in all)
            await RemoveAsync(connection, tenant, blob, cancellationToken);
        return all.Count;
    }

    private static async Task RemoveAsync(NpgsqlConnection connection, string tenant, (string Owner, string Sha256, long Length) blob, CancellationToken cancellationToken)
    {
        await using var unit = await connection.BeginTransactionAsync(cancellationToken);
        await connection.RunAsync("SELECT 1 FROM blob_contents WHERE sha256=$1 FOR UPDATE", blob.Sha256);
        await connection.RunAsync("DELETE FROM blobs WHERE owner=$1 AND tenant=$2 AND sha256=$3", blob.Owner, tenant, blob.Sha256);
        await connection.RunAsync("DELETE FROM blob_parts WHERE sha256=$1 AND NOT EXISTS (SELECT 1 FROM blobs WHERE sha256=$1)", blob.Sha256);
        await connection.RunAsync("DELETE FROM blob_contents WHERE sha256=$1 AND NOT EXISTS (SELECT 1 FROM blobs WHERE sha256=$1)", blob.Sha256);
        await unit.CommitAsync(cancellationToken);
    }

    private static async Task<HashSet<(string Owner, string Sha256, long Length)>> ListAsync(NpgsqlConnection connection, string tenant, CancellationToken cancellationToken)
    {
        await using var batch = connection.CreateBatch();
        batch.Add("SELECT owner,sha256,length FROM blobs WHERE tenant=$1").With(tenant);
        var found = new HashSet<(string, string, long)>();
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            found.Add((reader.GetString(0), reader.GetString(1), reader.GetInt64(2)));
        return found;
    }
}
