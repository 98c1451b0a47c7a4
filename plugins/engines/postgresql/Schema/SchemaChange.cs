using System.Collections.Immutable;
using System.Text.Json;
using Nexus.Data.Search;
using Nexus.Engines.PostgreSql.Commits;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Sql;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Schema;

/// <summary>
/// A begun schema change. Migrations run in a transaction that stays open to the end; it holds the locks of the plugin's databases, so that their writers wait.
/// New tables are made at once, since nobody that serves knows them; indexes of tables that serve are checked now and made by the commit.
/// Where everything is as declared already, the lock is let go at once: nodes that start with what another one brought do not wait for each other.
/// </summary>
internal sealed class SchemaChange(Server server, TableCatalog catalog, OwnDatabases databases, SchemaRequest request) : ISchemaChange
{
    private NpgsqlConnection? _connection;
    private ChangingDatabase? _database;
    private State _state = State.Open;

    internal enum State
    {
        Open,
        Committed,
        Undone,
    }

    public ISqlDatabase Database => _database ??= new ChangingDatabase(databases, request.Plugin, () => (_state, _connection));

    public async Task BeginAsync(CancellationToken cancellationToken)
    {
        var migrations = request.MigrationsOf("postgresql");
        var own = migrations.IsEmpty ? [] : await databases.AllAsync(request.Plugin, cancellationToken);
        _connection = await server.Source.OpenConnectionAsync(cancellationToken);
        await _connection.RunAsync("BEGIN");
        await using (var wait = _connection.CreateBatch())
        {
            // As long as the caller waits: another node may hold it for as long as its plugins take to come up.
            wait.Timeout = 0;
            wait.Add("SELECT pg_advisory_xact_lock($1)").With(server.Locks.Change(request.Plugin));
            await wait.ExecuteNonQueryAsync(cancellationToken);
        }

        foreach (var database in own)
        {
            await _connection.RunAsync("SELECT pg_advisory_xact_lock($1)", server.Locks.Unit(database.Name));
            await OwnMigrations.RunAsync(_connection, database, migrations);
        }

        if (own.Length > 0)
        {
            await using var enter = _connection.CreateBatch();
            own[0].Enter(enter, isReading: false);
            await enter.ExecuteNonQueryAsync(cancellationToken);
        }

        var asDeclared = await server.LockedAsync(server.Locks.Tables, async connection =>
        {
            var all = own.Length == 0 && await connection.ScalarAsync("SELECT 1 FROM pending WHERE plugin=$1 LIMIT 1", request.Plugin) is null;
            foreach (var table in request.Tables)
                all &= await MakeAsync(connection, table);
            return all;
        }, cancellationToken);
        await catalog.LoadAsync(cancellationToken);
        catalog.Changed();
        if (asDeclared)
        {
            await _connection.RunAsync("COMMIT");
            await _connection.DisposeAsync();
            _state = State.Committed;
        }
    }

