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
    // Below those that the system gives to whoever asks for any port, and to connections: between two starts of a host nobody else gets its port.
    private const int FirstPort = 12_000;
    private const int AfterPorts = 32_000;

    private static readonly Lock Ports = new();
    private static int lastPort = Random.Shared.Next(FirstPort, AfterPorts);
    private readonly List<string> log = [];
    private readonly string[] within;
    private string[] settings;
    private Process process;

    private RunningHost(string folder, int port, string[] settings, IReadOnlyDictionary<string, string>? environment, string[] within)
    {
        (Folder, Port, this.settings, this.within) = (folder, port, settings, within);
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

    /// <param name="plugins">Plugin folders.</param>
    /// <param name="settings">What the command line says.</param>
    /// <param name="environment">Further variables.</param>
    /// <param name="within">With what the command begins, such as that of a network namespace; gets the port that the host will have.</param>
    public static async Task<RunningHost> StartAsync(string[] plugins, string[] settings, IReadOnlyDictionary<string, string>? environment = null, Func<int, string[]>? within = null)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-e2e-").FullName;
        Directory.CreateDirectory(Path.Combine(folder, "plugins"));
        foreach (var plugin in plugins) Copy(plugin, Path.Combine(folder, "plugins", Path.GetFileName(plugin)));
        var port = FreePort();
        var host = new RunningHost(folder, port, settings, environment, within?.Invoke(port) ?? []);
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

    /// <summary>Whether a request failed because nobody answers there, or not any more. A peer that is killed while a connection to it is made leaves a bare <see cref="SocketException"/>.</summary>
    public static bool IsAway(Exception error) => error is HttpRequestException or SocketException or IOException or OperationCanceledException;

    public async Task ReadyAsync(int seconds = 180)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < TimeSpan.FromSeconds(seconds))
        {
            Assert.False(process.HasExited, $"the host ended:\n{Log}");
            try
            {
                using var ready = await Client.GetAsync("/health/ready");
                if (ready.IsSuccessStatusCode) return;
            }
            catch (Exception error) when (IsAway(error))
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
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        await process.WaitForExitAsync(limit.Token);
        return process.ExitCode;
    }

    public async Task<JsonNode> GetAsync(string path)
    {
        using var response = await AnsweredAsync($"GET {path}", Client.GetAsync(path));
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"GET {path}: {(int)response.StatusCode} {text}\n{Log}");
        return JsonNode.Parse(text)!;
    }

    public async Task<JsonNode> PostAsync(string path, object? body = null)
    {
        using var response = await AnsweredAsync($"POST {path}", Client.PostAsJsonAsync(path, body ?? new object()));
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, $"POST {path}: {(int)response.StatusCode} {text}\n{Log}");
        return text.Length == 0 ? new JsonObject() : JsonNode.Parse(text)!;
    }

    /// <summary>An answer; what the host said meanwhile when there is none.</summary>
    private async Task<HttpResponseMessage> AnsweredAsync(string request, Task<HttpResponseMessage> answer)
    {
        try
        {
            return await answer;
        }
        catch (TaskCanceledException)
        {
            Assert.Fail($"{request} was not answered within {Client.Timeout.TotalSeconds} s:\n{Log}");
            throw;
        }
    }

    /// <summary>Waits until the host has said something: its lines come a little after its answers.</summary>
    public async Task SaysAsync(string words)
    {
        var clock = Stopwatch.StartNew();
        while (!Log.Contains(words, StringComparison.Ordinal))
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), $"'{words}' was not said:\n{Log}");
            await Task.Delay(20);
        }
    }

    /// <summary>Asks again until a condition holds, at most a minute: events and swaps take their own time.</summary>
    public async Task<JsonNode> UntilAsync(string path, Func<JsonNode, bool> condition)
    {
        var clock = Stopwatch.StartNew();
        JsonNode? last = null;
        while (clock.Elapsed < TimeSpan.FromSeconds(60))
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
        string[] command = [.. within, "dotnet"];
        var start = new ProcessStartInfo(command[0], [.. command[1..], Programs.Host, $"--server:port={Port}", $"--database:directory={Folder}/data", $"--plugins:dataDirectory={Folder}/data", $"--plugins:directories:0={Folder}/plugins", .. settings])
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

    /// <summary>The first of so many ports in a row that nobody listens on, given to nobody else of this program.</summary>
    public static int FreePort(int count = 1)
    {
        lock (Ports)
        {
            var free = 0;
            for (var tries = 0; free < count && tries < AfterPorts - FirstPort; tries++)
            {
                if (++lastPort >= AfterPorts) (lastPort, free) = (FirstPort, 0);
                free = IsFree(lastPort) ? free + 1 : 0;
            }

            return free == count ? lastPort - count + 1 : throw new InvalidOperationException("no port is free");
        }
    }

    private static bool IsFree(int port)
    {
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
}
