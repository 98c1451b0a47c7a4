using System.Runtime.InteropServices;

namespace Nexus.Kernel.Plugins;

/// <summary>What plugins may need of the machine.</summary>
/// <param name="Nexus">SemVer version of this host.</param>
/// <param name="Runtime">Version of .NET.</param>
/// <param name="Has">Whether the machine or a package's folder has a native library or a program.</param>
internal sealed record Machine(string Nexus, string Runtime, Func<string, string, bool> Has)
{
    /// <summary>The one that this process runs on.</summary>
    public static Machine Here { get; } = new(typeof(IPlugin).Assembly.GetName().Version!.ToString(3), Environment.Version.ToString(3), HasHere);

    /// <summary>Whether a name is that of a library, not of a program.</summary>
    public static bool IsLibrary(string name) =>
        name.EndsWith(".dll", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".dylib", StringComparison.Ordinal) || name.EndsWith(".so", StringComparison.Ordinal) || name.Contains(".so.", StringComparison.Ordinal);

    private static bool HasHere(string directory, string name)
    {
        if (!IsLibrary(name))
            return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Any(folder => File.Exists(Path.Combine(folder, name)) || File.Exists(Path.Combine(folder, name + ".exe")));
        if (Directory.Exists(directory) && Directory.EnumerateFiles(directory, name, SearchOption.AllDirectories).Any())
            return true;
        if (!NativeLibrary.TryLoad(name, out var handle))
            return false;
        NativeLibrary.Free(handle);
        return true;
    }
}
