using System.Collections.Immutable;

namespace Nexus.Data;

/// <summary>The built-in storage engines in the list of plugins, so that everything a node does beyond the rooms shows there. Opening an engine comes before plugins; these say whether it answers.</summary>
public sealed class StoragePlugin : IPlugin, ICheckHealth
{
    private readonly string _engine;

    private StoragePlugin(string engine) => _engine = engine;

    /// <summary>Manifest and factory of each built-in engine.</summary>
    public static ImmutableArray<(PluginManifest Manifest, Func<IPlugin> Create)> All { get; } =
    [
        (Manifest("data.memory", "Storage in memory: nothing outlives the process."), () => new StoragePlugin("memory")),
        (Manifest("data.sqlite", "Storage in SQLite files, durable with group commit; the default."), () => new StoragePlugin("sqlite")),
    ];

    /// <inheritdoc/>
    public void Configure(IPluginBuilder plugin)
    {
        // The engine is opened by the host before the kernel starts; it declares nothing that is swapped.
    }

    /// <inheritdoc/>
    public async Task<PluginHealth> CheckHealthAsync(IServiceProvider services, CancellationToken cancellationToken) =>
        services.GetService(typeof(StorageOpener)) is StorageOpener { Set: var set } opener && opener.Engine == _engine ? await set.CheckHealth(cancellationToken) : PluginHealth.Healthy;

    private static PluginManifest Manifest(string name, string description) =>
        new() { Name = name, Version = "0.1.0", Category = PluginCategory.Core, Description = description, Entry = "", Isolation = PluginIsolation.Stable, Author = "The Nexus authors", License = "MIT" };
}
