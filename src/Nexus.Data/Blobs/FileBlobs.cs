using System.Collections.Immutable;

namespace Nexus.Data.Blobs;

/// <summary>Who refers to which blob; kept by the storage engine.</summary>
internal interface IBlobReferences
{
    ValueTask AddAsync(string owner, string tenant, BlobReference blob);

    /// <summary>Removes a reference; whether it existed, and whether it was the last of that content.</summary>
    ValueTask<(bool Removed, bool Last)> RemoveAsync(string owner, string tenant, string sha256);

    bool Contains(string owner, string tenant, string sha256);

    /// <summary>Who refers to what: all references, or those of an owner or a tenant.</summary>
    ImmutableArray<(string Owner, string Tenant, string Sha256)> List(string? owner = null, string? tenant = null);
}

/// <summary>Blobs as files <c>blobs/{first two digits}/{sha256}</c>, stored once for all owners and freed with the last reference.</summary>
internal sealed class FileBlobs(string folder, IBlobReferences references) : IBlobStore
{
    /// <summary>Serialises "last reference gone, delete the file" with "same content comes again", by the first digits of the hash.</summary>
    private readonly SemaphoreSlim[] _gates = [.. Enumerable.Range(0, 64).Select(_ => new SemaphoreSlim(1))];

    private readonly string _temporary = Path.Combine(folder, "incoming");

    public IBlobs Get(string owner, string tenant) => new Owned(this, owner, tenant);

    /// <summary>Bytes of the blobs of an owner.</summary>
    public long Measure(string owner) => references.List(owner).Select(r => new FileInfo(PathOf(r.Sha256))).Sum(f => f.Exists ? f.Length : 0);

    public IAsyncEnumerable<OwnedBlob> ListAsync(string? owner = null, string? tenant = null, CancellationToken cancellationToken = default) =>
        references.List(owner, tenant).Select(r => new OwnedBlob(r.Owner, r.Tenant, r.Sha256, new FileInfo(PathOf(r.Sha256)) is { Exists: true } file ? file.Length : 0)).ToAsyncEnumerable();

    /// <summary>Removes what a crash left: half-written files, and whole ones that nobody refers to. Runs before anybody writes.</summary>
    public void RemoveUnfinished()
    {
        if (Directory.Exists(_temporary))
            Directory.Delete(_temporary, recursive: true);
        if (!Directory.Exists(folder))
            return;
        var known = references.List().Select(r => r.Sha256).ToHashSet(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            // Only what this class names: a file that somebody else put here is not its to delete.
            if (Path.GetFileName(file) is var name && BlobNames.IsHash(name) && !known.Contains(name))
                File.Delete(file);
        }
    }

    private string PathOf(string sha256) => Path.Combine(folder, sha256[..2], sha256);

    private SemaphoreSlim GateOf(string sha256) => _gates[Convert.ToInt32(sha256[..2], 16) % _gates.Length];

    private async ValueTask<BlobReference> PutAsync(string owner, string tenant, Stream content, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(_temporary);
        var temporary = Path.Combine(_temporary, Guid.NewGuid().ToString("N"));
        try
        {
            var blob = await HashedFile.WriteAsync(temporary, content, cancellationToken);
            var gate = GateOf(blob.Sha256);
            await gate.WaitAsync(cancellationToken);
            try
            {
                var path = PathOf(blob.Sha256);
                if (!File.Exists(path))
                {
                    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                    File.Move(temporary, path);
                    FolderSync.Flush(Path.GetDirectoryName(path)!);
                    FolderSync.Flush(folder);
                }

                await references.AddAsync(owner, tenant, blob);
            }
            finally
            {
                gate.Release();
            }

            return blob;
        }
        catch (IOException e)
        {
            throw new NexusException(ErrorCodes.StorageUnavailable, $"A blob cannot be written to {folder}: {e.Message} Check the space and rights of that folder.", e);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private async ValueTask<bool> DeleteAsync(string owner, string tenant, string sha256, CancellationToken cancellationToken)
    {
        var gate = GateOf(sha256);
        await gate.WaitAsync(cancellationToken);
        try
        {
            var (removed, last) = await references.RemoveAsync(owner, tenant, sha256);
            if (last)
                File.Delete(PathOf(sha256));
            return removed;
        }
        finally
        {
            gate.Release();
        }
    }

    private sealed class Owned(FileBlobs store, string owner, string tenant) : IBlobs
    {
        public ValueTask<BlobReference> PutAsync(Stream content, CancellationToken cancellationToken = default)
        {
            ArgumentNullException.ThrowIfNull(content);
            return store.PutAsync(owner, tenant, content, cancellationToken);
        }

        public ValueTask<Stream?> OpenAsync(string sha256, CancellationToken cancellationToken = default)
        {
            if (!BlobNames.IsHash(sha256) || !store.Contains(owner, tenant, sha256))
                return ValueTask.FromResult<Stream?>(null);
            try
            {
                return ValueTask.FromResult<Stream?>(new FileStream(store.PathOf(sha256), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0, useAsync: true));
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                throw new NexusException(ErrorCodes.StorageCorrupt, $"The blob {sha256} is referred to, but {store.PathOf(sha256)} is missing. Restore the file from a backup.", e);
            }
        }

        public ValueTask<bool> DeleteAsync(string sha256, CancellationToken cancellationToken = default) =>
            BlobNames.IsHash(sha256) ? store.DeleteAsync(owner, tenant, sha256, cancellationToken) : ValueTask.FromResult(false);
    }

    private bool Contains(string owner, string tenant, string sha256) => references.Contains(owner, tenant, sha256);
}
