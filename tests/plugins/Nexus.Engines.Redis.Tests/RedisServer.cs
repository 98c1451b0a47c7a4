using System.Diagnostics;
using System.Text;
using Nexus.Tests.Shared;

namespace Nexus.Engines.Redis.Tests;

/// <summary>A real redis-server on a free port with its files in a temporary folder.</summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-redis-").FullName;
    private readonly string[] options;
    private Process? process;

    private RedisServer(int port, string[] options) => (Port, this.options) = (port, options);

    public int Port { get; }

    public string Address => $"127.0.0.1:{Port}";

    /// <summary>Starts one; skips the test, with the reason, where there is no redis-server.</summary>
    public static async Task<RedisServer> StartAsync(params string[] options)
    {
        Assert.SkipUnless(IsThere("redis-server") && IsThere("redis-cli"), "redis-server is not installed (apt-get install redis-server).");
        var server = new RedisServer(Ports.Free(), options);
        await server.StartAgainAsync();
        return server;
    }

    public async Task StartAgainAsync()
    {
        process = Process.Start(new ProcessStartInfo("redis-server", ["--bind", "127.0.0.1", "--port", $"{Port}", "--save", "", "--dir", folder, "--daemonize", "no", .. options]) { RedirectStandardOutput = true })!;
        _ = process.StandardOutput.ReadToEndAsync();
        for (var i = 0; i < 1500; i++)
        {
            if ((await CommandAsync("PING")).Contains("PONG", StringComparison.Ordinal) || (await CommandAsync("PING")).Contains("NOAUTH", StringComparison.Ordinal))
                return;
            await Task.Delay(20);
        }
        throw new InvalidOperationException($"redis-server does not answer on port {Port}.");
    }

    /// <summary>Whether its files hold a text.</summary>
    public bool Keeps(string text) => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Any(file => File.ReadAllBytes(file).AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0);

    /// <summary>What <c>redis-cli</c> prints.</summary>
    public Task<string> CommandAsync(params string[] arguments) => RunAsync("redis-cli", ["-p", $"{Port}", .. arguments]);

    public static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var run = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = run.StandardError.ReadToEndAsync();
        var text = await run.StandardOutput.ReadToEndAsync();
        await run.WaitForExitAsync();
        return (text + await error).Trim();
    }

    public async Task KillAsync()
    {
        process!.Kill();
        await process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (process is { HasExited: false })
            await KillAsync();
        process?.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    public static bool IsThere(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));
}

/// <summary>Three masters that share the slots.</summary>
internal sealed class RedisCluster : IAsyncDisposable
{
    private RedisCluster(RedisServer[] nodes) => Nodes = nodes;

    public RedisServer[] Nodes { get; }

    public static async Task<RedisCluster> StartAsync(int replicas = 0)
    {
        var nodes = new List<RedisServer>();
        for (var i = 0; i < 3 * (1 + replicas); i++)
            nodes.Add(await RedisServer.StartAsync("--cluster-enabled", "yes", "--cluster-node-timeout", "5000", "--appendonly", "no"));
        var cluster = new RedisCluster([.. nodes]);
        var made = await RedisServer.RunAsync("redis-cli", ["--cluster", "create", .. nodes.Select(n => n.Address), "--cluster-replicas", $"{replicas}", "--cluster-yes"]);
        for (var i = 0; i < 1500; i++)
        {
            if ((await Task.WhenAll(nodes.Select(n => n.CommandAsync("CLUSTER", "INFO")))).All(info => info.Contains("cluster_state:ok", StringComparison.Ordinal)))
                return cluster;
            await Task.Delay(20);
        }
        throw new InvalidOperationException("The cluster does not come up: " + made);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes)
            await node.DisposeAsync();
    }
}
