using System.Collections.Immutable;
using Nexus.Data.Sqlite;

namespace Nexus.Data.Sql;

/// <summary>The open unit of work in which a plugin's files are migrated. Until it ends, others read the files as they were and their writes wait.</summary>
internal sealed class SqlChange : IAsyncDisposable
{
    private readonly List<SqlFile> _held = [];
    private readonly SqlFiles _files;
    private readonly string _plugin;
    private State _state = State.Open;

    private SqlChange(SqlFiles files, string plugin)
    {
        _files = files;
        _plugin = plugin;
        Database = new ChangingDatabase(this);
    }

    private enum State
    {
        Open,
        Committed,
        Undone,
    }

    public ISqlDatabase Database { get; }

    /// <summary>Migrates; without migrations nothing is held and the database is the plain one.</summary>
    public static async Task<SqlChange> BeginAsync(SqlFiles files, string plugin, ImmutableArray<SqlMigration> migrations)
    {
        var change = new SqlChange(files, plugin);
        if (migrations.IsDefaultOrEmpty)
        {
            change._state = State.Committed;
            return change;
        }

        try
        {
            foreach (var file in files.All(plugin))
            {
                await file.HoldAsync();
                change._held.Add(file);
                file.Writer.Run("BEGIN IMMEDIATE");
                SqlMigrations.Run(file, plugin, migrations);
            }

            return change;
        }
        catch (Exception e)
        {
            await change.DisposeAsync();
            throw e is SqliteFailure failure ? new NexusException(ErrorCodes.MigrationFailed, $"The database of {plugin} cannot be migrated: {failure.Message}. The data is as it was.", e) : e;
        }
    }

    public void Commit()
    {
        if (_state != State.Open)
            return;
        foreach (var file in _held)
        {
            try
            {
                file.Writer.Run("COMMIT");
            }
            catch (SqliteFailure e)
            {
                throw new NexusException(ErrorCodes.MigrationFailed, $"The migrations of {_plugin} cannot be committed: {e.Message}. The data is as it was.", e);
            }
        }

        _state = State.Committed;
        Release();
    }

    public ValueTask DisposeAsync()
    {
        if (_state != State.Open)
            return ValueTask.CompletedTask;
        _state = State.Undone;
        foreach (var file in _held)
            file.Writer.RollbackIfOpen();
        Release();
        return ValueTask.CompletedTask;
    }

    private void Release()
    {
        foreach (var file in _held)
            file.Release();
        _held.Clear();
    }

    /// <summary>The database of the tenant of the current call, as the new generation sees it.</summary>
    /// <remarks>Its semaphore is never waited on by handle, so it holds nothing that needs disposal.</remarks>
#pragma warning disable CA1001
    private sealed class ChangingDatabase(SqlChange change) : ISqlDatabase
#pragma warning restore CA1001
    {
        private readonly SemaphoreSlim _turn = new(1);

        public string Dialect => "sqlite";

        public ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken cancellationToken = default) =>
            change._state == State.Open
                ? WriteAsync((session, _) => session.QueryAsync(sql, parameters), cancellationToken)
                : Served().QueryAsync(sql, parameters, cancellationToken);

        public async ValueTask<T> WriteAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default)
        {
            if (change._state == State.Open && SqlUnit.Of(change._held[0]) is { } outer)
                return await outer.JoinAsync(work, cancellationToken);
            if (change._state == State.Open)
            {
                await _turn.WaitAsync(cancellationToken);
                try
                {
                    if (change._state == State.Open)
                        return await SqlUnit.RunAsync(change._held[0], null, work, cancellationToken);
                }
                finally
                {
                    _turn.Release();
                }
            }

            return await Served().WriteAsync(work, cancellationToken);
        }

        private ISqlDatabase Served() => change._state == State.Undone
            ? throw new NexusException(ErrorCodes.ServiceUnavailable, $"The change of the database of {change._plugin} was undone; this generation was never published.")
            : change._files.Get(change._plugin, CallContext.Current.Tenant);
    }
}
