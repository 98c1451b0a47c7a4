using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Kernel.Plugins.Lifecycle;

namespace Nexus.Kernel.Plugins.Loading;

/// <summary>
/// Plugins that are storage engines or stores of blobs, loaded before there is a storage: what the node remembers of its plugins lies in it.
/// They come from the plugin folders alone, under the same rules of trust as any package; once the kernel starts them, it finds the loaded class here.
/// </summary>
internal sealed class StorageEnginePlugins(IServiceProvider host, PluginsOptions options) : IStorageEngineSource
{
    private readonly ConcurrentDictionary<string, (IPlugin Plugin, PluginLoadContext Context)> loaded = new(StringComparer.Ordinal);

    public ValueTask<IStorageEngine?> FindAsync(string name, CancellationToken cancellationToken) =>
        FindAsync<IStorageEngine>(name, "database.type", engine => engine.Name, cancellationToken);

    public ValueTask<IBlobEngine?> FindBlobsAsync(string name, CancellationToken cancellationToken) =>
        FindAsync<IBlobEngine>(name, "blobs.type", engine => engine.Name, cancellationToken);

    private async ValueTask<T?> FindAsync<T>(string name, string setting, Func<T, string> nameOf, CancellationToken cancellationToken)
        where T : class
    {
        var packages = host.GetRequiredService<IPackages>();
        foreach (var path in PackageDiscovery.Find(options.Directories, cancellationToken))
        {
            if (Directory.Exists(path) && !IsCandidate(await ManifestAsync(path, cancellationToken), name))
            {
                continue;
            }

            var package = await packages.ImportAsync(path, cancellationToken);
            if (IsCandidate(package.Manifest, name))
            {
                return Load(package) is T engine && string.Equals(nameOf(engine), name, StringComparison.OrdinalIgnoreCase)
                    ? engine
                    : throw new NexusException(ErrorCodes.PluginLoadFailed, $"{setting} is '{name}' and {package.Manifest.Name} goes by that name, but its class is no {typeof(T).FullName} of that name.");
            }
        }

        return null;
    }

    /// <summary>The plugin class that was loaded from a package already, with its context.</summary>
    public (IPlugin Plugin, PluginLoadContext Context)? Find(string contentHash) => loaded.TryGetValue(contentHash, out var found) ? found : null;

    private static async Task<PluginManifest?> ManifestAsync(string folder, CancellationToken cancellationToken)
    {
        try
        {
            return await ManifestReader.ReadFolderAsync(folder, cancellationToken);
        }
        catch (NexusException)
        {
            // The scan of the plugins reports it.
            return null;
        }
    }

    /// <summary>A stable core plugin whose id ends with the engine's name, such as <c>engines.postgresql</c>.</summary>
    private static bool IsCandidate(PluginManifest? manifest, string name) =>
        manifest is { Category: PluginCategory.Core } && GenerationLoader.IsolationOf(manifest) == PluginIsolation.Stable && manifest.Name.EndsWith("." + name, StringComparison.OrdinalIgnoreCase);

    private IPlugin Load(PluginPackage package) => loaded.GetOrAdd(package.ContentHash, _ =>
    {
        var entry = Path.Combine(package.Directory, package.Manifest.Entry);
        var context = new PluginLoadContext($"{package.Manifest.Name}#0", entry, collectible: false, new ContractAssemblies());
        return (EntryPoint.Create(context.LoadFromAssemblyPath(entry)), context);
    }).Plugin;
}
