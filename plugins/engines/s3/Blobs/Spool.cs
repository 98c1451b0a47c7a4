using System.Security.Cryptography;

namespace Nexus.Engines.S3.Blobs;

/// <summary>A content on its way: its key is its hash, known at its end only, and a request that failed is sent again. A small one stays in memory, a large one goes to a temporary file.</summary>
internal sealed class Spool : IAsyncDisposable
{
    private const int InMemory = 256 * 1024;

    private Spool(Stream content, BlobReference reference) => (Content, Reference) = (content, reference);

    public BlobReference Reference { get; }

    /// <summary>The content, at its start; seekable.</summary>
    public Stream Content { get; }

    public static async ValueTask<Spool> ReadAsync(Stream source, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[InMemory];
        var read = await source.ReadAtLeastAsync(buffer, InMemory, throwOnEndOfStream: false, cancellationToken);
        hash.AppendData(buffer, 0, read);
        if (read < InMemory)
            return new Spool(new MemoryStream(buffer, 0, read, writable: false), new BlobReference(Convert.ToHexStringLower(hash.GetHashAndReset()), read));
        var file = new FileStream(Path.Combine(Path.GetTempPath(), $"nexus-blob-{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 0, FileOptions.Asynchronous | FileOptions.DeleteOnClose);
        try
        {
            for (; read > 0; read = await source.ReadAsync(buffer, cancellationToken))
            {
                if (file.Position > 0)
                    hash.AppendData(buffer, 0, read);
                await file.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            }

            file.Position = 0;
            return new Spool(file, new BlobReference(Convert.ToHexStringLower(hash.GetHashAndReset()), file.Length));
        }
        catch
        {
            await file.DisposeAsync();
            throw;
        }
    }

    public ValueTask DisposeAsync() => Content.DisposeAsync();
}
