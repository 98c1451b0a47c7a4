using System.Diagnostics;
using System.Globalization;

namespace Nexus.EndToEnd.Tests.Nodes;

/// <summary>nginx or HAProxy with the configuration that is shipped, on a free port, in front of the nodes of a test.</summary>
internal sealed class Balancer : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-balancer-").FullName;
    private readonly Process process;

    private Balancer(string program, IReadOnlyList<RunningHost> nodes)
    {
        var port = RunningHost.FreePort();
        var source = program == "nginx" ? Path.Combine("nginx", "nginx.conf") : Path.Combine("haproxy", "haproxy.cfg");
        var text = File.ReadAllText(Path.Combine(Programs.Root, "deploy", source)).Replace("8080", port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        for (var i = 0; i < nodes.Count; i++) text = text.Replace($"127.0.0.1:{8001 + i}", $"127.0.0.1:{nodes[i].Port}", StringComparison.Ordinal);
        var file = Path.Combine(folder, "balancer.conf");
        File.WriteAllText(file, text);
        // One process, so that it ends with its test.
        string[] arguments = program == "nginx" ? ["-c", file, "-g", $"pid {folder}/pid; daemon off; master_process off;"] : ["-f", file, "-db"];
        process = Process.Start(new ProcessStartInfo(Find(program)!, arguments) { WorkingDirectory = folder })!;
        Client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromSeconds(60) };
    }

    public HttpClient Client { get; }

    public static async Task<Balancer> StartAsync(string program, IReadOnlyList<RunningHost> nodes)
    {
        var balancer = new Balancer(program, nodes);
        var clock = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                using var ready = await balancer.Client.GetAsync("/health/ready");
                if (ready.IsSuccessStatusCode) return balancer;
            }
            catch (Exception error) when (RunningHost.IsAway(error))
            {
                // Not listening yet; the loop is bounded.
            }

            Assert.True(!balancer.process.HasExited && clock.Elapsed < TimeSpan.FromSeconds(60), $"{program} does not pass requests on");
            await Task.Delay(25);
        }
    }

    /// <summary>Where a program is, or null.</summary>
    public static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin").Split(':').Select(p => Path.Combine(p, program)).FirstOrDefault(File.Exists);

    public void Dispose()
    {
        Client.Dispose();
        process.Kill(entireProcessTree: true);
        process.WaitForExit();
        process.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
