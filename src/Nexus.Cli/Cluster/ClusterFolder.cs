using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;

namespace Nexus.Cli.Cluster;

/// <summary>The folder of a cluster: what its processes keep, their logs, the secrets between them, and the ports of the last time.</summary>
internal sealed class ClusterFolder : IDisposable
{
    private readonly Dictionary<string, int> ports;
    private readonly HashSet<int> given = [];
    private FileStream? held;

    private ClusterFolder(string path)
    {
        Path = path;
        ports = File.Exists(PortsFile) ? JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllText(PortsFile)) ?? [] : [];
    }

    public string Path { get; }

    public string Logs => Within("logs");

    private string PortsFile => System.IO.Path.Combine(Path, "ports.json");

    private string PidsFile => System.IO.Path.Combine(Path, "pids.json");

    /// <exception cref="CliException">Another run has the folder.</exception>
    public static ClusterFolder Open(string path)
    {
        Directory.CreateDirectory(path);
        var folder = new ClusterFolder(path);
        try
        {
            folder.held = new FileStream(System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            throw new CliException($"nexus: a cluster runs in {path} already; stop it, or choose another folder with --data.", ExitCodes.Refused);
        }

        return folder;
    }

    /// <summary>A folder in it, made where it is missing; of the user when this program is root.</summary>
    public string Within(string name, string? owner = null)
    {
        var folder = System.IO.Path.Combine(Path, name);
        Directory.CreateDirectory(folder);
        if (owner is not null && Environment.IsPrivilegedProcess)
            Own(folder, owner);
        return folder;
    }

    /// <summary>A secret of the cluster; made at the first start.</summary>
    /// <param name="name">Name of its file.</param>
    /// <param name="make">Makes it from random bytes; hex when null.</param>
    public string Secret(string name, Func<byte[], string>? make = null)
    {
        var file = System.IO.Path.Combine(Within("secrets"), name);
        if (!File.Exists(file))
            WritePrivate(file, (make ?? Convert.ToHexStringLower)(RandomNumberGenerator.GetBytes(32)));
        return File.ReadAllText(file).Trim();
    }

    /// <summary>Path of a secret's file.</summary>
    public string SecretFile(string name, Func<byte[], string>? make = null)
    {
        Secret(name, make);
        return System.IO.Path.Combine(Path, "secrets", name);
    }

    /// <summary>Writes a file that its owner alone reads.</summary>
    public static void WritePrivate(string file, string text, string? owner = null)
    {
        File.WriteAllText(file, "");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(file, text);
        if (owner is not null && Environment.IsPrivilegedProcess)
            Own(file, owner);
    }

    /// <summary>The port for something: the wanted one, that of the last time, or a free one; said when it is not the wanted one.</summary>
    public int Port(string what, int wanted, Action<string> say)
    {
        int[] places = [wanted, .. ports.TryGetValue(what, out var last) ? [last] : Array.Empty<int>()];
        var port = places.FirstOrDefault(p => p > 0 && !given.Contains(p) && IsFree(p));
        while (port == 0 || !given.Add(port))
            port = FreePort();
        if (port != wanted)
            say($"{what}: port {wanted} is taken; {port} is used instead");
        ports[what] = port;
        return port;
    }

    /// <summary>Keeps ports and processes, for the next start.</summary>
    public void Keep(IReadOnlyDictionary<string, int> pids)
    {
        File.WriteAllText(PortsFile, JsonSerializer.Serialize(ports));
        File.WriteAllText(PidsFile, JsonSerializer.Serialize(pids));
    }

    /// <summary>Ends what a run that was killed has left behind.</summary>
    public async Task EndLeftOversAsync(Action<string> say)
    {
        var left = File.Exists(PidsFile) ? JsonSerializer.Deserialize<Dictionary<string, int>>(await File.ReadAllTextAsync(PidsFile)) ?? [] : [];
        foreach (var (name, pid) in left.Reverse())
        {
            // The number may be another program's by now: only one that has this folder in its command line or environment is ours.
            if (!SystemPrograms.Lives(pid) || !IsOurs(pid))
                continue;
            say($"{name}: left over from a run that was killed; it is stopped first");
            SystemPrograms.Signal(pid, name == "postgresql" ? Signals.Interrupt : Signals.Terminate);
            for (var waited = 0; waited < 300 && SystemPrograms.Lives(pid); waited++)
                await Task.Delay(100);
            SystemPrograms.Signal(pid, Signals.Kill);
        }
    }

    public void Dispose()
    {
        File.Delete(PidsFile);
        held?.Dispose();
    }

    private bool IsOurs(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/cmdline").Contains(Path, StringComparison.Ordinal)
                || File.ResolveLinkTarget($"/proc/{pid}/cwd", false)?.FullName.StartsWith(Path, StringComparison.Ordinal) == true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static void Own(string path, string owner)
    {
        using var chown = System.Diagnostics.Process.Start("chown", ["-R", owner, path]);
        chown.WaitForExit();
    }

    private static bool IsFree(int port)
    {
        if (port > IPEndPoint.MaxPort)
            return false;
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
