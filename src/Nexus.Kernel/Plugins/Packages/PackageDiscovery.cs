using System.Collections.Immutable;

namespace Nexus.Kernel.Plugins;

/// <summary>Finds what looks like a plugin below the configured folders; opens nothing.</summary>
internal static class PackageDiscovery
{
    // plugins/<category>/<suite>/<name>/manifest.json is the deepest layout in use.
    private const int MaxDepth = 4;

    private static readonly string[] NeverPlugins = ["bin", "obj", "node_modules"];

    /// <summary>Folders with a manifest and <c>.nxp</c> files, sorted by path. A folder with a manifest is not searched further. A configured folder that does not exist is empty.</summary>
    public static ImmutableArray<string> Find(IEnumerable<string> directories, CancellationToken cancellationToken)
    {
        var found = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var directory in directories)
            Search(Path.GetFullPath(directory), 0, found, cancellationToken);
        return [.. found];
    }

    private static void Search(string directory, int depth, SortedSet<string> found, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!Directory.Exists(directory))
            return;
        if (File.Exists(Path.Combine(directory, ManifestReader.FileName)))
        {
            found.Add(directory);
            return;
        }

        try
        {
            found.UnionWith(Directory.EnumerateFiles(directory, "*" + PackageArchive.Extension));
            if (depth == MaxDepth)
                return;
            foreach (var child in Directory.EnumerateDirectories(directory))
            {
                var name = Path.GetFileName(child);
                if (!name.StartsWith('.') && !NeverPlugins.Contains(name))
                    Search(child, depth + 1, found, cancellationToken);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Removed or closed to us while we looked: there is no plugin to find in it now, and the next scan looks again.
        }
    }
}
