namespace Nexus.Data.Registration;

/// <summary>Whether the store of blobs answers; without it the node serves everything else.</summary>
internal sealed class BlobHealth(StorageOpener opener) : IDependencyHealth
{
    public string Name => "blobs";

    public bool Essential => false;

    public ValueTask<PluginHealth> CheckAsync(CancellationToken cancellationToken) => opener.Blobs?.CheckHealth(cancellationToken) ?? ValueTask.FromResult(PluginHealth.Healthy);
}
