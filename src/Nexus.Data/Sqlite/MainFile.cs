using System.Collections.Immutable;
using System.Security.Cryptography;
using Nexus.Data.Events;
using Nexus.Data.Search;

namespace Nexus.Data.Sqlite;

/// <summary>The main database file <c>nexus.db</c>: records, documents, events, blob references. One writer, many readers.</summary>
internal sealed class MainFile : IDisposable
{
    private const string Schema = """
        CREATE TABLE IF NOT EXISTS nexus_meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS nexus_pending (plugin TEXT NOT NULL, undo TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS nexus_units (name TEXT PRIMARY KEY, id TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS blobs (owner TEXT NOT NULL, tenant TEXT NOT NULL, sha256 TEXT NOT NULL, length INTEGER NOT NULL, PRIMARY KEY (owner,tenant,sha256)) WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS blobs_sha256 ON blobs (sha256);
        INSERT INTO nexus_meta VALUES ('sequence', 0) ON CONFLICT DO NOTHING;
        """;

    private readonly ReaderPool _readers;
    private volatile ImmutableDictionary<string, SearchFields> _searchable = ImmutableDictionary<string, SearchFields>.Empty;
    private long _sequence;

    private MainFile(string path, Connection connection, TimeProvider time, PoolLimit? limit)
    {
        Path = path;
        Events = new EventTables(time);
        Tasks = new TaskTables(time);
        Audit = new SqliteAudit(this);
        connection.Execute(Schema + EventTables.Schema + TaskTables.Schema + SqliteAudit.Schema + TableSql.Of(IStorage.Documents).Create + ";" + PlannerStatistics.Schema);
        TaskTables.Complete(connection);
        UndoUnfinished(connection);
        using (var secret = connection.Prepare("INSERT INTO nexus_meta VALUES ('cursor', ?1) ON CONFLICT DO NOTHING"))
        {
            secret.BindBlob(1, RandomNumberGenerator.GetBytes(32));
            secret.Step();
        }

        using (var secret = connection.Prepare("SELECT value FROM nexus_meta WHERE name='cursor'"))
        {
            secret.Step();
            CursorSecret = secret.Bytes(0);
        }

        _sequence = connection.Scalar("SELECT value FROM nexus_meta WHERE name='sequence'") ?? 0;
        Events.LoadGroups(connection);
        LoadSearchable(connection);
        _readers = new ReaderPool(path, limit);
        Writer = new GroupWriter(connection, jobs => BeforeCommit(connection, jobs), AfterCommit);
    }

    public string Path { get; }

    public GroupWriter Writer { get; }

    public EventTables Events { get; }

    public TaskTables Tasks { get; }

    public SqliteAudit Audit { get; }

    public PoolUse Pool => _readers.Use;

    public CommitSignal Signal { get; } = new();

    public CommitSignal TaskSignal { get; } = new();

    public byte[] CursorSecret { get; }

    public static MainFile Open(string path, TimeProvider time, PoolLimit? limit = null)
    {
        Connection? connection = null;
        try
        {
            connection = Connection.OpenWriter(path);
            return new MainFile(path, connection, time, limit);
        }
        catch (SqliteFailure e)
        {
            connection?.Dispose();
            throw e.Explain(path);
        }
    }

    /// <summary>Position of the next acknowledged commit. Called by the writer in the order of acknowledgement.</summary>
    public long NextSequence() => ++_sequence;

    public SearchFields SearchOf(string table) => _searchable.GetValueOrDefault(table, SearchFields.None);

    public void LoadSearchable(Connection connection)
    {
        var tables = ImmutableDictionary.CreateBuilder<string, SearchFields>();
        using var statement = connection.Prepare("SELECT substr(name,8),value FROM nexus_meta WHERE name LIKE 'search:%'");
        while (statement.Step())
            tables[statement.Text(0)!] = SearchFields.Read(statement.Text(1)!);
        _searchable = tables.ToImmutable();
    }

    /// <summary>Reads on a snapshot that has every commit acknowledged before the call.</summary>
    public TResult Read<TState, TResult>(TState state, Func<Connection, TState, TResult> read)
    {
        try
        {
            var connection = _readers.Rent();
            try
            {
                return read(connection, state);
            }
            finally
            {
                _readers.Return(connection);
            }
        }
        catch (SqliteFailure e)
        {
            throw e.Explain(Path);
        }
    }

    public void Dispose()
    {
        _readers.Dispose();
        Writer.Dispose();
    }

    /// <summary>A schema change that a crash cut off before its commit is undone before anything is served.</summary>
    private static void UndoUnfinished(Connection connection)
    {
        var undo = new List<string>();
        using (var statement = connection.Prepare("SELECT undo FROM nexus_pending"))
        {
            while (statement.Step())
                undo.Add(statement.Text(0)!);
        }

        if (undo.Count > 0)
            connection.Execute($"BEGIN; {string.Join(' ', undo)} DELETE FROM nexus_pending; COMMIT;");
    }

    private void BeforeCommit(Connection connection, IReadOnlyList<WriteJob> jobs)
    {
        Audit.Append(connection, jobs.Where(static job => job.Failure is null).SelectMany(static job => job.Entries));
        ReserveSequence(connection, jobs.Count);
    }

    /// <summary>The stored number may run ahead of the acknowledged ones, never behind: after a restart positions still grow.</summary>
    private void ReserveSequence(Connection connection, int jobs)
    {
        using var statement = connection.Prepare("UPDATE nexus_meta SET value=?1 WHERE name='sequence'");
        statement.Bind(1, _sequence + jobs);
        statement.Step();
    }

    private void AfterCommit()
    {
        Audit.Committed();
        if (Tasks.Changed)
        {
            Tasks.Changed = false;
            TaskSignal.Fire();
        }

        if (!Events.Appended)
            return;
        Events.Appended = false;
        Signal.Fire();
    }
}
