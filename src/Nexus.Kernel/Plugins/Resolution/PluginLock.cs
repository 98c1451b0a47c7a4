using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Nexus.Kernel.Plugins;

/// <summary>The file <c>plugins.lock.json</c>: what a resolution chose, so that another node or a later start runs the same.</summary>
internal static partial class PluginLock
{
    public const string FileName = "plugins.lock.json";

    /// <summary>Writes the lock file; equal packages give equal bytes, and an equal file is left alone.</summary>
    public static async Task WriteAsync(string path, IEnumerable<PluginPackage> packages, CancellationToken cancellationToken)
    {
        var entries = packages
            .OrderBy(p => p.Manifest.Name, StringComparer.Ordinal)
            .Select(p => new LockEntry(p.Manifest.Name, p.Manifest.Version, p.ContentHash));
        var bytes = JsonSerializer.SerializeToUtf8Bytes(new LockFile(1, [.. entries]), LockJson.Default.LockFile);
        var current = File.Exists(path) ? await File.ReadAllBytesAsync(path, cancellationToken) : null;
        if (current is null || !current.AsSpan().SequenceEqual(bytes))
            await DurableFiles.ReplaceAsync(path, bytes, cancellationToken);
    }

    /// <summary>Compares packages with the lock file.</summary>
    /// <returns>A fault for every package that is not locked, or locked with another content, and for every locked plugin that is absent.</returns>
    public static async Task<ImmutableArray<PackageFault>> CheckAsync(string path, ImmutableArray<PluginPackage> packages, CancellationToken cancellationToken)
    {
        var locked = (await ReadAsync(path, cancellationToken)).ToDictionary(e => e.Id, StringComparer.Ordinal);
        var faults = ImmutableArray.CreateBuilder<PackageFault>();
        foreach (var package in packages)
        {
            var (name, version) = (package.Manifest.Name, package.Manifest.Version);
            if (!locked.Remove(name, out var entry))
                faults.Add(Fault(name, package.SourcePath, $"{name} {version} ({package.SourcePath}) is not in {path}. Start once without plugins.locked to add it."));
            else if (entry.Hash != package.ContentHash)
                faults.Add(Fault(name, package.SourcePath, $"{path} wants {name} {entry.Version} with content {entry.Hash}, but found is {version} with content {package.ContentHash} ({package.SourcePath}). Install the locked package, or start once without plugins.locked."));
        }

        foreach (var entry in locked.Values)
            faults.Add(Fault(entry.Id, path, $"{path} wants {entry.Id} {entry.Version}, but no plugin of that id was found. Install it."));
        return faults.DrainToImmutable();
    }

    private static PackageFault Fault(string id, string path, string message) => new(id, path, new NexusException(ErrorCodes.PluginDependencyError, message));

    private static async Task<ImmutableArray<LockEntry>> ReadAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            var file = JsonSerializer.Deserialize(await File.ReadAllBytesAsync(path, cancellationToken), LockJson.Default.LockFile);
            if (file is { Format: 1, Plugins.IsDefault: false })
                return [.. file.Plugins.DistinctBy(p => p.Id)];
            throw new JsonException("it has another format");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or ArgumentException)
        {
            throw new NexusException(ErrorCodes.PluginDependencyError, $"{path}: the lock file cannot be read: {e.Message} Start once without plugins.locked to write it.", e);
        }
    }

    internal sealed record LockEntry(string Id, string Version, string Hash);

    internal sealed record LockFile(int Format, ImmutableArray<LockEntry> Plugins);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, NewLine = "\n", RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
    [JsonSerializable(typeof(LockFile))]
    private sealed partial class LockJson : JsonSerializerContext;
}
