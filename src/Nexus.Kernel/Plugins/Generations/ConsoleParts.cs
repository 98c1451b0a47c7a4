using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace Nexus.Kernel.Plugins.Generations;

/// <summary>What a plugin brings to the console: its declared pages and widgets, the page of its manifest's module, and the files of its folder <c>ui</c>.</summary>
internal static class ConsoleParts
{
    private const string Folder = "ui";
    private const int MaxFiles = 500;
    private const int MaxFileBytes = 5 * 1024 * 1024;
    private const int MaxBytes = 20 * 1024 * 1024;

    /// <summary>Adds them to what is published of the plugin.</summary>
    /// <exception cref="NexusException"><c>PLUGIN_LOAD_FAILED</c> for two pages of one name, a file that is named and not there, or files beyond the limits.</exception>
    public static ActivePlugin Add(ActivePlugin plugin, PluginPackage package, ChildContainer container)
    {
        var files = Read(package);
        ImmutableArray<PageDescriptor> pages = [.. container.Contributions<PageContribution>().Select(c => c.Descriptor), .. OfManifest(plugin.Manifest)];
        ImmutableArray<WidgetDescriptor> widgets = [.. container.Contributions<WidgetContribution>().Select(c => c.Descriptor)];
        Once(plugin.Manifest.Name, "page", pages.Select(p => p.Name));
        Once(plugin.Manifest.Name, "widget", widgets.Select(w => w.Name));
        foreach (var named in pages.Select(p => p.Content).Concat(widgets.Select(w => w.Content)).SelectMany(FilesIn))
        {
            if (!files.Files.ContainsKey(named))
                throw new NexusException(ErrorCodes.PluginLoadFailed, $"{plugin.Manifest.Name}: {Folder}/{named}, which the console is to show, is not in the package. Add the file to the project with CopyToOutputDirectory, or correct its name.");
        }

        return plugin with { Pages = [.. pages.OrderBy(p => p.Position)], Widgets = widgets, Files = files };
    }

    private static void Once(string plugin, string what, IEnumerable<string> names)
    {
        if (names.GroupBy(n => n, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new NexusException(ErrorCodes.PluginLoadFailed, $"{plugin} declares the {what} {twice.Key} {twice.Count()} times; each needs a name of its own.");
    }

    /// <summary>The manifest's module is a page of that module alone.</summary>
    private static IEnumerable<PageDescriptor> OfManifest(PluginManifest manifest)
    {
        if (manifest.Ui is not { Module: { } module } ui)
            yield break;
        var file = module.StartsWith(Folder + "/", StringComparison.Ordinal) ? module[(Folder.Length + 1)..]
            : throw new NexusException(ErrorCodes.PluginLoadFailed, $"{manifest.Name}: ui.module is {module}; it lies in the plugin's folder {Folder}, as {Folder}/{Path.GetFileName(module)}.");
        var content = System.Text.Json.JsonSerializer.SerializeToElement(new Component("module") { ["file"] = file }.ToJson());
        yield return new PageDescriptor { Name = "main", Title = ui.Title ?? manifest.DisplayName ?? manifest.Name, Icon = ui.Icon, Position = ui.Position ?? 0, Content = content };
    }

    private static IEnumerable<string> FilesIn(System.Text.Json.JsonElement component)
    {
        if (component.TryGetProperty("file", out var file))
            yield return file.GetString()!;
        if (!component.TryGetProperty("parts", out var parts))
            yield break;
        foreach (var inner in parts.EnumerateArray().SelectMany(FilesIn))
            yield return inner;
    }

    private static PluginFiles Read(PluginPackage package)
    {
        var root = Path.Combine(package.Directory, Folder);
        if (package.Directory.Length == 0 || !Directory.Exists(root))
            return PluginFiles.Empty;
        var paths = Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Take(MaxFiles + 1).Order(StringComparer.Ordinal).ToArray();
        if (paths.Length > MaxFiles)
            throw new NexusException(ErrorCodes.PluginLoadFailed, $"{package.Manifest.Name}: the folder {Folder} has more than {MaxFiles} files.");
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var files = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        long total = 0;
        foreach (var path in paths)
        {
            var length = new FileInfo(path).Length;
            if (length > MaxFileBytes || (total += length) > MaxBytes)
                throw new NexusException(ErrorCodes.PluginLoadFailed, $"{package.Manifest.Name}: {Path.GetRelativePath(package.Directory, path)} makes the folder {Folder} too large; a file has at most {MaxFileBytes >> 20} MiB, all of them {MaxBytes >> 20} MiB.");
            var name = Path.GetRelativePath(root, path).Replace('\\', '/');
            var bytes = File.ReadAllBytes(path);
            digest.AppendData(Encoding.UTF8.GetBytes($"{name}\n{bytes.Length}\n"));
            digest.AppendData(bytes);
            files[name] = bytes;
        }

        return new PluginFiles(Convert.ToHexStringLower(digest.GetHashAndReset().AsSpan(0, 8)), files.ToFrozenDictionary(StringComparer.Ordinal));
    }
}
