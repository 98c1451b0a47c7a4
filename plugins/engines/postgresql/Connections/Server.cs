using System.Text.Json;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Connections;

/// <summary>The database that everything of a node is in: connections, names, roles, locks.</summary>
internal sealed class Server(DatabaseSettings settings, NpgsqlDataSource source, NpgsqlDataSource? standby, TimeProvider time, ILoggerFactory loggers) : IAsyncDisposable
{
    /// <summary>Tenant of statements that concern all.</summary>
    public const string AllTenants = "*";

    public DatabaseSettings Settings => settings;

    /// <summary>Connections to the server that takes writes.</summary>
    public NpgsqlDataSource Source => source;

    /// <summary>Connections for reads that a standby may serve, or the primary where no standby answers; null when all reads go to the primary.</summary>
    public NpgsqlDataSource? Standby => standby;

    /// <summary>What callers must see of their own.</summary>
    public Records.CommitPositions Positions { get; } = new();

    public TimeProvider Time => time;

    public Locks Locks { get; } = new(settings.Schema);

    public string Address => settings.Address;

    /// <summary>Key of cursors, the same for all nodes.</summary>
    public byte[] CursorSecret { get; set; } = [];

    /// <summary>The role that reads and writes records: not their owner, so that row-level security holds it. <c>none</c> where the user may make no roles; then the owner itself is held.</summary>
    public string AppRole { get; set; } = "none";

    /// <summary>Beginning of the names of plugins' roles, which belong to the whole server; null where the user may make no roles.</summary>
    public string? RolePrefix { get; set; }

    public ILogger Log { get; } = loggers.CreateLogger("Nexus.PostgreSql");

    /// <summary>Now, in microseconds.</summary>
    public long Now => Nexus.Data.Records.RecordColumns.ToMicroseconds(time.GetUtcNow());

    /// <summary>Runs work on a connection; what fails is told in the operator's words.</summary>
    public async ValueTask<T> UseAsync<T>(Func<NpgsqlConnection, ValueTask<T>> work, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await source.OpenConnectionAsync(cancellationToken);
            return await work(connection);
        }
        catch (Exception e) when (Failures.IsOurs(e))
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Failures.Explain(e, Address);
        }
    }

    /// <summary>Runs work in a unit of its own, holding a lock, as the owner of the tables. What the server ends because it and a commit waited for each other had no effect and is done again.</summary>
    public async ValueTask<T> LockedAsync<T>(long lockNumber, Func<NpgsqlConnection, ValueTask<T>> work, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await LockedOnceAsync(lockNumber, work, cancellationToken);
            }
            catch (NexusException e) when (attempt < 5 && e.InnerException is { } failure && Failures.IsRepeatable(failure))
            {
                // Whoever it was that the server let go on is done by now, or the server ends this one again.
            }
        }
    }

    private ValueTask<T> LockedOnceAsync<T>(long lockNumber, Func<NpgsqlConnection, ValueTask<T>> work, CancellationToken cancellationToken) => UseAsync(async connection =>
    {
        await using var unit = await connection.BeginTransactionAsync(cancellationToken);
        await connection.RunAsync($"SELECT pg_advisory_xact_lock($1),set_config('app.tenant','*',true),{Locks.Patience}", lockNumber);
        var result = await work(connection);
        await unit.CommitAsync(cancellationToken);
        return result;
    }, cancellationToken);

    /// <summary>A JSON list as it is stored in a text column.</summary>
    public static string[] ReadList(string json) => JsonSerializer.Deserialize<string[]>(json) ?? [];

    public async ValueTask DisposeAsync()
    {
        if (standby is not null)
            await standby.DisposeAsync();
        await source.DisposeAsync();
    }
}
