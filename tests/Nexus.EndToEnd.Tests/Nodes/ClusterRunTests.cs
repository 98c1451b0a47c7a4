using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Nexus.EndToEnd.Tests.Nodes;

/// <summary>One command starts the whole cluster of this machine and stops it.</summary>
public sealed partial class ClusterRunTests
{
    private static readonly string[] Needed = ["postgres", "redis-server", "nginx", "prometheus", "setsid"];

    [Fact]
    public async Task One_command_brings_up_nodes_engines_nginx_and_prometheus_which_share_sign_ins_and_one_signal_ends_all()
    {
        var missing = Needed.Where(p => Find(p) is null).ToList();
        Assert.SkipWhen(missing.Count > 0, $"not installed: {string.Join(", ", missing)}");
        using var cluster = new RunningCluster();
        await cluster.UpAsync();
        var (one, three) = (cluster.Client("node-1"), cluster.Client("node-3"));
        using var front = new HttpClient { BaseAddress = new Uri(FrontPattern().Match(cluster.Output).Groups[1].Value) };
        var first = await Cluster.LoginAsync(one, PasswordPattern().Match(cluster.Output).Groups[1].Value);
        var (changed, said) = await Cluster.SendAsync(one, first, HttpMethod.Post, "/api/v1/auth/password/change", new { current_password = PasswordPattern().Match(cluster.Output).Groups[1].Value, new_password = Cluster.Password });
        Assert.True(changed < 300, $"{changed} {said}");

        var token = await Cluster.LoginAsync(one, Cluster.Password);
        await Cluster.UntilAsync(three, token, "/api/v1/users", (status, _) => status == 200);
        var seen = new HashSet<string>();
        for (var i = 0; i < 200 && seen.Count < 3; i++)
        {
            var (status, self) = await Cluster.SendAsync(front, token, HttpMethod.Get, "/api/v1/nodes/self");
            Assert.Equal(200, status);
            seen.Add((string)self["id"]!);
        }

        await Cluster.SendAsync(three, token, HttpMethod.Post, "/api/v1/auth/logout");
        await Cluster.UntilAsync(front, token, "/api/v1/users", (status, _) => status == 401);
        Assert.Equal(3, seen.Count);
        await UntilScrapedAsync(cluster);

        var (_, node) = cluster.Processes.Single(p => p.Name == "node-2");
        Process.GetProcessById(node).Kill();
        await cluster.SaysAsync("node-2 ENDED with exit code 137");
        Assert.Equal(200, (await Cluster.SendAsync(front, null, HttpMethod.Get, "/health/ready")).Status);
        Assert.DoesNotContain("starts on", cluster.Output[cluster.Output.IndexOf("node-2 ENDED", StringComparison.Ordinal)..], StringComparison.Ordinal);

        Assert.Equal(0, await cluster.StopAsync());
        Assert.Empty(cluster.Left());

        await cluster.UpAsync();
        Assert.Equal(200, (await Cluster.SendAsync(cluster.Client("node-2"), await Cluster.LoginAsync(cluster.Client("node-2"), Cluster.Password), HttpMethod.Get, "/api/v1/users")).Status);
        Assert.Equal(0, await cluster.StopAsync());
        Assert.Empty(cluster.Left());
    }

