using System.Reflection;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace Nexus.Data.Sqlite;

/// <summary>Chooses the native SQLite once a process: the system's where there is one (kept patched by the distribution, and newer), else the bundled one.</summary>
internal static class NativeLibrarySelection
{
    private const int OldestVersion = 3_035_000;

    private static readonly Lazy<string> Chosen = new(Select, LazyThreadSafetyMode.ExecutionAndPublication);

    /// <summary>Makes the choice and returns the version, such as <c>3.40.1</c>.</summary>
    public static string EnsureSelected() => Chosen.Value;

    private static string Select()
    {
        try
        {
            NativeLibrary.SetDllImportResolver(typeof(SQLite3Provider_e_sqlite3).Assembly, Resolve);
        }
        catch (InvalidOperationException)
        {
            // The program that embeds this room has a resolver of its own; it knows better.
        }

        raw.SetProvider(new SQLite3Provider_e_sqlite3());
        raw.FreezeProvider();
        if (raw.sqlite3_libversion_number() < OldestVersion)
            throw new NexusException(ErrorCodes.StorageUnavailable, $"SQLite {raw.sqlite3_libversion().utf8_to_string()} is too old; 3.35 or newer is needed. Update the system's libsqlite3.");
        return raw.sqlite3_libversion().utf8_to_string();
    }

    private static IntPtr Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != "e_sqlite3")
            return IntPtr.Zero;
        foreach (var candidate in OperatingSystem.IsLinux() ? new[] { "libsqlite3.so.0" } : OperatingSystem.IsMacOS() ? ["/usr/lib/libsqlite3.dylib"] : [])
        {
            if (NativeLibrary.TryLoad(candidate, out var handle))
                return handle;
        }

        return IntPtr.Zero;
    }
}
