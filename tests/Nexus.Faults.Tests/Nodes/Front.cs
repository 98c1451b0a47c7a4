using System.Diagnostics;
using System.Globalization;
using Nexus.EndToEnd.Tests;
using Nexus.Tests.Shared;

namespace Nexus.Faults.Tests.Nodes;

/// <summary>nginx with the configuration that is shipped, on a free port, in front of three nodes.</summary>
internal sealed class Front : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-front-").FullName;
    private readonly Process process;

    public Front(IReadOnlyList<RunningHost> nodes)
    {
        var port = RunningHost.FreePort();
        var text = File.ReadAllText(Path.Combine(Programs.Root, "deploy", "nginx", "nginx.conf")).Replace("8080", port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        for (var i = 0; i < nodes.Count; i++) text = text.Replace($"127.0.0.1:{8001 + i}", $"127.0.0.1:{nodes[i].Port}", StringComparison.Ordinal);
        var file = Path.Combine(folder, "nginx.conf");
        File.WriteAllText(file, text);
        // One process, so that it ends with its test; of two that may accept on a port, the second would be left behind.
        process = Process.Start(new ProcessStartInfo(ToolProcess.Find("nginx"), ["-c", file, "-g", $"pid {folder}/pid; daemon off; master_process off;"]) { WorkingDirectory = folder, RedirectStandardError = true })!;
        _ = process.StandardError.ReadToEndAsync();
        Address = new Uri($"http://127.0.0.1:{port}");
    }

    public Uri Address { get; }

    public void Dispose()
    {
        process.Kill();
        process.WaitForExit();
        process.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
