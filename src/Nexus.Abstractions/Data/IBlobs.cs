namespace Nexus;

/// <summary>Blobs of all plugins; rooms give each plugin its own <see cref="IBlobs"/> over it.</summary>
public interface IBlobStore
{
    /// <summary>The blobs of one owner (a plugin id) within a tenant.</summary>
    IBlobs Get(string owner, string tenant);
}

/// <summary>Byte streams addressed by the SHA-256 of their content. Equal content is stored once. Thread-safe.</summary>
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
