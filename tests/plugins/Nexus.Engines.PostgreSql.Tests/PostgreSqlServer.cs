using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Nexus.Tests.Shared;
using Npgsql;

[assembly: AssemblyFixture(typeof(Nexus.Engines.PostgreSql.Tests.ServerOfTheProgram))]

namespace Nexus.Engines.PostgreSql.Tests;

/// <summary>A PostgreSQL server of Debian's on a free port, its data in a temporary folder. One serves the whole test program, with a database a test; faults get servers of their own.</summary>
public sealed class PostgreSqlServer : IAsyncDisposable
{
    private static readonly Lazy<Task<PostgreSqlServer>> Shared = new(() => StartAsync("fsync=off", "full_page_writes=off"));

    private readonly string _folder;
    private readonly string[] _settings;
    private Process? _process;
    private static int _databases;

    private PostgreSqlServer(string folder, int port, string[] settings) => (_folder, Port, _settings) = (folder, port, settings);

    /// <summary>Why there is none; null where it is installed.</summary>
    public static string? Missing => Binary("postgres") is null ? "PostgreSQL is not installed (apt-get install postgresql)" : null;

    public int Port { get; }

    public string Data => Path.Combine(_folder, "data");

    /// <summary>Stops the server of the program, if one was started.</summary>
    public static async ValueTask StopSharedAsync()
    {
        if (Shared.IsValueCreated)
            await (await Shared.Value).DisposeAsync();
    }

    /// <summary>A new database on the server of the program.</summary>
    public static async Task<string> DatabaseAsync()
    {
        Assert.SkipWhen(Missing is not null, Missing ?? "");
        return await (await Shared.Value).MakeDatabaseAsync();
    }

    /// <summary>Gives a folder with what is in it to the server's user.</summary>
    public static Task OwnAsync(string folder) => RunAsync("chown", "-R", "postgres", folder);

    /// <summary>A server of one's own.</summary>
    public static Task<PostgreSqlServer> StartAsync(params string[] settings) => StartInAsync(null, settings);

