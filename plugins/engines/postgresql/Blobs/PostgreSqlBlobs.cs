using System.Buffers;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Nexus.Engines.PostgreSql.Connections;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Blobs;

/// <summary>Blobs in parts of rows, stored once for all owners and freed with the last reference. What is written passes through a temporary file: its address is known at its end only.</summary>
internal sealed class PostgreSqlBlobs(Server server) : IBlobStore
{
    public const int PartSize = 256 * 1024;

    public IBlobs Get(string owner, string tenant) => new Owned(this, owner, tenant);

    public async IAsyncEnumerable<OwnedBlob> ListAsync(string? owner = null, string? tenant = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        foreach (var blob in await FindAsync(owner, tenant, cancellationToken))
            yield return blob;
    }

    private ValueTask<List<OwnedBlob>> FindAsync(string? owner, string? tenant, CancellationToken cancellationToken) => server.UseAsync(async connection =>
    {
        await connection.CheckReadableAsync(tenant);
        await using var batch = connection.CreateBatch();
        batch.Add("SELECT owner,tenant,sha256,length FROM blobs WHERE ($1::text IS NULL OR owner=$1 OR starts_with(owner,$1||'/')) AND ($2::text IS NULL OR tenant=$2) ORDER BY owner,tenant,sha256").With(owner).With(tenant);
        var found = new List<OwnedBlob>();
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            found.Add(new OwnedBlob(reader.GetString(0), reader.GetString(1), reader.GetString(2), reader.GetInt64(3)));
        return found;
    }, cancellationToken);

    private async ValueTask<BlobReference> PutAsync(string owner, string tenant, Stream content, CancellationToken cancellationToken)
    {
        var path = Path.Combine(Path.GetTempPath(), $"nexus-blob-{Guid.NewGuid():N}");
        await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 0, FileOptions.Asynchronous | FileOptions.DeleteOnClose);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(PartSize);
        try
        {
            while (await content.ReadAsync(buffer.AsMemory(0, PartSize), cancellationToken) is > 0 and var read)
            {
                hash.AppendData(buffer, 0, read);
                await file.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            }

            var blob = new BlobReference(Convert.ToHexStringLower(hash.GetHashAndReset()), file.Length);
            await server.UseAsync(async connection =>
            {
                await using var unit = await connection.BeginTransactionAsync(cancellationToken);
                await connection.CheckWritableAsync(tenant, server.Locks);
                // The row of the content is held to the end: whoever deletes its last reference meanwhile waits and then finds this one.
                var isNew = (bool)(await connection.ScalarAsync("INSERT INTO blob_contents AS c VALUES ($1,$2) ON CONFLICT (sha256) DO UPDATE SET length=c.length RETURNING xmax=0", blob.Sha256, blob.Length))!;
                file.Position = 0;
                for (var number = 0; isNew && file.Position < file.Length; number++)
                {
                    var read = await file.ReadAtLeastAsync(buffer.AsMemory(0, PartSize), PartSize, throwOnEndOfStream: false, cancellationToken);
                    await connection.RunAsync("INSERT INTO blob_parts VALUES ($1,$2,$3)", blob.Sha256, number, buffer[..read]);
                }

                await connection.RunAsync("INSERT INTO blobs VALUES ($1,$2,$3,$4) ON CONFLICT DO NOTHING", owner, tenant, blob.Sha256, blob.Length);
                await unit.CommitAsync(cancellationToken);
                return true;
            }, cancellationToken);
            return blob;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private ValueTask<bool> DeleteAsync(string owner, string tenant, string sha256, CancellationToken cancellationToken) => server.UseAsync(async connection =>
    {
        await using var unit = await connection.BeginTransactionAsync(cancellationToken);
        await connection.CheckWritableAsync(tenant, server.Locks);
        await connection.RunAsync("SELECT 1 FROM blob_contents WHERE sha256=$1 FOR UPDATE", sha256);
        var removed = await connection.RunAsync("DELETE FROM blobs WHERE owner=$1 AND tenant=$2 AND sha256=$3", owner, tenant, sha256) > 0;
        if (removed && await connection.ScalarAsync("SELECT 1 FROM blobs WHERE sha256=$1 LIMIT 1", sha256) is null)
        {
            await connection.RunAsync("DELETE FROM blob_parts WHERE sha256=$1", sha256);
            await connection.RunAsync("DELETE FROM blob_contents WHERE sha256=$1", sha256);
        }

        await unit.CommitAsync(cancellationToken);
        return removed;
    }, cancellationToken);

    private static bool IsHash(string sha256) => sha256 is { Length: 64 } && sha256.All(c => c is >= '0' and <= '9' or >= 'a' and <= 'f');

    private sealed class Owned(PostgreSqlBlobs store, string owner, string tenant) : IBlobs
    {
        public ValueTask<BlobReference> PutAsync(Stream content, CancellationToken cancellationToken = default)
        {
            ArgumentNullException.ThrowIfNull(content);
            return store.PutAsync(owner, tenant, content, cancellationToken);
        }

        public async ValueTask<Stream?> OpenAsync(string sha256, CancellationToken cancellationToken = default)
        {
            if (!IsHash(sha256))
                return null;
            return await store.FindLengthAsync(owner, tenant, sha256, cancellationToken) is { } length ? new BlobStream(store.ReadPartAsync, sha256, length) : null;
        }

        public ValueTask<bool> DeleteAsync(string sha256, CancellationToken cancellationToken = default) =>
            IsHash(sha256) ? store.DeleteAsync(owner, tenant, sha256, cancellationToken) : ValueTask.FromResult(false);
    }

    private ValueTask<long?> FindLengthAsync(string owner, string tenant, string sha256, CancellationToken cancellationToken) =>
        server.UseAsync(async connection =>
        {
            await connection.CheckReadableAsync(tenant);
            return (long?)await connection.ScalarAsync("SELECT length FROM blobs WHERE owner=$1 AND tenant=$2 AND sha256=$3", owner, tenant, sha256);
        }, cancellationToken);

    private ValueTask<byte[]> ReadPartAsync(string sha256, int number, CancellationToken cancellationToken) => server.UseAsync(async connection =>
        (byte[]?)await connection.ScalarAsync("SELECT content FROM blob_parts WHERE sha256=$1 AND number=$2", sha256, number)
            ?? throw new NexusException(ErrorCodes.ResourceNotFound, $"The blob {sha256} was deleted while it was read."), cancellationToken);
}
