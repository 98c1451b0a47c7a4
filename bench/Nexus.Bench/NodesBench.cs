using System.Diagnostics;
using System.Security.Cryptography;

namespace Nexus.Bench;

/// <summary>What several nodes cost over one: the machine shared by two of them, and the way through a gateway.</summary>
internal static class NodesBench
{
    private const string Path = "/api/custom/greeter/hello/Ada";
    private const int Clients = 16;
    private const int HopTurn = 200;
    private static readonly TimeSpan HopWarming = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan HopTime = TimeSpan.FromSeconds(20);

    public static async Task<IReadOnlyList<Bar>> RunAsync()
    {
        await using var database = await PostgreSqlServer.StartAsync();
        var folder = Directory.CreateTempSubdirectory("nexus-bench-nodes-").FullName;
        try
        {
            var settings = await SettingsAsync(database, folder);
            await using var first = await Child.HostAsync(Plugins(folder, "node", "engines.postgresql"), settings);
            await using var second = await Child.HostAsync(Plugins(folder, "node"), settings);
            await using var gateway = await Child.HostAsync(Plugins(folder, "gateway", "engines.postgresql", "engines.yarp"), [.. settings, "--roles", "gateway"]);
            await using var yarp = await Child.SelfAsync("serve-yarp", $"http://127.0.0.1:{first.Port}/", $"http://127.0.0.1:{second.Port}/");
            using var nginx = NginxServer.Start([first.Port], [first.Port, second.Port]);
            await AnsweredAsync(gateway.Port, nginx.Ports[0], nginx.Ports[1], yarp.Port);
            List<Bar> bars = [await ScalingAsync(nginx)];
            bars.Add(await ProcessorsAsync(System.IO.Path.Combine(folder, "node")));
            bars.AddRange(await HopAsync(first, yarp, gateway));
            bars.Add(await DeathAsync(gateway, second));
            return bars;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<Bar> ScalingAsync(NginxServer nginx)
    {
        var request = Load.Get(Path);
        var (_, one, ratio) = await Benches.InTurnsAsync(time => new Load(nginx.Ports[1]).RunAsync(Clients, time, _ => request), time => new Load(nginx.Ports[0]).RunAsync(Clients, time, _ => request));
        return new("two nodes behind nginx over one, requests/s", ratio, "×", 0.9, Baseline: one);
    }

    /// <summary>A node and its clients on one processor, and on two.</summary>
    private static async Task<Bar> ProcessorsAsync(string plugins)
    {
        var request = Load.Get(Path);
        await using var two = await Child.HostAsync(plugins, "--server:accessLog=false");
        Child one;
        // What a process starts runs where it may run itself.
        Processors.Use(1);
        try
        {
            one = await Child.HostAsync(plugins, "--server:accessLog=false");
        }
        finally
        {
            Processors.Use(2);
        }

        await using (one)
        {
            var (_, single, ratio) = await Benches.InTurnsAsync(time => new Load(two.Port).RunAsync(Clients, time, _ => request), async time =>
            {
                Processors.Use(1);
                try
                {
                    return await new Load(one.Port).RunAsync(Clients, time, _ => request);
                }
                finally
                {
                    Processors.Use(2);
                }
            });
            return new("one node and its clients on two processors over one, requests/s", ratio, "×", 1, Baseline: single);
        }
    }

    /// <summary>
    /// One request after another: the time that the way through each adds to the node's own answer. In turns so short that whatever else the machine does meets all three alike,
    /// and long enough for the threads of the one that is asked to be awake.
    /// </summary>
    private static async Task<IReadOnlyList<Bar>> HopAsync(Child node, Child yarp, Child gateway)
    {
        var request = Load.Get(Path);
        using var direct = await Connection.OpenAsync(node.Port);
        using var bare = await Connection.OpenAsync(yarp.Port);
        using var ours = await Connection.OpenAsync(gateway.Port);
        (Connection Connection, List<double> Times)[] ways = [(direct, []), (bare, []), (ours, [])];
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < HopWarming + HopTime)
        {
            foreach (var (connection, times) in ways)
            {
                for (var i = 0; i < HopTurn; i++)
                {
                    var start = Stopwatch.GetTimestamp();
                    if (await connection.SendAsync(request) != 200) throw new InvalidOperationException($"a request failed: {connection.LastBody}");
                    if (clock.Elapsed > HopWarming) times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
                }
            }
        }

        var (a, b, c) = (Benches.Median(ways[0].Times), Benches.Median(ways[1].Times), Benches.Median(ways[2].Times));
        return
        [
            new("answer of a node, one request after another, median", a, "µs"),
            new("time that bare YARP adds", b - a, "µs"),
            new("time that the gateway adds", c - a, "µs"),
            new("time that the gateway adds over what YARP adds", (c - a) / (b - a), "×", 1.3, AtLeast: false),
        ];
    }

    /// <summary>A node is killed while the gateway serves; a GET may be repeated, so none may fail.</summary>
    private static async Task<Bar> DeathAsync(Child gateway, Child node)
    {
        var request = Load.Get(Path);
        var load = new Load(gateway.Port).RunAsync(Clients, TimeSpan.FromSeconds(8), _ => request);
        await Task.Delay(TimeSpan.FromSeconds(2));
        node.Kill();
        var result = await load;
        return new($"GETs that failed of {result.Done}, a node killed among them", result.Failed, "requests", 0, AtLeast: false);
    }

    private static async Task<string[]> SettingsAsync(PostgreSqlServer database, string folder)
    {
        var key = System.IO.Path.Combine(folder, "master.key");
        await File.WriteAllTextAsync(key, Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return ["--database:type=postgresql", $"--database:connectionString={database.ConnectionString("bench")}", $"--encryption:file={key}", "--node:leaseSeconds=3", "--server:accessLog=false"];
    }

    /// <summary>A plugin folder; that of nodes has the greeter beside the engines.</summary>
    private static string Plugins(string folder, string kind, params string[] engines)
    {
        var plugins = System.IO.Path.Combine(folder, kind);
        if (kind == "node") Benches.CopyGreeter(System.IO.Path.Combine(plugins, "greeter"), _ => { });
        foreach (var engine in engines) Benches.Copy(Benches.Plugin(engine), System.IO.Path.Combine(plugins, engine));
        return plugins;
    }

    /// <summary>Waits until each port passes requests on.</summary>
    private static async Task AnsweredAsync(params int[] ports)
    {
        using var client = new HttpClient();
        foreach (var port in ports)
        {
            for (var attempt = 0; ; attempt++)
            {
                using var answer = await client.GetAsync($"http://127.0.0.1:{port}{Path}");
                if (answer.IsSuccessStatusCode) break;
                if (attempt == 200) throw new TimeoutException($"port {port} answers {(int)answer.StatusCode}: {await answer.Content.ReadAsStringAsync()}");
                await Task.Delay(100);
            }
        }
    }
}
