using System.Collections.Immutable;

namespace Nexus;

/// <summary>Relational databases, one a plugin: its own file on SQLite, its own schema and role on PostgreSQL.</summary>
public interface ISqlDatabases
{
    /// <summary>The database of a plugin; made at first use.</summary>
    ISqlDatabase Get(string plugin, string tenant);

    /// <summary>Whether a plugin has a database already; true when the engine cannot tell.</summary>
    bool Exists(string plugin, string tenant) => true;
}

/// <summary>A plugin's own relational database. SQL is that of the configured engine; parameters are named <c>@name</c>. Thread-safe.</summary>
public interface ISqlDatabase
{
    /// <summary>Dialect: <c>sqlite</c>, <c>postgresql</c>.</summary>
    string Dialect { get; }

    /// <summary>Reads rows on a snapshot; runs beside writers. Within an <see cref="IUnitOfWork"/> that has written to the database it sees those writes.</summary>
    ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken cancellationToken = default);

    /// <summary>Runs one unit of work: all its writes and events commit durably together or not at all. Units share fsyncs (group commit) but each sees the ones before it. The delegate may run again after a serialisation conflict, so it has no effects besides those on the session. A unit that the delegate begins on the same database joins it: its failure alone takes it back, and it is durable with the outer one. Within <see cref="IUnitOfWork"/> the writes are durable when that commits.</summary>
    ValueTask<T> WriteAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default);
}

/// <summary>A plugin's database that lives where the records live, so that a unit of work over both is one commit of the engine. Thread-safe.</summary>
public interface IJointDatabase : ISqlDatabase
{
    /// <summary>Begins such a unit; others that write to the database wait until it ends.</summary>
    ValueTask<IJointUnit> BeginAsync(CancellationToken cancellationToken);
}

/// <summary>A begun unit of work over a plugin's database and the records.</summary>
public interface IJointUnit
{
    /// <summary>The database as the unit sees it; its units of work join this one.</summary>
    ISqlDatabase Database { get; }

    /// <summary>Commits the rows and the batch together, or neither, and ends the unit.</summary>
    /// <exception cref="StorageConflictException">A condition of the batch does not hold.</exception>
    ValueTask CommitAsync(WriteBatch batch);

    /// <summary>Ends the unit without an effect; does nothing once it has ended. May be called while its work still runs.</summary>
    void Rollback();
}

/// <summary>A unit of work on a plugin's database. Not thread-safe; not used after its delegate returned.</summary>
public interface ISqlSession
{
    /// <summary>Dialect of its database: <c>sqlite</c>, <c>postgresql</c>.</summary>
    string Dialect => "sqlite";

    /// <summary>Runs a statement and returns the number of rows it changed.</summary>
    ValueTask<int> ExecuteAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null);

    /// <summary>Runs a statement once a row of values, in order: the fast way to store many. An engine prepares it once.</summary>
    /// <param name="sql">The statement.</param>
    /// <param name="parameters">Names of its parameters, in the order of the values.</param>
    /// <param name="rows">Values, one array a run. It is read while the statement runs and does not use the session itself.</param>
    /// <returns>Number of rows changed by all runs together.</returns>
    async ValueTask<int> ExecuteManyAsync(string sql, ImmutableArray<string> parameters, IEnumerable<object?[]> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var changed = 0;
        foreach (var row in rows)
            changed += await ExecuteAsync(sql, parameters.Select((name, i) => KeyValuePair.Create(name, row[i])).ToDictionary(StringComparer.Ordinal));
        return changed;
    }

    /// <summary>Reads rows as this unit of work sees them.</summary>
    ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null);

    /// <summary>Publishes an event if and only if the unit of work commits.</summary>
    void Publish(EventMessage message);
}

/// <summary>One row. Values are null, <see cref="long"/>, <see cref="double"/>, <see cref="string"/>, <see cref="decimal"/>, <see cref="bool"/> or a byte array.</summary>
public sealed record SqlRow(ImmutableArray<string> Columns, ImmutableArray<object?> Values)
{
    /// <summary>The value of a column, by name.</summary>
    public object? this[string column] => Values[Columns.IndexOf(column, StringComparer.OrdinalIgnoreCase) is var i && i >= 0 ? i : throw new KeyNotFoundException($"The row has no column {column}; it has {string.Join(", ", Columns)}.")];
}