    /// <summary>A server of one's own in a folder, such as one of a disk that is small.</summary>
    public static async Task<PostgreSqlServer> StartInAsync(string? folder, params string[] settings)
    {
        Assert.SkipWhen(Missing is not null, Missing ?? "");
        var server = new PostgreSqlServer(folder ?? Directory.CreateTempSubdirectory("nexus-postgresql-").FullName, Ports.Free(), settings);
        await RunAsync("chown", "postgres", server._folder);
        await server.AsPostgresAsync("initdb", "-D", server.Data, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8");
        await server.StartAgainAsync();
        return server;
    }

    /// <summary>A standby that follows a server.</summary>
    public static async Task<PostgreSqlServer> StandbyOfAsync(PostgreSqlServer primary)
    {
        var standby = new PostgreSqlServer(Directory.CreateTempSubdirectory("nexus-postgresql-").FullName, Ports.Free(), []);
        await RunAsync("chown", "postgres", standby._folder);
        await standby.AsPostgresAsync("pg_basebackup", "-h", "127.0.0.1", "-p", primary.Port.ToString(CultureInfo.InvariantCulture), "-U", "postgres", "-D", standby.Data, "-R", "-X", "stream", "-c", "fast");
        await standby.StartAgainAsync();
        return standby;
    }

    public async Task<string> MakeDatabaseAsync()
    {
        var name = $"test{Interlocked.Increment(ref _databases)}_{Environment.ProcessId}";
        await using var connection = new NpgsqlConnection(ConnectionString("postgres") + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"CREATE DATABASE {name}", connection);
        await command.ExecuteNonQueryAsync();
        return ConnectionString(name);
    }

    public string ConnectionString(string database) => $"Host=127.0.0.1;Port={Port.ToString(CultureInfo.InvariantCulture)};Username=postgres;Database={database}";

    /// <summary>Starts the server on the data that are there.</summary>
    public async Task StartAgainAsync()
    {
        void Start()
        {
            var start = AsPostgres("postgres", ["-D", Data, "-p", Port.ToString(CultureInfo.InvariantCulture), "-c", "listen_addresses=127.0.0.1", "-c", $"unix_socket_directories={_folder}", "-c", "max_connections=200", .. _settings.SelectMany(s => new[] { "-c", s })]);
            start.RedirectStandardError = true;
            _process = Process.Start(start)!;
            _process.ErrorDataReceived += (_, _) => { };
            _process.BeginErrorReadLine();
        }

        Start();
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                // What watches over services starts one that ended at its start again.
                if (_process is not { HasExited: false })
                    Start();
                await using var connection = new NpgsqlConnection(ConnectionString("postgres") + ";Pooling=false;Timeout=2");
                await connection.OpenAsync();
                return;
            }
            catch (Exception e) when (e is NpgsqlException or TimeoutException or SocketException && attempt < 900)
            {
                await Task.Delay(100);
            }
        }
    }

    public bool HasEnded => _process is null or { HasExited: true };

    /// <summary>As its service does it: clients are cut off, and everything is written.</summary>
    public async Task StopInOrderAsync()
    {
        await RunAsync("kill", "-INT", await PostmasterAsync());
        await _process!.WaitForExitAsync();
    }

    /// <summary>As a power cut would: no process of the server gets a chance to write.</summary>
    public async Task KillAsync()
    {
        var postmaster = await PostmasterAsync();
        await RunAsync("kill", "-9", postmaster);
        await _process!.WaitForExitAsync();
        // Its children would find out by themselves, some time, and answer until then.
        for (var attempt = 0; Children() is { Count: > 0 } children; attempt++)
        {
            Assert.True(attempt < 3000, $"processes of the server go on: {string.Join(' ', children)}");
            await RunAsync("kill", ["-9", .. children]);
            await Task.Delay(20);
        }
    }

    /// <summary>Nothing of the server runs until it is resumed, as on a machine that is frozen: connections stand, and nobody answers.</summary>
    public Task PauseAsync() => RunAsync("kill", ["-STOP", .. Children()]);

    /// <summary>The program that started the server as another user stops itself when the server stops, and nobody else wakes it.</summary>
    public Task ResumeAsync() => RunAsync("kill", ["-CONT", _process!.Id.ToString(CultureInfo.InvariantCulture), .. Children()]);

    /// <summary>What runs on the data of this server.</summary>
    private List<string> Children()
    {
        string? PlaceOf(string process)
        {
            try
            {
                return new FileInfo(Path.Combine(process, "cwd")).LinkTarget;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }

        return [.. Directory.EnumerateDirectories("/proc").Where(d => Path.GetFileName(d).All(char.IsAsciiDigit) && PlaceOf(d) == Data).Select(d => Path.GetFileName(d))];
    }

    /// <summary>From here on a standby takes what it gets and applies none of it, until its replay is resumed.</summary>
    public async Task HoldReplayAsync()
    {
        await RunSqlAsync("SELECT pg_wal_replay_pause()");
        for (var i = 0; (string?)await RunSqlAsync("SELECT pg_get_wal_replay_pause_state()") != "paused"; i++)
        {
            Assert.True(i < 1200, "the standby goes on applying");
            await Task.Delay(50);
        }
    }

    /// <summary>Makes a standby the server that takes writes, as an operator or a program that watches does.</summary>
    public Task PromoteAsync() => AsPostgresAsync("pg_ctl", "promote", "-D", Data, "-w");

    /// <summary>Dumps a database and restores it as another one, by the commands of the guide.</summary>
    public async Task<string> CopyAsync(string database)
    {
        var (port, file) = (Port.ToString(CultureInfo.InvariantCulture), Path.Combine(_folder, database + ".dump"));
        await AsPostgresAsync("pg_dump", "-h", "127.0.0.1", "-p", port, "-U", "postgres", "-Fc", "-f", file, database);
        var copy = await MakeDatabaseAsync();
        await AsPostgresAsync("pg_restore", "-h", "127.0.0.1", "-p", port, "-U", "postgres", "--no-owner", "--no-privileges", "--exit-on-error", "-d", new NpgsqlConnectionStringBuilder(copy).Database!, file);
        return copy;
    }

    /// <summary>Runs a statement as the owner of the server.</summary>
    public async Task<object?> RunSqlAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString("postgres") + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    public void Stop()
    {
        try
        {
            if (_process is { HasExited: false } && File.Exists(Path.Combine(Data, "postmaster.pid")))
            {
                Process.Start("kill", ["-INT", File.ReadLines(Path.Combine(Data, "postmaster.pid")).First()])!.WaitForExit();
                _process.WaitForExit(5000);
            }

            Directory.Delete(_folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Left to the system's cleaning of temporary folders.
        }
    }

    public ValueTask DisposeAsync()
    {
        Stop();
        return ValueTask.CompletedTask;
    }

    private async Task<string> PostmasterAsync() => (await File.ReadAllLinesAsync(Path.Combine(Data, "postmaster.pid")))[0];

    private static string? Binary(string name)
    {
        var debian = Directory.Exists("/usr/lib/postgresql") ? Directory.EnumerateDirectories("/usr/lib/postgresql").Order(StringComparer.Ordinal).Select(d => Path.Combine(d, "bin", name)).LastOrDefault(File.Exists) : null;
        return debian ?? (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(d => Path.Combine(d, name)).FirstOrDefault(File.Exists);
    }

    private static ProcessStartInfo AsPostgres(string program, string[] arguments)
    {
        // The server refuses to run as root.
        var start = Environment.UserName == "root" ? new ProcessStartInfo("runuser", ["-u", "postgres", "--", Binary(program)!, .. arguments]) : new ProcessStartInfo(Binary(program)!, arguments);
        start.WorkingDirectory = "/tmp";
        return start;
    }

    private async Task AsPostgresAsync(string program, params string[] arguments)
    {
        var start = AsPostgres(program, arguments);
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program} failed in {_folder}: {await output} {await error}");
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        if (program == "chown" && Environment.UserName != "root")
            return;
        // What a signal comes too late for is none of the test's output.
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
    }
}

/// <summary>Ends with the test program.</summary>
public sealed class ServerOfTheProgram : IAsyncDisposable
{
    public ValueTask DisposeAsync() => PostgreSqlServer.StopSharedAsync();
}
