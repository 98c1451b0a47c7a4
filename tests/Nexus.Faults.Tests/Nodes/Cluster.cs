using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Nexus.EndToEnd.Tests;
using Nexus.Engines.PostgreSql.Tests;
using Nexus.Engines.RabbitMq.Tests;
using Nexus.Engines.Redis.Tests;
using Nexus.Faults.Tests.Load;
using Nexus.Tests.Shared;

namespace Nexus.Faults.Tests.Nodes;

/// <summary>Three nodes behind nginx on PostgreSQL, Redis and RabbitMQ, each a process of its own on a free port with its data in a temporary folder. The third reaches the engines through wires that can be cut: from a network namespace of its own, or through a proxy where the system has none for us. It starts with the first test that uses it, so that each test says why it is skipped where an engine is missing.</summary>
public class Cluster : IAsyncDisposable
{
    private const string Swallowing = "a proxy that swallows what is sent";
    private const string First = "One-time 4 the first";
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-faults-").FullName;
    private readonly List<Link> links = [];
    private readonly Lazy<Task> started;
    private string[] plugins = [];
    private string[] settings = [];
    private string[] direct = [];
    private Front? front;
    private Cell? cell;

    public Cluster() => started = new Lazy<Task>(StartAsync);

    internal const string Password = "Correct-Horse-7";

    internal PostgreSqlServer PostgreSql { get; private set; } = null!;

    internal RedisServer Redis { get; private set; } = null!;

    internal RabbitMqServer RabbitMq { get; private set; } = null!;

    internal List<RunningHost> Nodes { get; } = [];

    /// <summary>Where the load goes: the nodes by number, and the balancer.</summary>
    internal IReadOnlyList<Target> Targets { get; private set; } = [];

    /// <summary>Token of the administrator.</summary>
    internal string Token { get; private set; } = "";

    internal Target Balancer => Targets[^1];

    /// <summary>Starts it with the first test and waits, for each, until all is well.</summary>
    internal async Task UseAsync()
    {
        await started.Value;
        // A test that failed may have left one dead; its failure is its own.
        foreach (var node in Nodes.Where(n => n.HasEnded)) await node.KillAndRestartAsync();
        await RecoveredAsync();
    }

    /// <summary>One more node on the same engines, that nobody's requests go to.</summary>
    internal Task<RunningHost> JoinAsync(IReadOnlyDictionary<string, string>? environment = null, params string[] further) => RunningHost.StartAsync(plugins, [.. settings, .. direct, .. further], environment);