    public async ValueTask CommitAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_state == State.Undone, this);
        if (_state == State.Committed)
            return;
        await server.LockedAsync(server.Locks.Tables, async connection =>
        {
            foreach (var table in request.Tables)
                await BringForwardAsync(connection, table);
            return await connection.RunAsync("DELETE FROM pending WHERE plugin=$1", request.Plugin);
        }, cancellationToken);
        try
        {
            // What the new generation published meanwhile.
            if (_database is { Published: { Count: > 0 } published })
                await databases.Open(request.Plugin, CallContext.DefaultTenant).Records.Lone.ApplyAsync(_connection!, new CommitJob(new WriteBatch { Events = [.. published] }));
            await _connection!.RunAsync("COMMIT");
        }
        catch (Exception e) when (Failures.IsOurs(e))
        {
            throw new NexusException(ErrorCodes.MigrationFailed, $"The migrations of {request.Plugin} cannot be committed: {(e as PostgresException)?.MessageText ?? Failures.Explain(e, server.Address).Message} The data is as it was.", e);
        }

        _state = State.Committed;
        await _connection!.DisposeAsync();
        await catalog.LoadAsync(cancellationToken);
        catalog.Changed();
    }

    public async ValueTask DisposeAsync()
    {
        if (_state != State.Open)
            return;
        _state = State.Undone;
        try
        {
            await UndoAsync(server, request.Plugin);
            await catalog.LoadAsync(CancellationToken.None);
        }
        finally
        {
            // Last: the lock of the change goes with it.
            if (_connection is not null)
                await _connection.DisposeAsync();
        }

        catalog.Changed();
    }

    /// <summary>Undoes what nodes left that died within a change: those whose lock is free.</summary>
    public static async Task UndoUnfinishedAsync(Server server, CancellationToken cancellationToken)
    {
        await server.UseAsync(async connection =>
        {
            var plugins = new List<string>();
            await using (var batch = connection.CreateBatch())
            {
                batch.Add("SELECT DISTINCT plugin FROM pending");
                await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
                while (await reader.ReadAsync(cancellationToken))
                    plugins.Add(reader.GetString(0));
            }

            foreach (var plugin in plugins)
            {
                await using var unit = await connection.BeginTransactionAsync(cancellationToken);
                if (await connection.ScalarAsync("SELECT pg_try_advisory_xact_lock($1)", server.Locks.Change(plugin)) is true)
                    await UndoAsync(server, plugin);
                await unit.CommitAsync(cancellationToken);
            }

            return true;
        }, cancellationToken);
    }

    private static ValueTask<bool> UndoAsync(Server server, string plugin) => server.LockedAsync(server.Locks.Tables, async connection =>
    {
        var tables = new List<string>();
        await using (var batch = connection.CreateBatch())
        {
            batch.Add("DELETE FROM pending WHERE plugin=$1 RETURNING relation").With(plugin);
            await using var reader = await batch.ExecuteReaderAsync();
            while (await reader.ReadAsync())
                tables.Add(reader.GetString(0));
        }

        foreach (var table in tables)
            await PlatformSchema.RunAsync(connection, $"DROP TABLE IF EXISTS {Names.Quote(table)}; DELETE FROM record_tables WHERE name={Names.Literal(table)};");
        return true;
    }, CancellationToken.None);

    /// <summary>Makes a table that is not there.</summary>
    /// <returns>Whether it was there already, just as it is declared.</returns>
    private async Task<bool> MakeAsync(NpgsqlConnection connection, ResourceDescriptor table)
    {
        var indexes = Indexes(table);
        if (await KnownAsync(connection, table.Table) is var (search, known))
        {
            var there = known.Select(i => i.Name).ToHashSet(StringComparer.Ordinal);
            foreach (var index in indexes.Where(i => i.Unique && !there.Contains(i.Name)))
                await CheckUniqueAsync(connection, table.Table, index);
            return there.SetEquals(indexes.Select(i => i.Name)) && search == SearchFields.Of(table).ToJson();
        }

        await PlatformSchema.RunAsync(connection, RecordTable.CreateSql(table.Table, server.Settings.Schema, server.AppRole));
        foreach (var index in indexes)
            await PlatformSchema.RunAsync(connection, index.CreateSql(table.Table));
        if (!table.Search.IsDefaultOrEmpty)
            await PlatformSchema.RunAsync(connection, WordsIndex(table.Table));
        await RememberAsync(connection, table, indexes);
        await connection.RunAsync("INSERT INTO pending (plugin,relation) VALUES ($1,$2)", request.Plugin, table.Table);
        return false;
    }

    /// <summary>What is searched of a stored table, and its indexes; null where there is no such table.</summary>
    private static async Task<(string Search, RecordIndex[] Indexes)?> KnownAsync(NpgsqlConnection connection, string table)
    {
        await using var batch = connection.CreateBatch();
        batch.Add("SELECT search,indexes FROM record_tables WHERE name=$1").With(table);
        await using var reader = await batch.ExecuteReaderAsync();
        return await reader.ReadAsync() ? (reader.GetString(0), JsonSerializer.Deserialize<RecordIndex[]>(reader.GetString(1))!) : null;
    }

    private async Task BringForwardAsync(NpgsqlConnection connection, ResourceDescriptor table)
    {
        var indexes = Indexes(table);
        var (search, known) = await KnownAsync(connection, table.Table) ?? ("[]", []);
        foreach (var gone in known.Where(k => indexes.All(i => i.Name != k.Name)))
            await PlatformSchema.RunAsync(connection, $"DROP INDEX IF EXISTS {Names.Quote(gone.Name)}");
        foreach (var index in indexes.Where(i => known.All(k => k.Name != i.Name)))
        {
            await CheckUniqueAsync(connection, table.Table, index);
            await PlatformSchema.RunAsync(connection, index.CreateSql(table.Table));
        }

        if (search != SearchFields.Of(table).ToJson())
        {
            await FillWordsAsync(connection, table);
            await PlatformSchema.RunAsync(connection, table.Search.IsDefaultOrEmpty ? $"DROP INDEX IF EXISTS {Names.Quote($"words_{Names.Digest(table.Table)}")}" : WordsIndex(table.Table));
        }

        await RememberAsync(connection, table, indexes);
    }

    /// <summary>Finds the words of every record anew. A record that is written meanwhile has its words from that commit.</summary>
    internal static async Task FillWordsAsync(NpgsqlConnection connection, ResourceDescriptor table)
    {
        const int page = 500;
        var (name, search) = (Names.Quote(table.Table), SearchFields.Of(table));
        var (tenant, id) = ("", "");
        while (true)
        {
            var rows = new List<(string Tenant, string Id, long Revision, string? Words)>();
            await using (var read = connection.CreateBatch())
            {
                read.Add($"SELECT tenant,id,revision,json FROM {name} WHERE (tenant,id)>($1,$2) ORDER BY tenant,id LIMIT {page}").With(tenant).With(id);
                await using var reader = await read.ExecuteReaderAsync();
                while (await reader.ReadAsync())
                    rows.Add((reader.GetString(0), reader.GetString(1), reader.GetInt64(2), SearchWords.Of(search, reader.GetFieldValue<byte[]>(3))));
            }

            await using var write = connection.CreateBatch();
            foreach (var row in rows)
                write.Add($"UPDATE {name} SET words=CAST($3 AS tsvector) WHERE tenant=$1 AND id=$2 AND revision=$4 AND words IS DISTINCT FROM CAST($3 AS tsvector)").With(row.Tenant).With(row.Id).With(row.Words).With(row.Revision);
            if (rows.Count > 0)
                await write.ExecuteNonQueryAsync();
            if (rows.Count < page)
                return;
            (tenant, id, _, _) = rows[^1];
        }
    }

    private static RecordIndex[] Indexes(ResourceDescriptor table) => [.. table.Indexes.Select(i => RecordIndex.Of(table.Table, i)).DistinctBy(i => i.Name)];

    internal static string WordsIndex(string table) => $"CREATE INDEX IF NOT EXISTS {Names.Quote($"words_{Names.Digest(table)}")} ON {Names.Quote(table)} USING gin (words)";

    private static Task<int> RememberAsync(NpgsqlConnection connection, ResourceDescriptor table, RecordIndex[] indexes) =>
        connection.RunAsync("UPDATE record_tables SET search=$2,indexes=$3 WHERE name=$1", table.Table, SearchFields.Of(table).ToJson(), JsonSerializer.Serialize(indexes));

    private async Task CheckUniqueAsync(NpgsqlConnection connection, string table, RecordIndex index)
    {
        if (!index.Unique)
            return;
        var columns = index.Columns(table).ToArray();
        var present = string.Join(" AND ", columns.Select(c => $"{c} IS NOT NULL"));
        if (await connection.ScalarAsync($"SELECT 1 FROM {Names.Quote(table)} WHERE {present} GROUP BY tenant,{string.Join(",", columns)} HAVING count(*)>1 LIMIT 1") is not null)
            throw new NexusException(ErrorCodes.MigrationFailed, $"{request.Plugin} declares {string.Join(", ", index.Fields)} of {table} unique, but stored records share values. Correct the records first; the data is as it was.");
    }
}
