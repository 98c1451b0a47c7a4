using System.Collections.Concurrent;
using System.Collections.Immutable;
using Nexus.Kernel.Plugins.Trust;
using NuGet.Versioning;

namespace Nexus.Kernel.Plugins;

/// <summary>Where packages come from and are kept.</summary>
/// <param name="DataDirectory">The node's data folder; packages are kept in <c>packages/{hash}</c> below it.</param>
/// <param name="PluginDirectories">Drop folders; nothing is ever loaded from them.</param>
internal sealed record PackageStoreOptions(string DataDirectory, ImmutableArray<string> PluginDirectories)
{
    /// <summary>Drop folders whose plugins count as part of the platform (origin <c>core</c>).</summary>
    public ImmutableArray<string> CoreDirectories { get; init; } = [];
}

/// <summary>Imports packages into immutable, content-addressed folders and remembers which one each plugin runs. Overwriting a loaded assembly kills the process (SIGBUS), so a folder here is written once, under another name, and then only renamed. Thread-safe.</summary>
internal sealed class PackageStore(PackageStoreOptions options, IStorage storage, TimeProvider? time = null, PackageTrust? trust = null, Func<string>? node = null) : IDisposable
{
    private const string TemporaryPrefix = ".import-";

    private readonly string _packages = Path.Combine(Path.GetFullPath(options.DataDirectory), "packages");
    private readonly PluginRecords _records = new(storage, time ?? TimeProvider.System, node);
    private readonly ConcurrentDictionary<string, (string Fingerprint, PluginPackage Package)> _known = new(StringComparer.Ordinal);

    /// <summary>Looks into the drop folders, imports what is new and joins it with what was installed by command. What is broken becomes a fault and stops nobody else.</summary>
    public async Task<PackageScan> ScanAsync(CancellationToken cancellationToken)
    {
        var faults = ImmutableArray.CreateBuilder<PackageFault>();
        var found = new List<PluginPackage>();
        foreach (var path in PackageDiscovery.Find([.. options.PluginDirectories, .. options.CoreDirectories], cancellationToken))
        {
            try
            {
                found.Add(await ImportAsync(path, cancellationToken));
            }
            catch (NexusException e)
            {
                faults.Add(new PackageFault(Path.GetFileNameWithoutExtension(path), path, e));
            }
        }

        await PassOverRemovedAsync(found, cancellationToken);
        var records = (await _records.ListAsync(cancellationToken)).ToDictionary(r => r.Id, StringComparer.Ordinal);
        var packages = ImmutableArray.CreateBuilder<PluginPackage>();
        foreach (var group in found.GroupBy(p => p.Manifest.Name, StringComparer.Ordinal))
        {
            var taken = Choose(group, faults);
            packages.Add(records.Remove(taken.Manifest.Name, out var record) ? await PreferAsync(taken, record, faults, cancellationToken) : taken);
        }

        foreach (var record in records.Values)
            await AddInstalledAsync(record, packages, faults, cancellationToken);
        packages.Sort((a, b) => string.CompareOrdinal(a.Manifest.Name, b.Manifest.Name));
        return new PackageScan(packages.DrainToImmutable(), faults.DrainToImmutable());
    }

    /// <summary>Imports a folder or a <c>.nxp</c> file. Importing the same content again, also at the same time, gives the same folder.</summary>
    /// <exception cref="NexusException"><c>PLUGIN_PACKAGE_INVALID</c> or <c>PLUGIN_MANIFEST_INVALID</c>, naming the file and what is wrong; nothing of the package remains.</exception>
    public async Task<PluginPackage> ImportAsync(string path, CancellationToken cancellationToken)
    {
        path = Path.GetFullPath(path);
        try
        {
            var fingerprint = Fingerprint(path);
            if (_known.TryGetValue(path, out var known) && known.Fingerprint == fingerprint && Directory.Exists(known.Package.Directory))
            {
                // What was trusted when it was first seen may be revoked by now.
                await CheckAsync(known.Package.Directory, path, known.Package.ContentHash, cancellationToken);
                return known.Package;
            }

            var package = Directory.Exists(path)
                ? await ImportFolderAsync(path, cancellationToken)
                : await ImportArchiveAsync(path, cancellationToken);
            _known[path] = (fingerprint, package);
            return package;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw PackageErrors.Unreadable(path, e);
        }
    }

