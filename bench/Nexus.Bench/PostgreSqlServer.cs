using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Nexus.Bench;

/// <summary>A PostgreSQL server of the system on a free port, its data in a temporary folder, with its own settings for durability.</summary>
internal sealed class PostgreSqlServer : IAsyncDisposable
{
    private readonly string folder;
    private readonly int port;
    private Process? process;

    private PostgreSqlServer(string folder, int port) => (this.folder, this.port) = (folder, port);

    public string ConnectionString(string database) => $"Host=127.0.0.1;Port={port.ToString(CultureInfo.InvariantCulture)};Username=postgres;Database={database}";

    public static async Task<PostgreSqlServer> StartAsync()
    {
        if (Binary("postgres") is null) throw new InvalidOperationException("PostgreSQL is not installed (apt-get install postgresql).");
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var server = new PostgreSqlServer(Directory.CreateTempSubdirectory("nexus-bench-postgresql-").FullName, ((IPEndPoint)listener.LocalEndpoint).Port);
        listener.Stop();
        if (Environment.UserName == "root") await Process.Start("chown", ["postgres", server.folder])!.WaitForExitAsync();
        using (var init = Start("initdb", "-D", $"{server.folder}/data", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")) await init.WaitForExitAsync();
        server.process = Start("postgres", "-D", $"{server.folder}/data", "-p", server.port.ToString(CultureInfo.InvariantCulture), "-c", "listen_addresses=127.0.0.1", "-c", $"unix_socket_directories={server.folder}");
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                await using var connection = new NpgsqlConnection(server.ConnectionString("postgres") + ";Pooling=false");
                await connection.OpenAsync();
                await using var create = new NpgsqlCommand("CREATE DATABASE bench", connection);
                await create.ExecuteNonQueryAsync();
                return server;
            }
            catch (NpgsqlException) when (attempt < 200)
            {
                await Task.Delay(100);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        var pid = (await File.ReadAllLinesAsync($"{folder}/data/postmaster.pid"))[0];
        await Process.Start("kill", ["-INT", pid])!.WaitForExitAsync();
        await process!.WaitForExitAsync();
        Directory.Delete(folder, recursive: true);
    }

    private static string? Binary(string name) =>
        Directory.Exists("/usr/lib/postgresql") ? Directory.EnumerateDirectories("/usr/lib/postgresql").Order(StringComparer.Ordinal).Select(d => Path.Combine(d, "bin", name)).LastOrDefault(File.Exists) : null;

    // The server refuses to run as root.
    private static Process Start(string program, params string[] arguments)
    {
        var start = Environment.UserName == "root" ? new ProcessStartInfo("runuser", ["-u", "postgres", "--", Binary(program)!, .. arguments]) : new ProcessStartInfo(Binary(program)!, arguments);
        (start.RedirectStandardOutput, start.RedirectStandardError, start.WorkingDirectory) = (true, true, "/tmp");
        var started = Process.Start(start)!;
        started.OutputDataReceived += (_, _) => { };
        started.ErrorDataReceived += (_, _) => { };
        started.BeginOutputReadLine();
        started.BeginErrorReadLine();
        return started;
    }
}
