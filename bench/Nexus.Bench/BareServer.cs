using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Nexus.Data;
using Nexus.Gateway;
using Npgsql;
using Yarp.ReverseProxy.Configuration;

namespace Nexus.Bench;

/// <summary>The baselines: what a careful author writes with minimal APIs alone.</summary>
internal static class BareServer
{
    public static async Task<int> RunAsync(int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        await using var app = builder.Build();
        app.Urls.Add($"http://127.0.0.1:{port}");
        app.MapGet("/ready", () => "ok");
        app.MapGet("/api/custom/greeter/hello/{name}", (string name) => $"Hello, {name}!");
        await app.RunAsync();
        return 0;
    }

    /// <summary>Sends every text that is posted to every socket that is open.</summary>
    public static async Task<int> RunSocketsAsync(int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        await using var app = builder.Build();
        app.Urls.Add($"http://127.0.0.1:{port}");
        app.UseWebSockets();
        var open = new System.Collections.Concurrent.ConcurrentDictionary<System.Net.WebSockets.WebSocket, byte>();
        app.MapGet("/ready", () => "ok");
        app.MapPost("/publish", async (string text) =>
        {
            var bytes = System.Text.Encoding.UTF8.GetBytes(text);
            await Task.WhenAll(open.Keys.Select(socket => socket.SendAsync(bytes, System.Net.WebSockets.WebSocketMessageType.Text, true, CancellationToken.None)));
        });
        app.MapGet("/live", async (HttpContext context) =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            open[socket] = 0;
            try
            {
                while ((await socket.ReceiveAsync(Memory<byte>.Empty, CancellationToken.None)).MessageType != System.Net.WebSockets.WebSocketMessageType.Close)
                {
                    // Nothing is expected; an idle socket holds no buffer.
                }
            }
            catch (System.Net.WebSockets.WebSocketException)
            {
                // Cut off.
            }
            finally
            {
                open.TryRemove(socket, out _);
            }
        });
        await app.RunAsync();
        return 0;
    }

    /// <summary>The real host with its plugins, whose gateway is composed of routing, lease and scope alone.</summary>
    public static async Task<int> RunDispatchAsync(string[] settings)
    {
        await using var app = NexusHost.Build(settings);
        await StorageOpener.OpenAsync(app.Services);
        app.UseNexusDispatch();
        app.MapGet("/ready", () => "ok");
        await app.RunAsync();
        return 0;
    }

    /// <summary>The real host with its plugins, whose gateway has every stage but those of security.</summary>
    public static async Task<int> RunUnsecuredAsync(string[] settings)
    {
        await using var app = NexusHost.Build(settings);
        await StorageOpener.OpenAsync(app.Services);
        app.UseNexusWithoutSecurity();
        await app.RunAsync();
        return 0;
    }

    /// <summary>YARP as its own guide sets it up: one route, one cluster of the given nodes, requests balanced over them.</summary>
    public static async Task<int> RunYarpAsync(int port, string[] nodes)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddReverseProxy().LoadFromMemory(
            [new RouteConfig { RouteId = "all", ClusterId = "nodes", Match = new RouteMatch { Path = "/{**all}" } }],
            [new ClusterConfig { ClusterId = "nodes", Destinations = nodes.ToDictionary(n => n, n => new DestinationConfig { Address = n }) }]);
        await using var app = builder.Build();
        app.Urls.Add($"http://127.0.0.1:{port}");
        app.MapGet("/ready", () => "ok");
        app.MapReverseProxy();
        await app.RunAsync();
        return 0;
    }

    /// <summary>Reads the row that a Nexus host wrote into the same kind of table, by ADO.NET, one pooled connection a request.</summary>
    public static async Task<int> RunRowAsync(int port, string folder)
    {
        SQLitePCL.Batteries_V2.Init();
        var file = $"Data Source={Path.Combine(folder, "row.db")}";
        using (var connection = new SqliteConnection(file))
        {
            connection.Open();
            using var setup = connection.CreateCommand();
            setup.CommandText = "PRAGMA journal_mode=WAL; CREATE TABLE notes(tenant TEXT, id TEXT, json TEXT, PRIMARY KEY(tenant, id)) WITHOUT ROWID; INSERT INTO notes VALUES('default', '0190c6f0-0000-7000-8000-000000000001', '{\"id\":\"0190c6f0-0000-7000-8000-000000000001\",\"revision\":1,\"owner\":\"local\",\"team\":null,\"createdAt\":\"2026-01-01T00:00:00.000000Z\",\"updatedAt\":\"2026-01-01T00:00:00.000000Z\",\"text\":\"A note of the benchmark\",\"number\":1}')";
            setup.ExecuteNonQuery();
        }

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        await using var app = builder.Build();
        app.Urls.Add($"http://127.0.0.1:{port}");
        app.MapGet("/ready", () => "ok");
        using var writer = new SqliteConnection(file);
        writer.Open();
        using (var durable = writer.CreateCommand())
        {
            durable.CommandText = "PRAGMA synchronous=FULL";
            durable.ExecuteNonQuery();
        }

        app.MapPost("/notes", async (HttpRequest request) =>
        {
            using var body = new StreamReader(request.Body);
            var json = await body.ReadToEndAsync();
            lock (writer)
            {
                using var insert = writer.CreateCommand();
                insert.CommandText = "INSERT INTO notes VALUES('default', @id, @json)";
                insert.Parameters.AddWithValue("@id", Guid.CreateVersion7().ToString());
                insert.Parameters.AddWithValue("@json", json);
                insert.ExecuteNonQuery();
            }

            return Results.StatusCode(StatusCodes.Status201Created);
        });
        app.MapGet("/notes/{id}", (string id) =>
        {
            using var connection = new SqliteConnection(file);
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "SELECT json FROM notes WHERE tenant = 'default' AND id = @id";
            command.Parameters.AddWithValue("@id", id);
            return command.ExecuteScalar() is string json ? Results.Text(json, "application/json") : Results.NotFound();
        });
        await app.RunAsync();
        return 0;
    }

    /// <summary>A row a request in PostgreSQL, by Npgsql: pooled connections, prepared statements, one commit a POST.</summary>
    public static async Task<int> RunPostgreSqlAsync(int port, string address)
    {
        await using var source = NpgsqlDataSource.Create(address + ";Max Auto Prepare=20;Maximum Pool Size=40");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        await using var app = builder.Build();
        app.Urls.Add($"http://127.0.0.1:{port}");
        app.MapGet("/ready", () => "ok");
        await using (var first = source.CreateCommand("INSERT INTO notes VALUES ('default', '0190c6f0-0000-7000-8000-000000000001', '{\"id\":\"0190c6f0-0000-7000-8000-000000000001\",\"revision\":1,\"owner\":\"local\",\"team\":null,\"createdAt\":\"2026-01-01T00:00:00.000000Z\",\"updatedAt\":\"2026-01-01T00:00:00.000000Z\",\"text\":\"A note of the benchmark\",\"number\":1}')"))
            await first.ExecuteNonQueryAsync();
        app.MapPost("/notes", async (HttpRequest request) =>
        {
            using var body = new StreamReader(request.Body);
            await using var insert = source.CreateCommand("INSERT INTO notes VALUES ('default',$1,$2)");
            insert.Parameters.Add(new NpgsqlParameter<string> { TypedValue = Guid.CreateVersion7().ToString() });
            insert.Parameters.Add(new NpgsqlParameter<string> { TypedValue = await body.ReadToEndAsync() });
            await insert.ExecuteNonQueryAsync();
            return Results.StatusCode(StatusCodes.Status201Created);
        });
        app.MapGet("/notes/{id}", async (string id) =>
        {
            await using var find = source.CreateCommand("SELECT json FROM notes WHERE tenant='default' AND id=$1");
            find.Parameters.Add(new NpgsqlParameter<string> { TypedValue = id });
            return await find.ExecuteScalarAsync() is string json ? Results.Text(json, "application/json") : Results.NotFound();
        });
        await app.RunAsync();
        return 0;
    }
}
