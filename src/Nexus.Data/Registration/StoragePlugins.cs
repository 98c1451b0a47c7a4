using System.Collections.Immutable;

namespace Nexus.Data;

/// <summary>The built-in engines as the plugin list shows them.</summary>
public static class StoragePlugins
{
    /// <summary>Manifest and factory of each: <c>data.memory</c> and <c>data.sqlite</c>, core and stable.</summary>
    public static ImmutableArray<(PluginManifest Manifest, Func<IPlugin> Create)> All { get; } =
    [
        (ManifestOf("data.memory", "Records, events and documents in memory; gone at the end of the process. For tests and trials (database.type: memory)."), static () => new StoragePlugin()),
        (ManifestOf("data.sqlite", "Records, events, documents, plugins' own databases and blobs in one folder, with group commit (database.type: sqlite, the default)."), static () => new StoragePlugin()),
    ];

    private static PluginManifest ManifestOf(string name, string description) => new()
    {
        Name = name,
        Version = typeof(StoragePlugins).Assembly.GetName().Version!.ToString(3),
        Category = PluginCategory.Core,
        Description = description,
        Entry = "",
        Isolation = PluginIsolation.Stable,
    };

    /// <summary>Declares nothing: the engine serves from before the first plugin until after the last, so the host opens it, not the kernel.</summary>
    private sealed class StoragePlugin : IPlugin
    {
        public void Configure(IPluginBuilder plugin)
        {
            // See the type's remark.
        }
    }
}
