using System.Collections.Immutable;
using Nexus.Data.Events;
using Nexus.Engines.PostgreSql.Commits;
using Nexus.Engines.PostgreSql.Connections;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Sql;

/// <summary>An open unit of work on a plugin's own database: one connection, one transaction, in the plugin's role. Units that its work begins on the same database join it with a savepoint of their own.</summary>
/// <remarks>Its semaphore and its token source are never waited on by handle, so they hold nothing that needs disposal.</remarks>
#pragma warning disable CA1001
internal sealed class OwnUnit : IJointUnit, ISqlDatabase
#pragma warning restore CA1001
{
    private static readonly AsyncLocal<Scope?> Ambient = new();

    private readonly OwnDatabase _database;
    private readonly NpgsqlConnection _connection;
    private readonly List<EventMessage> _events = [];
    private readonly SemaphoreSlim _turn = new(1);
    private readonly CancellationTokenSource _ending = new();
    private int _ended;

    private OwnUnit(OwnDatabase database, NpgsqlConnection connection) => (_database, _connection) = (database, connection);

    public ISqlDatabase Database => this;

    public string Dialect => _database.Dialect;

    /// <summary>Events that the unit publishes if it commits.</summary>
    public IReadOnlyList<EventMessage> Events => _events;

    private bool IsOpen => Volatile.Read(ref _ended) == 0;

    /// <summary>The open unit on a database in which the current flow runs, or null.</summary>
    public static OwnUnit? Of(OwnDatabase database)
    {
        for (var scope = Ambient.Value; scope is not null; scope = scope.Outer)
        {
            if (scope.Unit._database == database && scope.IsOpen)
                return scope.Unit;
        }

        return null;
    }

    /// <summary>Begins on a connection of its own, behind the units before it.</summary>
    public static async Task<OwnUnit> BeginAsync(OwnDatabase database, CancellationToken cancellationToken)
    {
        var connection = await database.Server.Source.OpenConnectionAsync(cancellationToken);
        try
        {
            await using var batch = connection.CreateBatch();
            batch.Add("BEGIN");
            batch.Add($"SELECT pg_advisory_xact_lock($1),{Locks.PatienceWithPlugins}").With(database.Server.Locks.Unit(database.Name));
            if (database.Tenant != CallContext.DefaultTenant)
                batch.Add("SELECT pg_advisory_xact_lock_shared($1),tenants_here(ARRAY[$2],1)").With(database.Server.Locks.Tenant(database.Tenant)).With(database.Tenant);
            database.Enter(batch, isReading: false);
            await batch.ExecuteNonQueryAsync(cancellationToken);
            return new OwnUnit(database, connection);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Over the transaction of a schema change, which begins and ends it.</summary>
    public static OwnUnit On(OwnDatabase database, NpgsqlConnection connection) => new(database, connection);

    public ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken cancellationToken = default) =>
        RunAsync(null, async batchOf =>
        {
            await using var batch = batchOf();
            SqlStatements.Add(batch, SqlStatements.One(sql), parameters);
            await using var reader = await batch.ExecuteReaderAsync(_ending.Token);
            return await SqlStatements.ReadAsync(reader, _ending.Token);
        });

    /// <summary>Runs a unit within this one.</summary>
    public ValueTask<T> WriteAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(work);
        var outer = Ambient.Value is { } scope && scope.Unit == this && scope.IsOpen ? scope : null;
        return new Scope(this, outer ?? Ambient.Value, outer is not null).RunAsync(work, hasSavepoint: true, cancellationToken);
    }

    /// <summary>Runs the work for which the unit was begun.</summary>
    public ValueTask<T> RunWorkAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken) =>
        new Scope(this, Ambient.Value, false).RunAsync(work, hasSavepoint: false, cancellationToken);

    public async ValueTask CommitAsync(WriteBatch batch)
    {
        await _turn.WaitAsync();
        try
        {
            ObjectDisposedException.ThrowIf(!IsOpen, typeof(IUnitOfWork));
            var all = batch with { Events = [.. batch.Events, .. _events] };
            await _database.Records.MakeTablesAsync(all.Writes);
            if (all is not { Writes: [], Events: [], Settlements: [], Audit: [], Tasks: [], TaskSettlements: [] })
                await _database.Records.Lone.ApplyAsync(_connection, new CommitJob(all));
            await _connection.RunAsync("COMMIT");
            if (_database.Server.Standby is not null && all.Writes.Length > 0)
                _database.Server.Positions.Note(await _database.Records.LogPositionAsync(_connection));
            _database.Committed(all);
        }
        catch (Exception e) when (e is not StorageConflictException)
        {
            // Also a deferred rule of the plugin's tables, which speaks at the commit.
            throw SqlStatements.Explain(e, _database.Server.Address);
        }
        finally
        {
            _turn.Release();
            Rollback();
        }
    }

    public void Rollback()
    {
        if (Interlocked.Exchange(ref _ended, 1) == 1)
            return;
        _ending.Cancel();
        _ = Task.Run(CloseAsync);
    }

    /// <summary>Runs platform work on the connection, between statements of the plugin.</summary>
    public ValueTask<T> UseAsync<T>(Func<NpgsqlConnection, ValueTask<T>> work) => RunAsync(null, _ => work(_connection));

    private async Task CloseAsync()
    {
        // Work that did not see its end yet finds the statement cancelled; the connection goes back once nothing runs on it.
        await _turn.WaitAsync();
        try
        {
            await _connection.DisposeAsync();
        }
        catch (Exception e) when (Failures.IsOurs(e))
        {
            // A broken connection holds nothing any more.
        }
        finally
        {
            _turn.Release();
        }
    }

    private async ValueTask<T> RunAsync<T>(Scope? scope, Func<Func<NpgsqlBatch>, ValueTask<T>> run)
    {
        await _turn.WaitAsync();
        try
        {
            // Looked at in turn: once the unit has ended, its connection works for others.
            ObjectDisposedException.ThrowIf(!IsOpen || scope is { IsOpen: false }, typeof(ISqlSession));
            return await run(_connection.CreateBatch);
        }
        catch (Exception e) when (Failures.IsOurs(e) && !Failures.IsRepeatable(e))
        {
            throw SqlStatements.Explain(e, _database.Server.Address);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>One unit within the transaction.</summary>
    private sealed class Scope(OwnUnit unit, Scope? outer, bool isNested)
    {
        private readonly int _depth = (outer?._depth ?? 0) + 1;
        private int _inner;
        private volatile bool _closed;

        public OwnUnit Unit => unit;

        public Scope? Outer => outer;

        public bool IsOpen => !_closed && unit.IsOpen;

        public async ValueTask<T> RunAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, bool hasSavepoint, CancellationToken cancellationToken)
        {
            if (isNested && Interlocked.Exchange(ref outer!._inner, 1) == 1)
                throw new InvalidOperationException("Two units of work were begun at once within a third on the same database; they take turns: await one before the next.");
            var published = unit._events.Count;
            try
            {
                if (hasSavepoint)
                    await PlainAsync($"SAVEPOINT unit_{_depth}");
                Ambient.Value = this;
                try
                {
                    var result = await work(new Session(this), cancellationToken);
                    if (hasSavepoint)
                        await PlainAsync($"RELEASE unit_{_depth}");
                    return result;
                }
                catch
                {
                    if (hasSavepoint && unit.IsOpen)
                        await PlainAsync($"ROLLBACK TO unit_{_depth}");
                    unit._events.RemoveRange(published, unit._events.Count - published);
                    throw;
                }
            }
            finally
            {
                _closed = true;
                if (isNested)
                    Volatile.Write(ref outer!._inner, 0);
            }
        }

        private ValueTask<int> PlainAsync(string sql) => unit.UseAsync(async connection => await connection.RunAsync(sql));
    }

    private sealed class Session(Scope scope) : ISqlSession
    {
        private const int Chunk = 500;

        public string Dialect => scope.Unit.Dialect;

        public ValueTask<int> ExecuteAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null) =>
            scope.Unit.RunAsync(scope, async batchOf =>
            {
                await using var batch = batchOf();
                batch.Add("SAVEPOINT statement");
                var command = SqlStatements.Add(batch, SqlStatements.One(sql), parameters);
                batch.Add("RELEASE statement");
                await SendAsync(batch);
                return Math.Max(0, command.RecordsAffected);
            });

        public ValueTask<int> ExecuteManyAsync(string sql, ImmutableArray<string> parameters, IEnumerable<object?[]> rows)
        {
            ArgumentNullException.ThrowIfNull(rows);
            var statement = SqlStatements.One(sql);
            var places = statement.Parameters.Select(name => parameters.IndexOf(name) is var i and >= 0 ? i : throw SqlStatements.Unbound(name)).ToArray();
            return scope.Unit.RunAsync(scope, async batchOf =>
            {
                var changed = 0;
                foreach (var chunk in rows.Chunk(Chunk))
                {
                    await using var batch = batchOf();
                    batch.Add("SAVEPOINT statement");
                    foreach (var row in chunk)
                    {
                        var command = batch.Add(statement.Text);
                        for (var i = 0; i < places.Length; i++)
                            command.Parameters.Add(SqlStatements.Parameter(statement.Parameters[i], row[places[i]]));
                    }

                    batch.Add("RELEASE statement");
                    await SendAsync(batch);
                    changed += batch.BatchCommands.Cast<NpgsqlBatchCommand>().Sum(c => Math.Max(0, c.RecordsAffected));
                }

                return changed;
            });
        }

        public ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null) =>
            scope.Unit.RunAsync(scope, async batchOf =>
            {
                await using var batch = batchOf();
                batch.Add("SAVEPOINT statement");
                SqlStatements.Add(batch, SqlStatements.One(sql), parameters);
                batch.Add("RELEASE statement");
                try
                {
                    await using var reader = await batch.ExecuteReaderAsync(scope.Unit._ending.Token);
                    return await SqlStatements.ReadAsync(reader, scope.Unit._ending.Token);
                }
                catch (PostgresException)
                {
                    await scope.Unit._connection.RunAsync("ROLLBACK TO statement");
                    throw;
                }
            });

        public void Publish(EventMessage message)
        {
            ArgumentNullException.ThrowIfNull(message);
            ObjectDisposedException.ThrowIf(!scope.IsOpen, typeof(ISqlSession));
            scope.Unit._events.Add(OwnEvents.Stamp(message, scope.Unit._database.Plugin, scope.Unit._database.Tenant));
        }

        /// <summary>A statement that fails takes back itself only: the work may go on, as on other engines.</summary>
        private async Task SendAsync(NpgsqlBatch batch)
        {
            try
            {
                await batch.ExecuteNonQueryAsync(scope.Unit._ending.Token);
            }
            catch (PostgresException)
            {
                await scope.Unit._connection.RunAsync("ROLLBACK TO statement");
                throw;
            }
        }
    }
}
