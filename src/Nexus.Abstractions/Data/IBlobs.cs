namespace Nexus;

/// <summary>Blobs of all plugins; rooms give each plugin its own <see cref="IBlobs"/> over it. Thread-safe.</summary>
public interface IBlobStore
{
    /// <summary>The blobs of one owner (a plugin id, or <c>{plugin}/{part}</c> for a part of what it keeps) within a tenant.</summary>
    IBlobs Get(string owner, string tenant);

    /// <summary>Who keeps what, in no order: all, or what an owner with its parts or a tenant keeps. What is put or deleted meanwhile may be among them or not.</summary>
    IAsyncEnumerable<OwnedBlob> ListAsync(string? owner = null, string? tenant = null, CancellationToken cancellationToken = default);
}

/// <summary>Byte streams addressed by the SHA-256 of their content. Equal content of one owner is stored once. Thread-safe.</summary>
public interface IBlobs
{
    /// <summary>Stores a stream with flat memory; durable when it returns.</summary>
    ValueTask<BlobReference> PutAsync(Stream content, CancellationToken cancellationToken = default);

    /// <summary>Opens a seekable stream, or null when there is none of that hash.</summary>
    ValueTask<Stream?> OpenAsync(string sha256, CancellationToken cancellationToken = default);

    /// <summary>Removes a blob; false when there was none.</summary>
    ValueTask<bool> DeleteAsync(string sha256, CancellationToken cancellationToken = default);
}

/// <summary>Address of a blob.</summary>
/// <param name="Sha256">Lower-case hex.</param>
/// <param name="Length">Bytes.</param>
public sealed record BlobReference(string Sha256, long Length);

/// <summary>A blob with its owner.</summary>
/// <param name="Owner">Id of the plugin, or <c>{plugin}/{part}</c>.</param>
/// <param name="Tenant">Its tenant.</param>
/// <param name="Sha256">Lower-case hex.</param>
/// <param name="Length">Bytes.</param>
public sealed record OwnedBlob(string Owner, string Tenant, string Sha256, long Length);

/// <summary>Verbs of stores of blobs.</summary>
public static class BlobVerbs
{
    /// <summary>Whether an owner is another one or a part of it.</summary>
    public static bool IsOwner(string owner, string of)
    {
        ArgumentNullException.ThrowIfNull(owner);
        ArgumentNullException.ThrowIfNull(of);
        return owner.StartsWith(of, StringComparison.Ordinal) && (owner.Length == of.Length || owner[of.Length] == '/');
    }

    /// <summary>Deletes what an owner with its parts or a tenant keeps, or what one keeps of the other; how many there were.</summary>
    public static async ValueTask<long> DeleteAllAsync(this IBlobStore store, string? owner, string? tenant, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        var count = 0L;
        await foreach (var blob in store.ListAsync(owner, tenant, cancellationToken))
        {
            await store.Get(blob.Owner, blob.Tenant).DeleteAsync(blob.Sha256, cancellationToken);
            count++;
        }

        return count;
    }
}
