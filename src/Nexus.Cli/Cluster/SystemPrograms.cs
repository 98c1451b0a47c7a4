using System.Runtime.InteropServices;

namespace Nexus.Cli.Cluster;

/// <summary>Programs of Debian that a cluster is made of, and users that they run as.</summary>
internal static class SystemPrograms
{
    private static readonly (string Program, string Package)[] Needed =
    [
        ("postgres", "postgresql"), ("initdb", "postgresql"), ("redis-server", "redis-server"), ("nginx", "nginx-light"), ("prometheus", "prometheus"), ("setsid", "util-linux"),
    ];

    /// <summary>Path of a program, or null. PostgreSQL's of Debian are on no path.</summary>
    public static string? Find(string program)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Concat(["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/lib/rabbitmq/bin"]);
        if (Directory.Exists("/usr/lib/postgresql"))
            folders = Directory.EnumerateDirectories("/usr/lib/postgresql").OrderDescending(StringComparer.Ordinal).Select(version => Path.Combine(version, "bin")).Concat(folders);
        return folders.Where(f => f.Length > 0).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
    }

    /// <summary>Packages that are missing, each once.</summary>
    public static IReadOnlyList<string> Missing() => [.. Needed.Where(n => Find(n.Program) is null).Select(n => n.Package).Distinct()];

    /// <summary>What stands before a program so that it leads a session of its own, which a Ctrl-C of the terminal does not reach, and runs as a user when this program is root. Both give way to the program itself, so its number is theirs.</summary>
    public static IReadOnlyList<string> Before(string? user) => user is not null && Environment.IsPrivilegedProcess
        ? [Find("setsid")!, Find("setpriv") ?? "setpriv", $"--reuid={user}", $"--regid={user}", "--init-groups"]
        : [Find("setsid")!];

    /// <summary>Whether the machine knows a user.</summary>
    public static bool HasUser(string user) => File.Exists("/etc/passwd") && File.ReadLines("/etc/passwd").Any(line => line.StartsWith(user + ":", StringComparison.Ordinal));

    /// <summary>Sends a signal to a process and all of its session's group; false when there is none.</summary>
    public static bool Signal(int group, int signal) => Kill(-group, signal) == 0;

    /// <summary>Whether a process of the group is there.</summary>
    public static bool Lives(int group) => Kill(-group, 0) == 0;

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int pid, int signal);
}

/// <summary>Signals by which processes are told to end.</summary>
internal static class Signals
{
    /// <summary>End at once, but in order: of PostgreSQL, without waiting for its clients.</summary>
    public const int Interrupt = 2;

    /// <summary>Cannot be ignored.</summary>
    public const int Kill = 9;

    /// <summary>End in order.</summary>
    public const int Terminate = 15;
}
