using System.Globalization;
using System.Runtime.InteropServices;

namespace Nexus.Engines.Pictures;

/// <summary>What the process of a picture may use. A bomb or a crash takes that process and nothing of the node.</summary>
internal static class Confinement
{
    /// <summary>Greatest number of pixels, found in the picture's header before one is decoded.</summary>
    public const long MaxPixels = 40_000_000;

    // Forty megapixels of four bytes, once as decoded and once in the format's own form, and the runtime.
    private const ulong MaxData = 768 * 1024 * 1024;
    private const ulong MaxSeconds = 20;
    private const ulong MaxFiles = 256;
    private const int MaxHeap = 32 * 1024 * 1024;

    private const int NoNewPrivileges = 38;

    /// <summary>Variables of the process: none of the node's, whose secrets may be among them.</summary>
    public static IReadOnlyDictionary<string, string> Variables { get; } = new Dictionary<string, string>
    {
        ["DOTNET_GCHeapHardLimit"] = MaxHeap.ToString("x", CultureInfo.InvariantCulture),
        ["DOTNET_gcServer"] = "0",
        ["DOTNET_gcConcurrent"] = "0",
        ["DOTNET_EnableDiagnostics"] = "0",
        ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1",
        // All in memory, which is bounded, and nothing in temporary files.
        ["VIPS_DISC_THRESHOLD"] = "2g",
        ["VIPS_BLOCK_UNTRUSTED"] = "1",
        // Warnings are off: on the standard error is the reason alone.
        ["VIPS_WARNING"] = "1",
    };

    /// <summary>Limits this process from now on, where the system can.</summary>
    public static void Enter()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        Limit(Resource.Seconds, MaxSeconds);
        Limit(Resource.Data, MaxData);
        Limit(Resource.Files, MaxFiles);
        // No file is written, and no memory of a crash either.
        Limit(Resource.FileBytes, 0);
        Limit(Resource.Core, 0);
        _ = Control(NoNewPrivileges, 1, 0, 0, 0);
    }

    private static void Limit(Resource resource, ulong most)
    {
        var limit = new Bounds(most, most);
        _ = SetLimit(resource, ref limit);
    }

    [DllImport("libc", EntryPoint = "setrlimit")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetLimit(Resource resource, ref Bounds limit);

    [DllImport("libc", EntryPoint = "prctl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Control(int option, nuint first, nuint second, nuint third, nuint fourth);

    /// <summary>Numbers of Linux.</summary>
    private enum Resource
    {
        Seconds = 0,
        FileBytes = 1,
        Data = 2,
        Core = 4,
        Files = 7,
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Bounds(ulong soft, ulong hard)
    {
        public readonly ulong Soft = soft;
        public readonly ulong Hard = hard;
    }
}