    private async Task StartAsync()
    {
        Assert.SkipWhen(PostgreSqlServer.Missing is not null, PostgreSqlServer.Missing ?? "");
        ToolProcess.Find("nginx");
        var (postgreSql, redis, rabbitMq) = (PostgreSqlServer.StartAsync(), RedisServer.StartAsync(), RabbitMqServer.StartAsync());
        (PostgreSql, Redis, RabbitMq) = (await postgreSql, await redis, await rabbitMq);
        var database = await MakeDatabaseAsync();
        plugins = [LoadPlugin.Compile(folder), .. new[] { "engines.postgresql", "engines.redis", "engines.rabbitmq", "core.identity", "finance.ledger" }.Select(p => Path.Combine(Programs.Plugins, p))];
        var key = Path.Combine(folder, "master.key");
        await File.WriteAllTextAsync(key, Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        direct = Engines(database, Redis.Address, RabbitMq.Address);
        (cell, Wire) = IsThirdApart ? await ApartAsync() : (null, Swallowing);
        var wired = Wired(database);
        settings =
        [
            $"--encryption:file={key}", "--server:publicUrl=http://nexus.test", "--server:accessLog=false", "--node:leaseSeconds=3", "--events:lease=8s", "--plugins:healthInterval=00:00:02", "--tasks:lease=6s", "--cache:isolatedSeconds=5",
            "--security:rateLimits:enabled=false", "--security:trustedProxies:0=127.0.0.1", $"--plugins:core.identity:administratorPassword={First}", "--plugins:core.identity:accessTokenLifetime=12:00:00", "--plugins:core.identity:sessionsPerUser=1000",
        ];
        // The first makes the database's schema, then the others join it.
        Nodes.Add(await RunningHost.StartAsync(plugins, [.. settings, .. direct]));
        Nodes.AddRange(await Task.WhenAll(JoinAsync(), RunningHost.StartAsync(plugins, [.. settings, .. wired], within: cell is null ? null : Inside)));
        front = new Front(Nodes);
        Targets = [.. Nodes.Select((n, i) => new Target($"node{i + 1}", n.Address)), new Target("nginx", front.Address)];
        await SignInAsync();
    }

    /// <summary>By what the third node is cut off.</summary>
    internal string Wire { get; private set; } = "";

    /// <summary>Whether the third node may have a network of its own: its engines have one address each.</summary>
    private protected virtual bool IsThirdApart => true;

    private static async Task<(Cell?, string)> ApartAsync()
    {
        var (made, refusal) = await Cell.TryMakeAsync();
        return (made, made is null ? $"{Swallowing}, since {refusal}" : "network namespaces, joined by two virtual cards");
    }

    /// <summary>Puts a node inside, and lets everybody reach it at the port at which it is known.</summary>
    private string[] Inside(int port)
    {
        links.Add(new Link(new TcpListener(IPAddress.Loopback, port), token => cell!.ReachAsync(port, token)));
        return cell!.Within;
    }

    /// <summary>Address of the database that the nodes get.</summary>
    private protected virtual Task<string> MakeDatabaseAsync() => PostgreSql.MakeDatabaseAsync();

    /// <summary>Cuts the third node off from all engines.</summary>
    internal Task CutNetworkAsync()
    {
        if (cell is not null) return cell.CutAsync();
        links.ForEach(link => link.Cut());
        return Task.CompletedTask;
    }

    internal Task MendNetworkAsync() => cell?.MendAsync() ?? Task.WhenAll(links.Select(link => link.MendAsync()));

    /// <summary>A stop that the process does not notice, as of a machine that is frozen.</summary>
    internal Task PauseAsync(int node) => SignalAsync(node, "-STOP");

    internal Task ResumeAsync(int node) => SignalAsync(node, "-CONT");

    /// <summary>From here on tasks that take long and subscribers that are slow stand still, until it is disposed.</summary>
    internal Task<Outage> HoldAsync() => Outage.BeginAsync(() => File.WriteAllTextAsync(LoadPlugin.Gate(folder), ""), () => { File.Delete(LoadPlugin.Gate(folder)); return Task.CompletedTask; });

    /// <summary>Waits, bounded, until every node says that all is well: nobody helps it.</summary>
    internal async Task RecoveredAsync(int seconds = 120)
    {
        foreach (var target in Targets)
            await HealthAsync(target, health => (string)health["status"]! == "Healthy", seconds);
    }

    /// <summary>Asks the first node, bounded, until it answers what it must.</summary>
    internal async Task UntilAsync(string path, Func<JsonNode, bool> condition)
    {
        var clock = Stopwatch.StartNew();
        for (var last = ""; ; await Task.Delay(50))
        {
            (var status, last) = await Targets[0].SendAsync(HttpMethod.Get, path, Token);
            if (status == 200 && condition(JsonNode.Parse(last)!)) return;
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), $"{path} did not come to what was expected; last: {last}");
        }
    }

    /// <summary>Waits, bounded, until the node says of a dependency what it must, and gives back its words.</summary>
    internal async Task<string> SaysAsync(Target target, string dependency, string level, string word = "")
    {
        bool Is(JsonNode part) => (string)part["name"]! == dependency && (string)part["status"]! == level && ((string?)part["detail"] ?? "").Contains(word, StringComparison.Ordinal);
        var health = await HealthAsync(target, health => health["dependencies"]!.AsArray().Any(p => Is(p!)));
        return (string?)health["dependencies"]!.AsArray().First(p => Is(p!))!["detail"] ?? "";
    }

    /// <summary>Waits, bounded, for what a node says of its health.</summary>
    internal async Task<JsonNode> HealthAsync(Target target, Func<JsonNode, bool> condition, int seconds = 60)
    {
        var clock = Stopwatch.StartNew();
        var last = "nothing";
        while (clock.Elapsed < TimeSpan.FromSeconds(seconds))
        {
            var (_, text) = await target.SendAsync(HttpMethod.Get, "/health", null);
            last = text;
            if (text.StartsWith('{') && JsonNode.Parse(text)!.AsObject() is { } health && health.ContainsKey("core") && condition(health)) return health;
            await Task.Delay(100);
        }

        Assert.Fail($"{target.Name} did not say what was expected within {seconds} s; last: {last}\n{Nodes.ElementAtOrDefault(Targets.ToList().IndexOf(target))?.Log}");
        return null!;
    }

    public virtual async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        front?.Dispose();
        foreach (var target in Targets) target.Dispose();
        foreach (var node in Nodes) await node.DisposeAsync();
        foreach (var link in links) await link.DisposeAsync();
        if (cell is not null) await cell.DisposeAsync();
        if (RabbitMq is not null) await RabbitMq.DisposeAsync();
        if (Redis is not null) await Redis.DisposeAsync();
        if (PostgreSql is not null) await PostgreSql.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    private static string[] Engines(string database, string redis, string rabbitMq) =>
    [
        "--database:type=postgresql", $"--database:connectionString={database}", $"--redis:connectionString={redis}", "--cache:type=redis",
        "--events:transport=rabbitmq", $"--plugins:engines.rabbitmq:connectionString={rabbitMq}",
    ];

    private string[] Wired(string database)
    {
        string Through(string address, int port)
        {
            var link = new Link(port, cell?.Outside);
            links.Add(link);
            return (cell is null ? address : address.Replace("127.0.0.1", cell.Outside.ToString(), StringComparison.Ordinal)).Replace(port.ToString(CultureInfo.InvariantCulture), link.Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        }

        return Engines(Through(database, PostgreSql.Port), Through(Redis.Address, Redis.Port), Through(RabbitMq.Address, new Uri(RabbitMq.Address).Port));
    }

    private async Task SignalAsync(int node, string signal)
    {
        using var kill = Process.Start("kill", [signal, Nodes[node].Pid.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    private async Task SignInAsync()
    {
        var node = Targets[0];
        var (_, first) = await node.SendAsync(HttpMethod.Post, "/login", null, new { username = "admin", password = First });
        var (status, text) = await node.SendAsync(HttpMethod.Post, "/api/v1/auth/password/change", (string)JsonNode.Parse(first)!["access_token"]!, new { current_password = First, new_password = Password });
        Assert.True(status is >= 200 and < 300, $"{status} {text}");
        (status, text) = await node.SendAsync(HttpMethod.Post, "/login", null, new { username = "admin", password = Password });
        Assert.True(status == 200, $"{status} {text}");
        Token = (string)JsonNode.Parse(text)!["access_token"]!;
        foreach (var other in Targets)
        {
            var clock = Stopwatch.StartNew();
            while (await other.SendAsync(HttpMethod.Get, $"{LoadPlugin.Routes}/boxes?limit=1", Token) is var answer && answer.Status != 200)
            {
                Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), $"{other.Name} does not serve: {answer.Status} {answer.Text}\n{Nodes.ElementAtOrDefault(Targets.TakeWhile(t => t != other).Count())?.Log}");
                await Task.Delay(50);
            }
        }
    }
}