    /// <summary>The package of a hash that was imported before, or null when it is not kept.</summary>
    public async Task<PluginPackage?> FindAsync(string contentHash, string sourcePath, CancellationToken cancellationToken)
    {
        var directory = Path.Combine(_packages, contentHash);
        if (contentHash.Length != 64 || !contentHash.All(char.IsAsciiHexDigitLower) || !Directory.Exists(directory))
            return null;
        await CheckAsync(directory, sourcePath, contentHash, cancellationToken);
        return Describe(await ManifestReader.ReadFolderAsync(directory, cancellationToken), contentHash, sourcePath);
    }

    /// <summary>What is remembered of a plugin, or null.</summary>
    public Task<PluginRecord?> ReadAsync(string id, CancellationToken cancellationToken) => _records.ReadAsync(id, cancellationToken);

    /// <summary>The package that a swap under way brings, or null.</summary>
    public Task<KeptPackage?> FindArrivingAsync(string id, CancellationToken cancellationToken) => _records.FindArrivingAsync(id, cancellationToken);

    /// <summary>Notes what a swap brings, or with null that it brings nothing.</summary>
    public Task ArriveAsync(string id, KeptPackage? package, CancellationToken cancellationToken) => _records.ArriveAsync(id, package, cancellationToken);

    /// <summary>The highest version of a plugin that ever ran here, also when it was removed since; or null.</summary>
    public Task<string?> HighestAsync(string id, CancellationToken cancellationToken) => _records.HighestAsync(id, cancellationToken);

    /// <summary>All that is remembered, by id.</summary>
    public Task<ImmutableArray<PluginRecord>> ListAsync(CancellationToken cancellationToken) => _records.ListAsync(cancellationToken);

    /// <summary>Remembers a plugin: its record, the list of enabled ids and its metadata, as one.</summary>
    public Task WriteAsync(PluginRecord record, CancellationToken cancellationToken) => _records.WriteAsync(record, cancellationToken);

    /// <summary>Forgets a plugin; its data and packages stay (see <see cref="CollectAsync"/>). What lies of it in drop folders is passed over from now on, until it changes or is installed again.</summary>
    /// <returns>Where files of it still lie in drop folders.</returns>
    public async Task<ImmutableArray<string>> DeleteAsync(PluginManifest manifest, CancellationToken cancellationToken)
    {
        var lying = _known.Values.Select(k => k.Package).Where(p => p.Manifest.Name == manifest.Name && IsDropped(p.SourcePath) && Path.Exists(p.SourcePath)).ToList();
        await _records.DeleteAsync(manifest.Name, manifest.Category, [.. lying.Select(p => p.ContentHash).Distinct()], cancellationToken);
        return [.. lying.Select(p => p.SourcePath).Order(StringComparer.Ordinal)];
    }

    /// <summary>Deletes packages that no record refers to and that are not in use. Not to be called between an import and the write of its record.</summary>
    /// <param name="inUse">Content hashes of all generations in memory, draining and quarantined ones too.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>Hashes of the deleted packages.</returns>
    public async Task<ImmutableArray<string>> CollectAsync(IReadOnlySet<string> inUse, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(_packages))
            return [];
        var kept = (await _records.ListAsync(cancellationToken))
            .SelectMany(r => r.Previous.Append(r.ActiveHash).Concat(new[] { r.Rollout?.Hash }.OfType<string>()))
            .Concat(await _records.ArrivingAsync(cancellationToken))
            .Concat(inUse)
            .ToHashSet(StringComparer.Ordinal);
        var deleted = ImmutableArray.CreateBuilder<string>();
        foreach (var directory in Directory.EnumerateDirectories(_packages))
        {
            var name = Path.GetFileName(directory);
            // Half imports belong to whoever is importing; those of a killed process go at the next start.
            if (name.StartsWith(TemporaryPrefix, StringComparison.Ordinal) || kept.Contains(name))
                continue;
            DeleteFolder(directory);
            deleted.Add(name);
        }

