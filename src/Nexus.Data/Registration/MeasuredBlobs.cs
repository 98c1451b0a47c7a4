namespace Nexus.Data.Registration;

/// <summary>Adds to what a plugin stores with the engine what it keeps in another store of blobs.</summary>
internal sealed class MeasuredBlobs(ISchemaChanges inner, IBlobStore blobs) : ISchemaChanges
{
    public ValueTask<ISchemaChange> BeginAsync(SchemaRequest request, CancellationToken cancellationToken) => inner.BeginAsync(request, cancellationToken);

    public ValueTask DeleteAsync(string plugin, string documentRoot, CancellationToken cancellationToken) => inner.DeleteAsync(plugin, documentRoot, cancellationToken);

    public async ValueTask<long> MeasureAsync(string plugin, string documentRoot, CancellationToken cancellationToken)
    {
        var bytes = await inner.MeasureAsync(plugin, documentRoot, cancellationToken);
        await foreach (var blob in blobs.ListAsync(plugin, cancellationToken: cancellationToken))
            bytes += blob.Length;
        return bytes;
    }
}
