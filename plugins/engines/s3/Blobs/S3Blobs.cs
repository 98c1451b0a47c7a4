using System.Runtime.CompilerServices;
using Amazon.S3.Model;
using Nexus.Data.Blobs;
using Nexus.Engines.S3.Connections;

namespace Nexus.Engines.S3.Blobs;

/// <summary>
/// Blobs as objects <c>{prefix}{tenant}/{owner}/{sha256}</c>. The object of an owner is its reference: the store makes and removes objects atomically, so there is no
/// count that a crash or two callers at once could make wrong, and nothing to sweep. Equal content of two owners is stored twice. Of two deletions at once both may say that they removed it.
/// </summary>
internal sealed class S3Blobs(Bucket bucket) : IBlobStore
{
    private readonly S3Settings _settings = bucket.Settings;

    public IBlobs Get(string owner, string tenant) => new Owned(this, $"{_settings.Prefix}{BlobNames.Encode(tenant)}/{BlobNames.Encode(owner)}/");

    public async IAsyncEnumerable<OwnedBlob> ListAsync(string? owner = null, string? tenant = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var prefix = _settings.Prefix + (tenant is null ? "" : $"{BlobNames.Encode(tenant)}/{(owner is null ? "" : BlobNames.Encode(owner))}");
        string? last = null;
        do
        {
            var request = new ListObjectsV2Request { BucketName = _settings.Bucket, Prefix = prefix, StartAfter = last };
            var page = await bucket.UseAsync(client => client.ListObjectsV2Async(request, cancellationToken), cancellationToken);
            foreach (var blob in page.S3Objects.Select(o => Read(o.Key[_settings.Prefix.Length..], o.Size)))
            {
                if (blob is not null && (owner is null || BlobVerbs.IsOwner(blob.Owner, owner)))
                    yield return blob;
            }

            last = page.IsTruncated ? page.S3Objects[^1].Key : null;
        }
        while (last is not null);
    }

    /// <summary>The blob of a key; null for what others keep in the bucket.</summary>
    private static OwnedBlob? Read(string key, long length) =>
        key.Split('/') is [var tenant, var owner, var sha256] && BlobNames.IsHash(sha256) && BlobNames.Decode(tenant) is { } itsTenant && BlobNames.Decode(owner) is { } itsOwner
            ? new OwnedBlob(itsOwner, itsTenant, sha256, length)
            : null;

    private ValueTask<GetObjectMetadataResponse?> LookAsync(string key, CancellationToken cancellationToken) =>
        bucket.FindAsync(client => client.GetObjectMetadataAsync(_settings.Bucket, key, cancellationToken), cancellationToken);

    private sealed class Owned(S3Blobs store, string prefix) : IBlobs
    {
        public async ValueTask<BlobReference> PutAsync(Stream content, CancellationToken cancellationToken = default)
        {
            ArgumentNullException.ThrowIfNull(content);
            await using var spool = await Spool.ReadAsync(content, cancellationToken);
            var key = prefix + spool.Reference.Sha256;
            // What is there has this content: its key is the hash.
            if ((await store.LookAsync(key, cancellationToken))?.ContentLength != spool.Reference.Length)
                await store.Bucket.UseAsync(client => Upload.RunAsync(client, store._settings, key, spool, cancellationToken), cancellationToken);
            return spool.Reference;
        }

        public async ValueTask<Stream?> OpenAsync(string sha256, CancellationToken cancellationToken = default)
        {
            if (!BlobNames.IsHash(sha256))
                return null;
            var key = prefix + sha256;
            return await store.LookAsync(key, cancellationToken) is { } found ? new ObjectStream(store.Bucket, key, found.ContentLength) : null;
        }

        public async ValueTask<bool> DeleteAsync(string sha256, CancellationToken cancellationToken = default)
        {
            if (!BlobNames.IsHash(sha256) || await store.LookAsync(prefix + sha256, cancellationToken) is null)
                return false;
            await store.Bucket.UseAsync(client => client.DeleteObjectAsync(store._settings.Bucket, prefix + sha256, cancellationToken), cancellationToken);
            return true;
        }
    }

    private Bucket Bucket => bucket;
}
