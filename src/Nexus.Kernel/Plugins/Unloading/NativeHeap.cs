using System.Runtime.InteropServices;

namespace Nexus.Kernel.Plugins.Unloading;

/// <summary>The C library's heap, in which the runtime keeps what the compiler and the loader of a context needed.</summary>
internal static partial class NativeHeap
{
    private static readonly bool CanTrim = OperatingSystem.IsLinux() && NativeLibrary.TryLoad("libc.so.6", out var libc) && NativeLibrary.TryGetExport(libc, "malloc_trim", out _);

    /// <summary>Returns the free pages of all its arenas to the system (glibc; elsewhere nothing is done). By itself it returns only what lies at the top of one.</summary>
    public static void Trim()
    {
        if (CanTrim)
        {
            _ = MallocTrim(0);
        }
    }

    [LibraryImport("libc.so.6", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint pad);
}