    /// <summary>The shipped Prometheus has an answer of each node, and every rule is evaluated.</summary>
    private static async Task UntilScrapedAsync(RunningCluster cluster)
    {
        using var prometheus = cluster.Client("prometheus");
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var up = JsonNode.Parse(await prometheus.GetStringAsync("/api/v1/query?query=sum(up%7Bjob%3D%22nexus%22%7D)"))!["data"]!["result"]!.AsArray();
            if (up is [{ } sum] && (string)sum["value"]![1]! == "3")
                break;
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(120), $"Prometheus collects from {up.ToJsonString()}");
            await Task.Delay(200);
        }

        var rules = JsonNode.Parse(await prometheus.GetStringAsync("/api/v1/rules"))!["data"]!["groups"]!.AsArray().SelectMany(g => g!["rules"]!.AsArray()).ToList();
        Assert.Contains(rules, r => (string)r!["name"]! == "HighErrorRate");
        Assert.DoesNotContain(rules, r => (string)r!["health"]! == "err");
    }

    private static string? Find(string program) => Balancer.Find(program) ?? (Directory.Exists("/usr/lib/postgresql") ? Directory.EnumerateFiles("/usr/lib/postgresql", program, SearchOption.AllDirectories).FirstOrDefault() : null);

    [GeneratedRegex("serves (http://[^ ]+) after")]
    private static partial Regex FrontPattern();

    [GeneratedRegex("one-time password +([^ \n]+)")]
    private static partial Regex PasswordPattern();

    /// <summary>The command as an operator runs it, with a few plugins, on free ports.</summary>
    private sealed partial class RunningCluster : IDisposable
    {
        private readonly string folder = Directory.CreateTempSubdirectory("nexus-cluster-run-").FullName;
        private readonly int port = RunningHost.FreePort();
        // The nodes, and the engines from twenty on.
        private readonly int first = RunningHost.FreePort(30);
        private readonly List<string> lines = [];
        private Process? process;

        public RunningCluster()
        {
            // PostgreSQL has a user of its own, which must get there.
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(folder, (UnixFileMode)0b111_101_101);
            foreach (var plugin in new[] { "engines.postgresql", "engines.redis", "engines.rabbitmq", "core.identity" })
                RunningHost.Copy(Path.Combine(Programs.Plugins, plugin), Path.Combine(folder, "plugins", plugin));
        }

        public string Output
        {
            get { lock (lines) return string.Join('\n', lines); }
        }

        /// <summary>Every process with its number, as the command told them.</summary>
        public IEnumerable<(string Name, int Pid)> Processes => ProcessPattern().Matches(Output).Select(m => (m.Groups[1].Value, int.Parse(m.Groups[3].Value, CultureInfo.InvariantCulture)));

        public HttpClient Client(string name) => new() { BaseAddress = new Uri(ProcessPattern().Matches(Output).Single(m => m.Groups[1].Value == name).Groups[2].Value), Timeout = TimeSpan.FromSeconds(60) };

        public async Task UpAsync()
        {
            lock (lines)
                lines.Clear();
            var start = new ProcessStartInfo("dotnet", [Programs.Cli, "cluster", "run", "--port", $"{port}", "--first-port", $"{first}", "--data", Path.Combine(folder, "data"), "--plugins-folder", Path.Combine(folder, "plugins")]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
            start.Environment["NEXUS_HOST_ROOT"] = Programs.Root;
            process = Process.Start(start)!;
            process.OutputDataReceived += (_, line) => Add(line.Data);
            process.ErrorDataReceived += (_, line) => Add(line.Data);
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            await SaysAsync("Ctrl-C stops all of it.", 300);
        }

        public async Task SaysAsync(string words, int seconds = 60)
        {
            var clock = Stopwatch.StartNew();
            while (!Output.Contains(words, StringComparison.Ordinal))
            {
                Assert.True(clock.Elapsed < TimeSpan.FromSeconds(seconds) && !process!.HasExited, $"'{words}' was not said:\n{Output}");
                await Task.Delay(50);
            }
        }

        public async Task<int> StopAsync()
        {
            using (var kill = Process.Start("kill", ["-TERM", process!.Id.ToString(CultureInfo.InvariantCulture)])) await kill.WaitForExitAsync();
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(120));
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode;
        }

        /// <summary>Processes of the machine that have this cluster's folder in their command line.</summary>
        public List<string> Left()
        {
            var left = new List<string>();
            foreach (var entry in Directory.EnumerateDirectories("/proc").Where(d => int.TryParse(Path.GetFileName(d), out _)))
            {
                try
                {
                    var line = File.ReadAllText(Path.Combine(entry, "cmdline")).Replace('\0', ' ');
                    if (line.Contains(folder, StringComparison.Ordinal)) left.Add($"{Path.GetFileName(entry)} {line}");
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    // It ended while it was looked at.
                }
            }

            return left;
        }

        public void Dispose()
        {
            if (process is { HasExited: false })
            {
                // A test that failed leaves nothing running: each process leads a group of its own.
                Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)])!.WaitForExit();
                process.WaitForExit(90_000);
            }

            process?.Dispose();
            Directory.Delete(folder, recursive: true);
        }

        private void Add(string? line)
        {
            if (line is null) return;
            lock (lines) lines.Add(line);
        }

        [GeneratedRegex("^nexus:   ([a-z0-9-]+) +([^ ]+) +process ([0-9]+),", RegexOptions.Multiline)]
        private static partial Regex ProcessPattern();
    }
}
