using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using RabbitMQ.Client;

namespace Nexus.Bench;

/// <summary>A RabbitMQ of the system on free ports, its data in a temporary folder, with a port mapper of its own that ends with it.</summary>
internal sealed class RabbitMqServer : IAsyncDisposable
{
    private const string Program = "/usr/lib/rabbitmq/bin/rabbitmq-server";

    private readonly string folder = Directory.CreateTempSubdirectory("nexus-bench-rabbitmq-").FullName;
    private readonly int port = FreePort();
    private readonly int mapperPort = FreePort();
    private readonly List<Process> processes = [];

    public string Address => $"amqp://guest:guest@127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}";

    public static async Task<RabbitMqServer> StartAsync()
    {
        if (!File.Exists(Program)) throw new InvalidOperationException("RabbitMQ is not installed (apt-get install rabbitmq-server).");
        var server = new RabbitMqServer();
        await File.WriteAllTextAsync($"{server.folder}/plugins", "[].");
        if (Environment.UserName == "root") await Process.Start("chown", ["-R", "rabbitmq", server.folder])!.WaitForExitAsync();
        server.Start("epmd", "-port", server.mapperPort.ToString(CultureInfo.InvariantCulture), "-address", "127.0.0.1");
        var broker = server.Start(Program);
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                await using var connection = await new ConnectionFactory { Uri = new Uri(server.Address) }.CreateConnectionAsync();
                return server;
            }
            catch (RabbitMQ.Client.Exceptions.BrokerUnreachableException) when (attempt < 600 && !broker.HasExited)
            {
                await Task.Delay(100);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        // The pid of the file is that of the machine that runs the broker; its parents are shells.
        using (var machine = Process.GetProcessById(int.Parse((await File.ReadAllTextAsync($"{folder}/pid")).Trim(), CultureInfo.InvariantCulture)))
        {
            machine.Kill();
            await machine.WaitForExitAsync();
        }

        foreach (var process in processes)
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            process.Dispose();
        }

        Directory.Delete(folder, recursive: true);
    }

    private Process Start(string program, params string[] arguments)
    {
        var start = Environment.UserName == "root" ? new ProcessStartInfo("setpriv", ["--reuid=rabbitmq", "--regid=rabbitmq", "--clear-groups", program, .. arguments]) : new ProcessStartInfo(program, arguments);
        foreach (var (name, value) in new Dictionary<string, string>
        {
            ["RABBITMQ_NODENAME"] = $"b{port}@localhost", ["RABBITMQ_NODE_IP_ADDRESS"] = "127.0.0.1", ["RABBITMQ_NODE_PORT"] = $"{port}", ["RABBITMQ_DIST_PORT"] = $"{FreePort()}",
            ["RABBITMQ_MNESIA_BASE"] = $"{folder}/mnesia", ["RABBITMQ_LOG_BASE"] = folder, ["RABBITMQ_PID_FILE"] = $"{folder}/pid", ["RABBITMQ_CONFIG_FILE"] = $"{folder}/none",
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = $"{folder}/plugins", ["HOME"] = folder, ["ERL_EPMD_ADDRESS"] = "127.0.0.1", ["ERL_EPMD_PORT"] = $"{mapperPort}",
            ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-kernel inet_dist_use_interface {127,0,0,1}",
        })
            start.Environment[name] = value;
        (start.RedirectStandardOutput, start.RedirectStandardError, start.WorkingDirectory) = (true, true, folder);
        var started = Process.Start(start)!;
        _ = started.StandardOutput.ReadToEndAsync();
        _ = started.StandardError.ReadToEndAsync();
        processes.Add(started);
        return started;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
