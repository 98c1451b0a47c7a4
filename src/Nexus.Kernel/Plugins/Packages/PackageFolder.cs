using System.Security.Cryptography;

namespace Nexus.Kernel.Plugins;

/// <summary>Reads a plugin's files from a folder that its author builds into.</summary>
internal static class PackageFolder
{
    /// <summary>Relative paths of all files that belong to the plugin, sorted. Dot files, an earlier <c>files.json</c> and a signature do not.</summary>
    /// <exception cref="NexusException"><c>PLUGIN_PACKAGE_INVALID</c>: a symbolic link, too many files, or a path that a package cannot hold.</exception>
    public static IReadOnlyList<string> List(string folder)
    {
        var paths = new List<string>();
        Collect(new DirectoryInfo(folder), "", folder, paths);
        PackageContent.CheckPaths(paths, folder);
        paths.Sort(StringComparer.Ordinal);
        return paths;
    }

    /// <summary>Hashes the files where they are.</summary>
    public static async Task<PackageContent> HashAsync(string folder, IEnumerable<string> paths, CancellationToken cancellationToken)
    {
        var files = new List<PackageFile>();
        long total = 0;
        foreach (var path in paths)
        {
            await using var file = Open(Path.Combine(folder, path));
            files.Add(new PackageFile(path, file.Length, Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken))));
            total += file.Length;
            if (total > PackageContent.MaxBytes)
                throw PackageErrors.Invalid(folder, path, $"the files exceed {PackageContent.MaxBytes / 1024 / 1024} MiB together; leave out what the plugin does not need");
        }

        return new PackageContent(files);
    }

    /// <summary>Opens a file for one sequential read; writers are not disturbed, what they change meanwhile shows in the hash.</summary>
    public static FileStream Open(string path) =>
        new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 65536, FileOptions.Asynchronous | FileOptions.SequentialScan);

    private static void Collect(DirectoryInfo directory, string prefix, string folder, List<string> paths)
    {
        foreach (var entry in directory.EnumerateFileSystemInfos())
        {
            if (entry.Name.StartsWith('.') || (prefix.Length == 0 && entry.Name is (PackageContent.FileName or Trust.PackageSignature.FileName)))
                continue;
            var path = prefix + entry.Name;
            if (entry.LinkTarget is not null)
                throw PackageErrors.Invalid(folder, path, "it is a symbolic link, which could lead out of the plugin's folder; put the file itself there");
            if (path.IndexOfAny(['\\', ':']) >= 0 || path.Length > 240 || path.Any(char.IsControl))
                throw PackageErrors.Invalid(folder, path, "a package cannot hold this path (longer than 240 characters, or with a backslash, colon or control character); rename the file");
            if (entry is DirectoryInfo child)
                Collect(child, path + "/", folder, paths);
            else
                paths.Add(path);
            if (paths.Count > PackageContent.MaxFiles)
                throw PackageErrors.Invalid(folder, path, $"the folder has more than {PackageContent.MaxFiles} files; leave out what the plugin does not need");
        }
    }
}
