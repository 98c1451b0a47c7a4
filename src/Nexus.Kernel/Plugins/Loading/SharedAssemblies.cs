using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;

namespace Nexus.Kernel.Plugins.Loading;

/// <summary>What plugins share with the host: the framework, Nexus.Abstractions, and the data packages whose native part may exist once in a process.</summary>
internal static class SharedAssemblies
{
    private static readonly FrozenSet<string> Framework = FrameworkNames();

    public static bool Contains(string name) =>
        name is "Nexus.Abstractions" or "Microsoft.Data.Sqlite" or "Microsoft.Extensions.AI.Abstractions"
        || name.StartsWith("SQLitePCLRaw.", StringComparison.Ordinal)
        || Framework.Contains(name);

    private static FrozenSet<string> FrameworkNames()
    {
        var folders = new[] { typeof(object), typeof(HttpContext) }.Select(t => Path.GetDirectoryName(t.Assembly.Location)).ToHashSet(StringComparer.Ordinal);
        var platform = ((string?)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);

        // A self-contained host has the framework beside its own packages; there only the name tells them apart.
        var selfContained = folders.Contains(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        return platform
            .Where(p => selfContained ? IsFrameworkName(Path.GetFileNameWithoutExtension(p)) : folders.Contains(Path.GetDirectoryName(p)))
            .Select(p => Path.GetFileNameWithoutExtension(p))
            .ToFrozenSet(StringComparer.OrdinalIgnoreCase);
    }

    private static bool IsFrameworkName(string name) =>
        name is "System" or "mscorlib" or "netstandard" or "WindowsBase"
        || name.StartsWith("System.", StringComparison.Ordinal)
        || name.StartsWith("Microsoft.", StringComparison.Ordinal);
}
