using System.Globalization;

namespace Nexus.Cli.Cluster;

/// <summary>The engines of a cluster as processes: where their data are, how they are started, when they answer.</summary>
internal sealed class Engines(ClusterFolder folder, Action<string> say)
{
    private const string Postgres = "postgres";
    private const string Rabbit = "rabbitmq";
    private static readonly string[] AsideKinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

    /// <summary>PostgreSQL; its cluster of databases is made at the first start.</summary>
    public async Task<(MemberPlan Plan, string Address)> PostgreSqlAsync(int wanted, CancellationToken cancellationToken)
    {
        var port = folder.Port("postgresql", wanted, say);
        var own = folder.Within("postgresql", Postgres);
        var data = Path.Combine(own, "data");
        var password = folder.Secret("postgresql");
        var before = SystemPrograms.Before(Postgres);
        if (!await Probes.RunsAsync(before[0], [.. before.Skip(1), SystemPrograms.Find("test") ?? "/usr/bin/test", "-w", own], cancellationToken))
            throw new CliException($"nexus: the user {Postgres} cannot write to {own}: a folder above it is closed. PostgreSQL does not run as root; choose another folder with --data, or open those above: chmod o+x.", ExitCodes.Refused);
        if (!File.Exists(Path.Combine(data, "PG_VERSION")))
        {
            say("postgresql   makes its database files");
            var file = Path.Combine(own, "password");
            ClusterFolder.WritePrivate(file, password, Postgres);
            await RunAsync(Postgres, own, "initdb", ["-D", data, "-U", "nexus", "-A", "scram-sha-256", $"--pwfile={file}", "-E", "UTF8", "--locale=C.UTF-8"], cancellationToken);
            File.Delete(file);
        }

        var plan = new MemberPlan("postgresql", SystemPrograms.Find("postgres")!, ["-D", data, "-p", Text(port), "-c", "listen_addresses=127.0.0.1", "-c", $"unix_socket_directories={own}", "-c", "max_connections=300"], $"127.0.0.1:{port}")
        {
            User = Postgres,
            Folder = own,
            // Fast: who is connected is told so, and nothing that was committed is lost.
            EndSignal = Signals.Interrupt,
            IsReady = cancel => Probes.RunsAsync(SystemPrograms.Find("pg_isready")!, ["-q", "-h", "127.0.0.1", "-p", Text(port), "-U", "nexus"], cancel),
        };
        return (plan, $"Host=127.0.0.1;Port={port};Username=nexus;Password={password};Database=postgres");
    }

    /// <summary>Redis; what it holds outlives a restart, though nothing depends on that.</summary>
    public (MemberPlan Plan, string Address) Redis(int wanted)
    {
        var port = folder.Port("redis", wanted, say);
        var user = SystemPrograms.HasUser("redis") ? "redis" : null;
        var own = folder.Within("redis", user);
        var password = folder.Secret("redis");
        var file = Path.Combine(own, "redis.conf");
        ClusterFolder.WritePrivate(file, $"bind 127.0.0.1\nport {port}\ndir {own}\nrequirepass {password}\nappendonly yes\ndaemonize no\n", user);
        var plan = new MemberPlan("redis", SystemPrograms.Find("redis-server")!, [file], $"127.0.0.1:{port}")
        {
            User = user,
            Folder = own,
            IsReady = cancel => Probes.SaysAsync(port, "PING\r\n", "NOAUTH", cancel),
        };
        return (plan, $"127.0.0.1:{port},password={password}");
    }

    /// <summary>RabbitMQ with a port mapper of its own, which it would otherwise start itself and leave behind.</summary>
    public (MemberPlan Mapper, MemberPlan Broker, string Address) RabbitMq(int wanted)
    {
        var (port, distribution, mapper) = (folder.Port("rabbitmq", wanted, say), folder.Port("rabbitmq-nodes", wanted + 2, static _ => { }), folder.Port("rabbitmq-names", wanted + 3, static _ => { }));
        var user = SystemPrograms.HasUser(Rabbit) ? Rabbit : null;
        var own = folder.Within("rabbitmq");
        var password = folder.Secret("rabbitmq");
        ClusterFolder.WritePrivate(Path.Combine(own, "rabbitmq.conf"), $"default_user = nexus\ndefault_pass = {password}\ndisk_free_limit.absolute = 50MB\n");
        File.WriteAllText(Path.Combine(own, "plugins"), "[].");
        folder.Within("rabbitmq", user);
        var variables = new Dictionary<string, string>
        {
            ["RABBITMQ_NODENAME"] = "nexus@localhost",
            ["RABBITMQ_NODE_IP_ADDRESS"] = "127.0.0.1",
            ["RABBITMQ_NODE_PORT"] = Text(port),
            ["RABBITMQ_DIST_PORT"] = Text(distribution),
            ["RABBITMQ_MNESIA_BASE"] = Path.Combine(own, "mnesia"),
            ["RABBITMQ_LOG_BASE"] = own,
            ["RABBITMQ_PID_FILE"] = Path.Combine(own, "pid"),
            ["RABBITMQ_CONFIG_FILE"] = Path.Combine(own, "rabbitmq"),
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(own, "plugins"),
            ["HOME"] = own,
            ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
            ["ERL_EPMD_PORT"] = Text(mapper),
            ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-kernel inet_dist_use_interface {127,0,0,1}",
        };
        return (
            new MemberPlan("rabbitmq-names", SystemPrograms.Find("epmd")!, ["-port", Text(mapper), "-address", "127.0.0.1"], $"127.0.0.1:{mapper}") { User = user, Folder = own, Variables = new Dictionary<string, string> { ["HOME"] = own }, IsReady = static _ => Task.FromResult(true) },
            new MemberPlan("rabbitmq", "/usr/lib/rabbitmq/bin/rabbitmq-server", [], $"127.0.0.1:{port}") { User = user, Folder = own, Variables = variables, IsReady = cancel => Probes.SaysAsync(port, "AMQP\0\0\u0009\u0001", "capabilities", cancel) },
            $"amqp://nexus:{password}@127.0.0.1:{port}");
    }

