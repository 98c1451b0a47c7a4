using System.Collections.Immutable;
using Nexus.Kernel.Plugins.Capabilities;

namespace Nexus.Kernel.Plugins;

/// <summary>What can be done with packages without a running node.</summary>
public static class PluginPackages
{
    /// <summary>Checks a folder or a <c>.nxp</c> file: manifest, entry assembly, file list and hashes. No code of the plugin runs.</summary>
    /// <param name="path">A plugin folder, its <c>manifest.json</c>, or a <c>.nxp</c> file.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>The manifest.</returns>
    /// <exception cref="NexusException"><c>PLUGIN_MANIFEST_INVALID</c> or <c>PLUGIN_PACKAGE_INVALID</c> with every error found.</exception>
    public static async Task<PluginManifest> ValidateAsync(string path, CancellationToken cancellationToken = default)
    {
        var temporary = Directory.CreateTempSubdirectory("nexus-validate-");
        try
        {
            if (Path.GetFileName(path) == ManifestReader.FileName)
                path = Path.GetDirectoryName(Path.GetFullPath(path))!;
            using var store = new PackageStore(new PackageStoreOptions(temporary.FullName, []), NoStorage.Instance);
            return (await store.ImportAsync(path, cancellationToken)).Manifest;
        }
        finally
        {
            temporary.Delete(recursive: true);
        }
    }

    /// <summary>Reads the code of a plugin for what reaches around the platform's ports, with the capability that each finding needs. No code of the plugin runs.</summary>
    /// <param name="path">A plugin folder or a <c>.nxp</c> file.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static async Task<ImmutableArray<CodeFinding>> InspectAsync(string path, CancellationToken cancellationToken = default)
    {
        var temporary = Directory.CreateTempSubdirectory("nexus-inspect-");
        try
        {
            if (Path.GetFileName(path) == ManifestReader.FileName)
                path = Path.GetDirectoryName(Path.GetFullPath(path))!;
            using var store = new PackageStore(new PackageStoreOptions(temporary.FullName, []), NoStorage.Instance);
            return CodeInspection.Inspect((await store.ImportAsync(path, cancellationToken)).Directory);
        }
        finally
        {
            temporary.Delete(recursive: true);
        }
    }

    /// <summary>Packs a plugin's folder into a <c>.nxp</c> file. Equal folders give equal bytes.</summary>
    /// <param name="folder">Folder with <c>manifest.json</c> beside the entry assembly.</param>
    /// <param name="output">File to write, or an existing folder, in which it becomes <c>{id}-{version}.nxp</c>.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>Absolute path of the package.</returns>
    /// <exception cref="NexusException">The folder is not a valid plugin; nothing is written.</exception>
    public static async Task<string> PackAsync(string folder, string output, CancellationToken cancellationToken = default)
    {
        var manifest = await ValidateAsync(folder, cancellationToken);
        var path = Path.GetFullPath(Directory.Exists(output) ? Path.Combine(output, $"{manifest.Name}-{manifest.Version}{PackageArchive.Extension}") : output);
        using var buffer = new MemoryStream();
        await PackageArchive.PackAsync(folder, buffer, cancellationToken);
        await DurableFiles.ReplaceAsync(path, buffer.ToArray(), cancellationToken);
        return path;
    }

    /// <summary>Adds a package to a registry: a folder with packages and their <c>index.json</c>, for any web server to serve.</summary>
    /// <param name="package">A <c>.nxp</c> file.</param>
    /// <param name="registry">The folder; made when absent.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="NexusException">The package is not valid, or the registry has that version with other content.</exception>
    public static Task<PluginOffer> PublishAsync(string package, string registry, CancellationToken cancellationToken = default) =>
        Registries.RegistryFolder.PublishAsync(Path.GetFullPath(package), Path.GetFullPath(registry), cancellationToken);

    /// <summary>The published JSON Schema of <c>manifest.json</c>, UTF-8.</summary>
    public static ReadOnlyMemory<byte> ManifestSchema() => ManifestReader.SchemaText();

    /// <summary>Validation remembers nothing.</summary>
    private sealed class NoStorage : IStorage
    {
        public static NoStorage Instance { get; } = new();

        public ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken) => ValueTask.FromResult<StoredRecord?>(null);

        public ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken) => ValueTask.FromResult(new RecordPage([], null));
    }
}
