using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests;

/// <summary>A host in its own process, on a free port, with its data in a temporary folder.</summary>
internal sealed class RunningHost : IAsyncDisposable
{
    private readonly List<string> log = [];
    private string[] settings;
    private Process process;

    private RunningHost(string folder, int port, string[] settings, IReadOnlyDictionary<string, string>? environment)
    {
        (Folder, Port, this.settings) = (folder, port, settings);
        Environment = new(environment ?? new Dictionary<string, string>());
        Address = new Uri($"http://127.0.0.1:{port}");
        Client = new HttpClient { BaseAddress = Address, Timeout = TimeSpan.FromSeconds(60) };
        process = Spawn();
    }

    public string Folder { get; }

    public int Port { get; }

    public Uri Address { get; }

    public HttpClient Client { get; }

    public string Log
    {
        get { lock (log) return string.Join('\n', log); }
    }

    public int Pid => process.Id;

    public bool HasEnded => process.HasExited;

    /// <summary>Further variables of the process from its next start on.</summary>
    public Dictionary<string, string> Environment { get; }

    /// <summary>Starts a host with copies of the named plugin folders, so that tests can change them.</summary>
    public static Task<RunningHost> StartAsync(params string[] plugins) => StartAsync(plugins, []);

    public static async Task<RunningHost> StartAsync(string[] plugins, string[] settings, IReadOnlyDictionary<string, string>? environment = null)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-e2e-").FullName;
        Directory.CreateDirectory(Path.Combine(folder, "plugins"));
        foreach (var plugin in plugins) Copy(plugin, Path.Combine(folder, "plugins", Path.GetFileName(plugin)));
        var host = new RunningHost(folder, FreePort(), settings, environment);
        try
        {
            await host.ReadyAsync();
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    public static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target, overwrite: true);
        }
    }

    public async Task ReadyAsync(int seconds = 60)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < TimeSpan.FromSeconds(seconds))
        {
            Assert.False(process.HasExited, $"the host ended:\n{Log}");
            try
            {
                if ((await Client.GetAsync("/health/ready")).IsSuccessStatusCode) return;
            }
            catch (HttpRequestException)
            {
                // Not listening yet; the loop is bounded.
            }

            await Task.Delay(25);
        }

        Assert.Fail($"the host was not ready within {seconds} s:\n{Log}");
    }

    /// <summary><c>kill -9</c>.</summary>
    public async Task KillAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
    }

    /// <summary><c>kill -9</c>, then the same host again on the same data.</summary>
    public async Task KillAndRestartAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        process = Spawn();
        await ReadyAsync();
    }

    /// <summary>Stops it, then starts one on the same data with other settings.</summary>
    public async Task RestartAsync(params string[] other)
    {
        Assert.Equal(0, await StopAsync());
        process.Dispose();
        settings = other;
        process = Spawn();
        await ReadyAsync();
    }

    /// <summary>SIGTERM; returns the exit code.</summary>
    public async Task<int> StopAsync()
    {
        using (var kill = Process.Start("kill", ["-TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)])) await kill.WaitForExitAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await process.WaitForExitAsync(limit.Token);
        return process.ExitCode;
    }

    public async Task<JsonNode> GetAsync(string path)
    {
        using var response = await Client.GetAsync(path);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"GET {path}: {(int)response.StatusCode} {text}\n{Log}");
        return JsonNode.Parse(text)!;
    }

    public async Task<JsonNode> PostAsync(string path, object? body = null)
    {
        using var response = await Client.PostAsJsonAsync(path, body ?? new object());
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"POST {path}: {(int)response.StatusCode} {text}\n{Log}");
        return text.Length == 0 ? new JsonObject() : JsonNode.Parse(text)!;
    }

    /// <summary>Asks again until a condition holds, at most 15 s: events and swaps take their own time.</summary>
    public async Task<JsonNode> UntilAsync(string path, Func<JsonNode, bool> condition)
    {
        var clock = Stopwatch.StartNew();
        JsonNode? last = null;
        while (clock.Elapsed < TimeSpan.FromSeconds(15))
        {
            using var response = await Client.GetAsync(path);
            if (response.IsSuccessStatusCode && condition(last = JsonNode.Parse(await response.Content.ReadAsStringAsync())!)) return last;
            await Task.Delay(50);
        }

        Assert.Fail($"{path} did not come to what was expected; last: {last?.ToJsonString(new JsonSerializerOptions { WriteIndented = true })}\n{Log}");
        return last!;
    }

    /// <summary>The rows of a list answer.</summary>
    public static IReadOnlyList<JsonNode> Rows(JsonNode answer) =>
        answer is JsonArray array ? [.. array.OfType<JsonNode>()] : [.. answer.AsObject().Select(p => p.Value).OfType<JsonArray>().First().OfType<JsonNode>()];

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited) process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        Client.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private Process Spawn()
    {
        var start = new ProcessStartInfo("dotnet", [Programs.Host, $"--server:port={Port}", $"--database:directory={Folder}/data", $"--plugins:dataDirectory={Folder}/data", $"--plugins:directories:0={Folder}/plugins", .. settings])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Folder,
        };
        start.Environment["DOTNET_ENVIRONMENT"] = "Development";
        foreach (var (name, value) in Environment) start.Environment[name] = value;
        var spawned = new Process { StartInfo = start };
        spawned.OutputDataReceived += (_, line) => Keep(line.Data);
        spawned.ErrorDataReceived += (_, line) => Keep(line.Data);
        spawned.Start();
        spawned.BeginOutputReadLine();
        spawned.BeginErrorReadLine();
        return spawned;
    }

    private void Keep(string? line)
    {
        if (line is null) return;
        lock (log)
        {
            log.Add(line);
            if (log.Count > 400) log.RemoveAt(0);
        }
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