        return deleted.DrainToImmutable();
    }

    /// <summary>Deletes what an import left behind when its process was killed. Call before the first import.</summary>
    public void Clean()
    {
        if (!Directory.Exists(_packages))
            return;
        foreach (var directory in Directory.EnumerateDirectories(_packages, TemporaryPrefix + "*"))
            DeleteFolder(directory);
    }

    public void Dispose() => _records.Dispose();

    private static PluginPackage Choose(IEnumerable<PluginPackage> group, ImmutableArray<PackageFault>.Builder faults)
    {
        var ordered = group.OrderByDescending(p => NuGetVersion.Parse(p.Manifest.Version)).ThenBy(p => p.SourcePath, StringComparer.Ordinal).ToList();
        var taken = ordered[0];
        foreach (var other in ordered.Skip(1).Where(p => p.ContentHash != taken.ContentHash))
        {
            faults.Add(new PackageFault(taken.Manifest.Name, other.SourcePath, new NexusException(
                ErrorCodes.PluginAlreadyInstalled,
                $"Two packages are named {taken.Manifest.Name}: {taken.SourcePath} (version {taken.Manifest.Version}, used) and {other.SourcePath} (version {other.Manifest.Version}, left aside). Remove one of them.")));
        }

        return taken;
    }

    /// <summary>Leaves out what an operator removed and what still lies there unchanged.</summary>
    private async Task PassOverRemovedAsync(List<PluginPackage> found, CancellationToken cancellationToken)
    {
        foreach (var (id, hashes) in await _records.RemovedAsync(cancellationToken))
        {
            var lying = hashes.Where(h => found.Any(p => p.Manifest.Name == id && p.ContentHash == h)).ToImmutableArray();
            if (lying.Length < hashes.Length)
                await _records.LieAsync(id, lying, cancellationToken);
            found.RemoveAll(p => p.Manifest.Name == id && lying.Contains(p.ContentHash));
        }
    }

    /// <summary>Decides between what a drop folder holds and what the node remembers.</summary>
    private async Task<PluginPackage> PreferAsync(PluginPackage found, PluginRecord record, ImmutableArray<PackageFault>.Builder faults, CancellationToken cancellationToken)
    {
        if (found.ContentHash == record.ActiveHash)
            return found;
        var fromHere = record.SourcePath == found.SourcePath;
        var newer = !NuGetVersion.TryParse(record.Version, out var active) || NuGetVersion.Parse(found.Manifest.Version) > active;
        // The same folder with new content is what its author wants to run; one that was rolled back from has not changed since.
        if (fromHere ? found.ContentHash != record.SourceHash : newer)
            return found;
        try
        {
            return await FindAsync(record.ActiveHash, record.SourcePath, cancellationToken) ?? found;
        }
        catch (NexusException e)
        {
            faults.Add(new PackageFault(record.Id, record.SourcePath, e));
            return found;
        }
    }

    private async Task AddInstalledAsync(PluginRecord record, ImmutableArray<PluginPackage>.Builder packages, ImmutableArray<PackageFault>.Builder faults, CancellationToken cancellationToken)
    {
        // A plugin of a drop folder whose folder is gone was removed by its owner; only installed ones outlive their source.
        if (IsDropped(record.SourcePath))
            return;
        try
        {
            if (await FindAsync(record.ActiveHash, record.SourcePath, cancellationToken) is { } package)
                packages.Add(package);
            else
                throw new NexusException(ErrorCodes.PluginPackageInvalid, $"The package of {record.Id} {record.Version} ({record.ActiveHash}) is not in {_packages} any more. Install it again.");
        }
        catch (NexusException e)
        {
            faults.Add(new PackageFault(record.Id, record.SourcePath, e));
        }
    }

    private bool IsDropped(string sourcePath) =>
        options.PluginDirectories.Concat(options.CoreDirectories).Any(d => IsBelow(sourcePath, d));

    private static bool IsBelow(string path, string directory) =>
        path.StartsWith(Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)) + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    private async Task<PluginPackage> ImportFolderAsync(string path, CancellationToken cancellationToken)
    {
        var manifest = await ManifestReader.ReadFolderAsync(path, cancellationToken);
        CheckEntry(path, manifest);
        var files = PackageFolder.List(path);
        var hash = (await PackageFolder.HashAsync(path, files, cancellationToken)).Hash();
        var signature = await SignatureAsync(path, path, cancellationToken);
        if (Directory.Exists(Path.Combine(_packages, hash)))
        {
            if (trust is not null)
                await trust.CheckAsync(path, hash, signature, null, new Arrival(true, manifest.Category == PluginCategory.Core), cancellationToken);
            await KeepAsync(signature, Path.Combine(_packages, hash), cancellationToken);
            if (await FindAsync(hash, path, cancellationToken) is { } known)
                return known;
        }

        return await PublishAsync(path, async target =>
        {
            foreach (var file in files)
            {
                await using var source = PackageFolder.Open(Path.Combine(path, file));
                await using var copy = DurableFiles.Create(target, file);
                await source.CopyToAsync(copy, cancellationToken);
                copy.Flush(flushToDisk: true);
            }

            // The author may have built again meanwhile: what counts is what was copied.
            await KeepAsync(signature, target, cancellationToken);
            return new OpenedPackage(await PackageFolder.HashAsync(target, files, cancellationToken), signature, null);
        }, cancellationToken);
    }

    private Task<PluginPackage> ImportArchiveAsync(string path, CancellationToken cancellationToken) => PublishAsync(path, async target =>
    {
        await using var file = PackageFolder.Open(path);
        return await PackageArchive.ExtractAsync(path, file, target, cancellationToken);
    }, cancellationToken);

    /// <summary>Fills a folder under a temporary name, verifies it and renames it to its content hash.</summary>
    private async Task<PluginPackage> PublishAsync(string sourcePath, Func<string, Task<OpenedPackage>> fill, CancellationToken cancellationToken)
    {
        var temporary = Path.Combine(_packages, TemporaryPrefix + Guid.NewGuid().ToString("N"));
        try
        {
            Directory.CreateDirectory(temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw PackageErrors.StoreClosed(_packages, e);
        }

        try
        {
            var opened = await fill(temporary);
            var content = opened.Content;
            var manifest = await ReadManifestAsync(temporary, sourcePath, cancellationToken);
            if (trust is not null)
                await trust.CheckAsync(sourcePath, content.Hash(), opened.Signature, opened.Digest, new Arrival(true, manifest.Category == PluginCategory.Core), cancellationToken);
            var target = Path.Combine(_packages, content.Hash());
            foreach (var folder in Directory.EnumerateDirectories(temporary, "*", SearchOption.AllDirectories).Append(temporary))
                DurableFiles.SyncFolder(folder);
            try
            {
                if (!Directory.Exists(target))
                    Directory.Move(temporary, target);
            }
            catch (IOException) when (Directory.Exists(target))
            {
                // Someone imported the same content first; theirs is as good.
            }

            // The same content may have come without a signature before.
            await KeepAsync(opened.Signature, target, cancellationToken);

            DurableFiles.SyncFolder(_packages);
            return Describe(manifest, content.Hash(), sourcePath);
        }
        finally
        {
            if (Directory.Exists(temporary))
                DeleteFolder(temporary);
        }
    }

    /// <summary>Checks a kept package again: what was trusted may be revoked, and where signatures count, files must be those that were signed.</summary>
    private async Task CheckAsync(string directory, string sourcePath, string contentHash, CancellationToken cancellationToken)
    {
        if (trust is null)
            return;
        if (trust.IsStrict && (await PackageFolder.HashAsync(directory, PackageFolder.List(directory), cancellationToken)).Hash() != contentHash)
            throw PackageErrors.Invalid(sourcePath, directory, "the kept package was altered in the store; delete its folder and install the package again");
        await trust.CheckAsync(sourcePath, contentHash, await SignatureAsync(directory, sourcePath, cancellationToken), null, default, cancellationToken);
    }

    private static async Task<PackageSignature?> SignatureAsync(string folder, string sourcePath, CancellationToken cancellationToken)
    {
        var file = Path.Combine(folder, PackageSignature.FileName);
        return File.Exists(file) ? PackageSignature.Read(await File.ReadAllBytesAsync(file, cancellationToken), sourcePath) : null;
    }

    private static async Task KeepAsync(PackageSignature? signature, string folder, CancellationToken cancellationToken)
    {
        var file = Path.Combine(folder, PackageSignature.FileName);
        if (signature?.Write() is { } bytes && (!File.Exists(file) || !(await File.ReadAllBytesAsync(file, cancellationToken)).AsSpan().SequenceEqual(bytes)))
            await DurableFiles.ReplaceAsync(file, bytes, cancellationToken);
    }

    private static async Task<PluginManifest> ReadManifestAsync(string folder, string sourcePath, CancellationToken cancellationToken)
    {
        var path = Path.Combine(folder, ManifestReader.FileName);
        if (!File.Exists(path))
            throw PackageErrors.Invalid(sourcePath, ManifestReader.FileName, "the package has no manifest");
        var manifest = ManifestReader.Read(await File.ReadAllBytesAsync(path, cancellationToken), $"{sourcePath}!{ManifestReader.FileName}");
        if (!File.Exists(Path.Combine(folder, manifest.Entry)))
            throw MissingEntry(sourcePath, manifest);
        return manifest;
    }

    private static void CheckEntry(string folder, PluginManifest manifest)
    {
        if (!File.Exists(Path.Combine(folder, manifest.Entry)))
            throw MissingEntry(folder, manifest);
    }

    private static NexusException MissingEntry(string source, PluginManifest manifest) =>
        PackageErrors.Invalid(source, manifest.Entry, $"the entry assembly of {manifest.Name} does not lie beside the manifest; build the plugin, or correct 'entry'");

    private PluginPackage Describe(PluginManifest manifest, string hash, string sourcePath) => new(
        manifest,
        Path.Combine(_packages, hash),
        hash,
        options.CoreDirectories.Any(d => IsBelow(sourcePath, d)) ? "core" : sourcePath.EndsWith(PackageArchive.Extension, StringComparison.Ordinal) ? "third-party" : "custom",
        sourcePath);

    /// <summary>Tells whether a source may have changed since it was hashed, without reading it.</summary>
    private static string Fingerprint(string path)
    {
        if (!Directory.Exists(path))
            return Stamp(new FileInfo(path));
        return string.Join('|', PackageFolder.List(path).Select(f => f + Stamp(new FileInfo(Path.Combine(path, f)))));
    }

    private static string Stamp(FileInfo file) => $":{file.Length}:{file.LastWriteTimeUtc.Ticks}";

    private static void DeleteFolder(string path)
    {
        try
        {
            // Renamed first, so that no one ever sees a content-addressed folder with a part of its content.
            var doomed = Path.Combine(Path.GetDirectoryName(path)!, TemporaryPrefix + Guid.NewGuid().ToString("N"));
            Directory.Move(path, doomed);
            Directory.Delete(doomed, recursive: true);
        }
        catch (IOException)
        {
            // Held by a scanner or an editor: Clean takes it at the next start.
        }
    }
}
