namespace Nexus.Data.Registration;

/// <summary>Whether the opened storage engine answers; without it the node cannot serve.</summary>
internal sealed class StorageHealth(StorageOpener opener) : IDependencyHealth
{
    public string Name => "storage";

    public bool Essential => true;

    public ValueTask<PluginHealth> CheckAsync(CancellationToken cancellationToken) => opener.Set.CheckHealth(cancellationToken);
}
