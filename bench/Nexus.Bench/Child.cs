using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Nexus.Bench;

/// <summary>A server in a process of its own, on a free port, stopped and cleaned up at the end.</summary>
internal sealed class Child : IAsyncDisposable
{
    private readonly Process process;
    private readonly List<string> log = [];

    private Child(Process process, int port, string folder) => (this.process, Port, Folder) = (process, port, folder);

    public int Port { get; }

    public string Folder { get; }

    /// <summary>Its number at the system.</summary>
    public int Pid => process.Id;

    /// <summary>User and system time so far.</summary>
    public TimeSpan Cpu
    {
        get
        {
            process.Refresh();
            return process.TotalProcessorTime;
        }
    }

    /// <summary>Resident memory now, bytes.</summary>
    public long Memory
    {
        get
        {
            process.Refresh();
            return process.WorkingSet64;
        }
    }

    /// <summary>The Nexus host with plugins from a folder.</summary>
    public static Task<Child> HostAsync(string plugins, params string[] settings) => HostAsync([typeof(NexusHost).Assembly.Location], "/health/ready", plugins, settings);

    /// <summary>The same host whose gateway is routing, lease and scope alone.</summary>
    public static Task<Child> DispatchAsync(string plugins, params string[] settings) => HostAsync([typeof(Child).Assembly.Location, "serve-dispatch"], "/ready", plugins, settings);

    /// <summary>The same host whose gateway has every stage but those of security.</summary>
    public static Task<Child> UnsecuredAsync(string plugins, params string[] settings) => HostAsync([typeof(Child).Assembly.Location, "serve-unsecured"], "/health/ready", plugins, settings);

    private static Task<Child> HostAsync(string[] program, string ready, string plugins, string[] settings)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-bench-").FullName;
        return StartAsync(folder, port => [.. program, $"--server:port={port}", $"--database:directory={folder}/data", $"--plugins:dataDirectory={folder}/data", $"--plugins:directories:0={plugins}", "--logging:level=warning", .. settings], ready);
    }

    /// <summary>This program in one of its serving modes.</summary>
    public static Task<Child> SelfAsync(string mode, params string[] arguments)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-bench-").FullName;
        return StartAsync(folder, port => [typeof(Child).Assembly.Location, mode, port.ToString(CultureInfo.InvariantCulture), folder, .. arguments], "/ready");
    }

    /// <summary>Ends it at once, as a crash does.</summary>
    public void Kill() => process.Kill();

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited) process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private static async Task<Child> StartAsync(string folder, Func<int, string[]> arguments, string ready)
    {
        var port = FreePort();
        var process = new Process { StartInfo = new ProcessStartInfo("dotnet", arguments(port)) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder } };
        var child = new Child(process, port, folder);
        process.OutputDataReceived += (_, line) => child.Keep(line.Data);
        process.ErrorDataReceived += (_, line) => child.Keep(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            await child.WaitAsync(ready);
            return child;
        }
        catch
        {
            await child.DisposeAsync();
            throw;
        }
    }

    private async Task WaitAsync(string ready)
    {
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{Port}") };
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < TimeSpan.FromSeconds(60))
        {
            if (process.HasExited) throw new InvalidOperationException($"the server ended with {process.ExitCode}:\n{Log()}");
            try
            {
                if ((await client.GetAsync(ready)).IsSuccessStatusCode) return;
            }
            catch (HttpRequestException)
            {
                // Not listening yet; the loop is bounded by the clock.
            }

            await Task.Delay(20);
        }

        throw new TimeoutException($"the server was not ready within 60 s:\n{Log()}");
    }

    private void Keep(string? line)
    {
        if (line is null) return;
        lock (log)
            if (log.Count < 200) log.Add(line);
    }

    private string Log()
    {
        lock (log) return string.Join('\n', log);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
