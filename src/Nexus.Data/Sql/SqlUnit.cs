using System.Collections.Immutable;
using Nexus.Data.Sqlite;

namespace Nexus.Data.Sql;

/// <summary>Runs one unit of work within a savepoint of the open commit, so that its failure takes nothing of the others. A unit that the work begins itself, on the same file, joins it with a savepoint of its own.</summary>
internal sealed class SqlUnit
{
    private static readonly AsyncLocal<SqlUnit?> Ambient = new();

    private readonly SqlFile _file;
    private readonly SqlHold? _hold;
    private readonly SqlUnit? _outer;
    private int _inner;
    private volatile bool _closed;

    private SqlUnit(SqlFile file, SqlHold? hold, SqlUnit? outer) => (_file, _hold, _outer) = (file, hold, outer);

    private bool IsOpen => !_closed && _hold is not { IsOpen: false };

    /// <summary>The open unit on a file in which the current flow runs, or null. Waiting for the file in there would be waiting for oneself.</summary>
    public static SqlUnit? Of(SqlFile file)
    {
        for (var unit = Ambient.Value; unit is not null; unit = unit._outer)
        {
            if (unit._file == file && unit.IsOpen)
                return unit;
        }

        return null;
    }

    public static ValueTask<T> RunAsync<T>(SqlFile file, SqlHold? hold, Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken) =>
        new SqlUnit(file, hold, Ambient.Value).RunAsync(work, cancellationToken);

    /// <summary>Runs a unit within this one.</summary>
    public async ValueTask<T> JoinAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _inner, 1) == 1)
            throw new InvalidOperationException("Two units of work were begun at once within a third on the same database; they take turns: await one before the next.");
        try
        {
            return await new SqlUnit(_file, _hold, this).RunAsync(work, cancellationToken);
        }
        finally
        {
            Volatile.Write(ref _inner, 0);
        }
    }

    private async ValueTask<T> RunAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken)
    {
        Run(writer => writer.Run("SAVEPOINT unit"));
        Ambient.Value = this;
        try
        {
            var result = await work(new Session(this), cancellationToken);
            Run(writer => writer.Run("RELEASE unit"));
            return result;
        }
        catch
        {
            lock (_file.Writer)
            {
                if (IsOpen && _file.Writer.InTransaction)
                    _file.Writer.Execute("ROLLBACK TO unit; RELEASE unit");
            }

            throw;
        }
        finally
        {
            _closed = true;
        }
    }

    private void Run(Action<Connection> run) => Run(writer =>
    {
        run(writer);
        return true;
    });

    private T Run<T>(Func<Connection, T> run)
    {
        lock (_file.Writer)
        {
            // Looked at under the lock: once the file is given back, the writer works for others.
            ObjectDisposedException.ThrowIf(!IsOpen, typeof(ISqlSession));
            return run(_file.Writer);
        }
    }

    private sealed class Session(SqlUnit unit) : ISqlSession
    {
        public ValueTask<int> ExecuteAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null) =>
            ValueTask.FromResult(Run(connection => SqlStatements.Execute(connection, sql, parameters)));

        public ValueTask<int> ExecuteManyAsync(string sql, ImmutableArray<string> parameters, IEnumerable<object?[]> rows)
        {
            ArgumentNullException.ThrowIfNull(rows);
            return ValueTask.FromResult(Run(connection => SqlStatements.ExecuteMany(connection, sql, parameters, rows)));
        }

        public ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null) =>
            ValueTask.FromResult(Run(connection => SqlStatements.Query(connection, sql, parameters, CancellationToken.None)));

        public void Publish(EventMessage message)
        {
            ArgumentNullException.ThrowIfNull(message);
            unit.Run(_ => unit._file.Publish(message));
        }

        private T Run<T>(Func<Connection, T> run)
        {
            try
            {
                return unit.Run(run);
            }
            catch (SqliteFailure e)
            {
                throw SqlStatements.Explain(e, unit._file.Path);
            }
        }
    }
}
