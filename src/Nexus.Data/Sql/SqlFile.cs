using System.Collections.Immutable;
using System.Text.Json;
using Nexus.Data.Sqlite;

namespace Nexus.Data.Sql;

/// <summary>
/// The database file of one plugin and tenant. Units of work take turns on its one writing connection and share fsyncs: whoever ends its unit while another waits leaves the commit to that one, the last commits for all.
/// The unit runs in its caller's own flow, so nothing here holds code of a plugin after its call.
/// </summary>
internal sealed class SqlFile : ISqlDatabase, IDisposable
{
    private const int MaxGroup = 256;

    private const string Schema = """
        CREATE TABLE IF NOT EXISTS nexus_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, sql TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS nexus_outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, message TEXT NOT NULL);
        """;

    private readonly SemaphoreSlim _turn = new(1);
    private readonly ReaderPool _readers;
    private readonly OutboxRelay _relay;
    private List<TaskCompletionSource> _group = [];
    private bool _published;
    private int _waiting;

    public SqlFile(string path, bool durable, Func<ImmutableArray<EventMessage>, Task> relay)
    {
        Path = path;
        try
        {
            Writer = Connection.OpenWriter(path, durable);
            Writer.Execute(Schema);
            SqlGuard.Install(Writer);
        }
        catch (SqliteFailure e)
        {
            Writer?.Dispose();
            throw e.Explain(path);
        }

        _readers = new ReaderPool(path, SqlGuard.Install);
        _relay = new OutboxRelay(this, relay);
        _relay.Start();
    }

    public string Path { get; }

    public string Dialect => "sqlite";

    internal Connection Writer { get; }

    public ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken cancellationToken = default)
    {
        try
        {
            var connection = _readers.Rent();
            try
            {
                return ValueTask.FromResult(SqlStatements.Query(connection, sql, parameters, cancellationToken));
            }
            finally
            {
                _readers.Return(connection);
            }
        }
        catch (SqliteFailure e)
        {
            throw SqlStatements.Explain(e, Path);
        }
    }

    public async ValueTask<T> WriteAsync<T>(Func<ISqlSession, CancellationToken, ValueTask<T>> work, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(work);
        cancellationToken.ThrowIfCancellationRequested();
        await EnterAsync();
        var durable = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        T result;
        try
        {
            if (!Writer.InTransaction)
                Writer.Run("BEGIN IMMEDIATE");
            result = await SqlUnit.RunAsync(this, work, cancellationToken);
            _group.Add(durable);
        }
        catch (SqliteFailure e)
        {
            throw SqlStatements.Explain(e, Path);
        }
        finally
        {
            Leave();
        }

        await durable.Task;
        return result;
    }

    /// <summary>Takes the writer for a longer time; what others have applied is committed first.</summary>
    public async Task HoldAsync()
    {
        await EnterAsync();
        CommitGroup();
    }

    /// <summary>Gives the writer back after <see cref="HoldAsync"/>; its unit of work must have ended.</summary>
    public void Release()
    {
        _turn.Release();
        _relay.Start();
    }

    /// <summary>Reads on a snapshot, for the platform's own tables.</summary>
    public T Read<T>(Func<Connection, T> read)
    {
        var connection = _readers.Rent();
        try
        {
            return read(connection);
        }
        finally
        {
            _readers.Return(connection);
        }
    }

    public void Publish(EventMessage message)
    {
        using var insert = Writer.Prepare("INSERT INTO nexus_outbox (message) VALUES (?1)");
        insert.BindText(1, JsonSerializer.SerializeToUtf8Bytes(message));
        insert.Step();
        _published = true;
    }

    public void Dispose()
    {
        // A schema change that nobody ended must not stop the node from ending; closing undoes it.
        if (_turn.Wait(TimeSpan.FromSeconds(5)))
            CommitGroup();
        _relay.Dispose();
        _readers.Dispose();
        Writer.Dispose();
    }

    private async Task EnterAsync()
    {
        // Not cancellable: whoever counts as waiting may be the one who has to commit for those before.
        Interlocked.Increment(ref _waiting);
        await _turn.WaitAsync();
        Interlocked.Decrement(ref _waiting);
    }

    private void Leave()
    {
        if (Volatile.Read(ref _waiting) == 0 || _group.Count >= MaxGroup || !Writer.InTransaction)
            CommitGroup();
        _turn.Release();
    }

    private void CommitGroup()
    {
        var group = _group;
        if (group.Count > 0)
            _group = [];
        var published = _published;
        _published = false;
        try
        {
            if (Writer.InTransaction)
                Writer.Run("COMMIT");
            else if (group.Count > 0)
                throw new NexusException(ErrorCodes.StorageUnavailable, $"{Path}: the unit of work was rolled back by a failure of another one.");
        }
        catch (Exception e)
        {
            Writer.RollbackIfOpen();
            foreach (var member in group)
                member.TrySetException(e is SqliteFailure failure ? failure.Explain(Path) : e);
            return;
        }

        foreach (var member in group)
            member.TrySetResult();
        if (published)
            _relay.Start();
    }
}
