using System.Runtime.CompilerServices;

namespace Nexus.Data.Blobs;

/// <summary>
/// Blobs in a folder that several nodes may share: <c>{tenant}/{owner}/{first two digits}/{sha256}</c>. The file of an owner is its reference, so that there is
/// nothing that could say otherwise: a put is a rename, a deletion is one, and what nodes do at once takes effect in some order. Equal content of two owners is stored twice.
/// </summary>
internal sealed class FolderBlobs(string folder, TimeProvider time) : IBlobStore
{
    /// <summary>No put lasts longer; half a file that is older is of a node that died.</summary>
    private static readonly TimeSpan LongestPut = TimeSpan.FromDays(1);

    // A dot begins no encoded name, so no tenant can be called so.
    private readonly string _incoming = Path.Combine(folder, ".incoming");

    public IBlobs Get(string owner, string tenant) => new Owned(this, Path.Combine(folder, BlobNames.Encode(tenant), BlobNames.Encode(owner)));

    public async IAsyncEnumerable<OwnedBlob> ListAsync(string? owner = null, string? tenant = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await Task.CompletedTask;
        foreach (var (itsTenant, tenantFolder) in Below(folder, tenant))
        {
            foreach (var (itsOwner, ownerFolder) in Below(tenantFolder, null).Where(o => owner is null || BlobVerbs.IsOwner(o.Name, owner)))
            {
                foreach (var file in Directory.EnumerateFiles(ownerFolder, "*", SearchOption.AllDirectories))
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    if (Path.GetFileName(file) is var name && BlobNames.IsHash(name))
                        yield return new OwnedBlob(itsOwner, itsTenant, name, new FileInfo(file) is { Exists: true } known ? known.Length : 0);
                }
            }
        }
    }

    /// <summary>Removes what nodes that died left half written.</summary>
    public void RemoveUnfinished()
    {
        if (!Directory.Exists(_incoming))
            return;
        var limit = (time.GetUtcNow() - LongestPut).UtcDateTime;
        foreach (var file in Directory.EnumerateFiles(_incoming).Where(f => File.GetLastWriteTimeUtc(f) < limit))
            File.Delete(file);
    }

    private static IEnumerable<(string Name, string Folder)> Below(string folder, string? name) =>
        (name is null ? Directory.EnumerateDirectories(folder) : Directory.Exists(Path.Combine(folder, BlobNames.Encode(name))) ? [Path.Combine(folder, BlobNames.Encode(name))] : [])
        .Select(f => (Name: BlobNames.Decode(Path.GetFileName(f)), Folder: f)).Where(f => f.Name is not null).Select(f => (f.Name!, f.Folder));

    private NexusException Unavailable(Exception cause) =>
        new(ErrorCodes.StorageUnavailable, $"The folder of blobs {folder} does not do its work: {cause.Message} Check that it is mounted, its space and its rights (blobs.directory).", cause);

    private async ValueTask<BlobReference> PutAsync(string place, Stream content, CancellationToken cancellationToken)
    {
        var temporary = Path.Combine(_incoming, Guid.NewGuid().ToString("N"));
        try
        {
            Directory.CreateDirectory(_incoming);
            var blob = await HashedFile.WriteAsync(temporary, content, cancellationToken);
            var shelf = Path.Combine(place, blob.Sha256[..2]);
            Directory.CreateDirectory(shelf);
            File.Move(temporary, Path.Combine(shelf, blob.Sha256), overwrite: true);
            // The names of new folders are as new as that of the file.
            for (var at = shelf; at.Length >= folder.Length; at = Path.GetDirectoryName(at)!)
                FolderSync.Flush(at);
            return blob;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unavailable(e);
        }
        finally
        {
            TryDelete(temporary);
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The folder is gone, which the put itself has told; a later start removes the rest.
        }
    }

    private sealed class Owned(FolderBlobs store, string place) : IBlobs
    {
        public ValueTask<BlobReference> PutAsync(Stream content, CancellationToken cancellationToken = default)
        {
            ArgumentNullException.ThrowIfNull(content);
            return store.PutAsync(place, content, cancellationToken);
        }

        public ValueTask<Stream?> OpenAsync(string sha256, CancellationToken cancellationToken = default)
        {
            if (!BlobNames.IsHash(sha256))
                return ValueTask.FromResult<Stream?>(null);
            try
            {
                return ValueTask.FromResult<Stream?>(new FileStream(PathOf(sha256), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0, useAsync: true));
            }
            catch (Exception e) when (e is FileNotFoundException || (e is DirectoryNotFoundException && Directory.Exists(store.Folder)))
            {
                return ValueTask.FromResult<Stream?>(null);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw store.Unavailable(e);
            }
        }

        public ValueTask<bool> DeleteAsync(string sha256, CancellationToken cancellationToken = default)
        {
            if (!BlobNames.IsHash(sha256))
                return ValueTask.FromResult(false);
            var (path, away) = (PathOf(sha256), Path.Combine(store._incoming, Guid.NewGuid().ToString("N")));
            try
            {
                // A rename tells who of several deleted it; a deletion by itself does not.
                Directory.CreateDirectory(store._incoming);
                File.Move(path, away);
                FolderSync.Flush(Path.GetDirectoryName(path)!);
                File.Delete(away);
                return ValueTask.FromResult(true);
            }
            catch (Exception e) when (e is FileNotFoundException || (e is DirectoryNotFoundException && Directory.Exists(store.Folder)))
            {
                return ValueTask.FromResult(false);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw store.Unavailable(e);
            }
        }

        private string PathOf(string sha256) => Path.Combine(place, sha256[..2], sha256);
    }

    private string Folder => folder;
}
