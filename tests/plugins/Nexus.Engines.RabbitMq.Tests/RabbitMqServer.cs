using System.Diagnostics;
using System.Net.Sockets;
using Nexus.Tests.Shared;
using RabbitMQ.Client;

[assembly: AssemblyFixture(typeof(Nexus.Engines.RabbitMq.Tests.BrokerOfTheProgram))]

namespace Nexus.Engines.RabbitMq.Tests;

/// <summary>A RabbitMQ of Debian's on free ports, its data in a temporary folder, with a port mapper of its own that ends with it. One serves the whole test program, with a prefix a test; faults get brokers of their own.</summary>
public sealed class RabbitMqServer : IAsyncDisposable
{
    private const string Program = "/usr/lib/rabbitmq/bin/rabbitmq-server";
    private static readonly Lazy<Task<RabbitMqServer>> Shared = new(StartAsync);

    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-rabbitmq-").FullName;
    private readonly (int Amqp, int Distribution, int Mapper) _ports = (Ports.Free(), Ports.Free(), Ports.Free());
    private Process? _mapper;
    private Process? _process;

    /// <summary>Address with the account that every installation has for its own machine.</summary>
    public string Address => $"amqp://guest:guest@127.0.0.1:{_ports.Amqp}";

    /// <summary>The broker of the program.</summary>
    public static Task<RabbitMqServer> SharedAsync()
    {
        Assert.SkipUnless(File.Exists(Program), "RabbitMQ is not installed (apt-get install rabbitmq-server)");
        return Shared.Value;
    }

    public static async ValueTask StopSharedAsync()
    {
        if (Shared.IsValueCreated)
            await (await Shared.Value).DisposeAsync();
    }

    public static async Task<RabbitMqServer> StartAsync()
    {
        Assert.SkipUnless(File.Exists(Program), "RabbitMQ is not installed (apt-get install rabbitmq-server)");
        var server = new RabbitMqServer();
        await File.WriteAllTextAsync(Path.Combine(server._folder, "plugins"), "[].");
        await File.WriteAllTextAsync(Path.Combine(server._folder, "r.conf"), "vm_memory_high_watermark.absolute = 512MiB\ndisk_free_limit.absolute = 10MB\n");
        if (Environment.UserName == "root")
            await Process.Start("chown", ["-R", "rabbitmq", server._folder]).WaitForExitAsync();
        // The broker would start a mapper itself and leave it behind.
        server._mapper = server.Start("epmd", ["-port", $"{server._ports.Mapper}", "-address", "127.0.0.1"]);
        await server.StartAgainAsync();
        return server;
    }

    /// <summary>Starts the broker on the data that are there.</summary>
    public async Task StartAgainAsync()
    {
        _process = Start(Program, []);
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                await using var connection = await new ConnectionFactory { Uri = new Uri(Address) }.CreateConnectionAsync();
                return;
            }
            catch (Exception e) when (e is RabbitMQ.Client.Exceptions.RabbitMQClientException or OperationCanceledException or TimeoutException or IOException or SocketException && attempt < 1200 && !_process.HasExited)
            {
                await Task.Delay(100);
            }
        }
    }

    /// <summary>As a power cut would.</summary>
    public async Task KillAsync()
    {
        // The pid of the file is that of the machine that runs the broker; its parents are shells.
        using var machine = Process.GetProcessById(int.Parse((await File.ReadAllTextAsync(Path.Combine(_folder, "pid"))).Trim(), System.Globalization.CultureInfo.InvariantCulture));
        machine.Kill();
        await machine.WaitForExitAsync();
        await _process!.WaitForExitAsync();
    }

    /// <summary>Removes what the broker has on its disk; it must not run.</summary>
    public void Empty() => Directory.Delete(Path.Combine(_folder, "mnesia"), recursive: true);

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
            await KillAsync();
        _process?.Dispose();
        if (_mapper is { HasExited: false })
        {
            _mapper.Kill(entireProcessTree: true);
            await _mapper.WaitForExitAsync();
        }

        _mapper?.Dispose();
        try
        {
            Directory.Delete(_folder, recursive: true);
        }
        catch (IOException)
        {
            // Left to the system's cleaning of temporary folders.
        }
    }

    private Process Start(string program, string[] arguments)
    {
        var start = Environment.UserName == "root" ? new ProcessStartInfo("setpriv", ["--reuid=rabbitmq", "--regid=rabbitmq", "--clear-groups", program, .. arguments]) : new ProcessStartInfo(program, arguments);
        foreach (var (name, value) in new Dictionary<string, string>
        {
            ["RABBITMQ_NODENAME"] = $"t{_ports.Amqp}@localhost",
            ["RABBITMQ_NODE_IP_ADDRESS"] = "127.0.0.1",
            ["RABBITMQ_NODE_PORT"] = $"{_ports.Amqp}",
            ["RABBITMQ_DIST_PORT"] = $"{_ports.Distribution}",
            ["RABBITMQ_MNESIA_BASE"] = Path.Combine(_folder, "mnesia"),
            ["RABBITMQ_LOG_BASE"] = _folder,
            ["RABBITMQ_PID_FILE"] = Path.Combine(_folder, "pid"),
            ["RABBITMQ_CONFIG_FILE"] = Path.Combine(_folder, "r"),
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(_folder, "plugins"),
            ["HOME"] = _folder,
            ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
            ["ERL_EPMD_PORT"] = $"{_ports.Mapper}",
            ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "-kernel inet_dist_use_interface {127,0,0,1}",
        })
            start.Environment[name] = value;
        start.WorkingDirectory = _folder;
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        var process = Process.Start(start)!;
        _ = process.StandardOutput.ReadToEndAsync();
        _ = process.StandardError.ReadToEndAsync();
        return process;
    }
}

/// <summary>Ends with the test program.</summary>
public sealed class BrokerOfTheProgram : IAsyncDisposable
{
    public ValueTask DisposeAsync() => RabbitMqServer.StopSharedAsync();
}