    /// <summary>nginx with the shipped configuration, its ports those of this cluster.</summary>
    public async Task<MemberPlan> NginxAsync(int port, IReadOnlyList<int> nodes, CancellationToken cancellationToken)
    {
        var own = folder.Within("nginx");
        var shipped = await File.ReadAllTextAsync(ClusterPlan.Shipped("deploy/nginx/nginx.conf"), cancellationToken);
        var servers = shipped.Split('\n').Where(line => line.Contains("server 127.0.0.1:", StringComparison.Ordinal)).ToArray();
        var text = shipped.Replace(string.Join('\n', servers), string.Join('\n', nodes.Select(node => servers[0].Replace("127.0.0.1:8001", $"127.0.0.1:{node}", StringComparison.Ordinal))), StringComparison.Ordinal)
            .Replace("listen 8080;", $"listen {port};", StringComparison.Ordinal)
            // Its own folders for what it puts aside: those of the system are not everybody's.
            .Replace("http {\n", "http {\n" + string.Concat(AsideKinds.Select(kind => $"    {kind}_temp_path {Path.Combine(own, kind)};\n")), StringComparison.Ordinal);
        var file = Path.Combine(own, "nginx.conf");
        await File.WriteAllTextAsync(file, text, cancellationToken);
        return new MemberPlan("nginx", SystemPrograms.Find("nginx")!, ["-c", file, "-p", own, "-e", "stderr", "-g", $"pid {Path.Combine(own, "pid")}; daemon off;"], $"http://127.0.0.1:{port}")
        {
            Folder = own,
            IsReady = cancel => Probes.HttpAsync($"http://127.0.0.1:{port}/health/ready", cancel),
        };
    }

    /// <summary>Prometheus with the shipped configuration and rules, which collects from every node.</summary>
    public async Task<MemberPlan> PrometheusAsync(int wanted, IReadOnlyList<int> nodes, CancellationToken cancellationToken)
    {
        var port = folder.Port("prometheus", wanted, say);
        var user = SystemPrograms.HasUser("prometheus") ? "prometheus" : null;
        var own = folder.Within("prometheus");
        var token = Path.Combine(own, "token");
        ClusterFolder.WritePrivate(token, folder.Secret("metrics"));
        foreach (var rules in Directory.EnumerateFiles(ClusterPlan.Shipped("deploy/prometheus"), "*.rules.yml"))
            File.Copy(rules, Path.Combine(own, Path.GetFileName(rules)), overwrite: true);
        var shipped = await File.ReadAllTextAsync(ClusterPlan.Shipped("deploy/prometheus/prometheus.yml"), cancellationToken);
        var file = Path.Combine(own, "prometheus.yml");
        await File.WriteAllTextAsync(file, shipped.Replace("/etc/nexus/metrics.token", token, StringComparison.Ordinal).Replace("[\"127.0.0.1:8001\", \"127.0.0.1:8002\", \"127.0.0.1:8003\"]", $"[{string.Join(", ", nodes.Select(n => $"\"127.0.0.1:{n}\""))}]", StringComparison.Ordinal), cancellationToken);
        folder.Within("prometheus", user);
        return new MemberPlan("prometheus", SystemPrograms.Find("prometheus")!, [$"--config.file={file}", $"--storage.tsdb.path={Path.Combine(own, "data")}", $"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=15d"], $"http://127.0.0.1:{port}")
        {
            User = user,
            Folder = own,
            IsReady = cancel => Probes.HttpAsync($"http://127.0.0.1:{port}/-/ready", cancel),
        };
    }

    private static async Task RunAsync(string user, string directory, string program, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        var before = SystemPrograms.Before(user);
        await HostProgram.CaptureAsync(before[0], [.. before.Skip(1), SystemPrograms.Find(program)!, .. arguments], directory, cancellationToken);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
