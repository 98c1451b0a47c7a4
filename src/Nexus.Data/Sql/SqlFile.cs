using System.Collections.Immutable;
using System.Text.Json;
using Nexus.Data.Events;
using Nexus.Data.Sqlite;
using Nexus.Data.Units;

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
        CREATE TABLE IF NOT EXISTS nexus_unit (id TEXT PRIMARY KEY, batch TEXT NOT NULL);
        """;

    private readonly SemaphoreSlim _turn = new(1);
    private readonly ReaderPool _readers;
    private readonly OutboxRelay _relay;
    private readonly MainPart _main;
    private readonly string _plugin;
    private readonly string _tenant;
    private List<TaskCompletionSource> _group = [];
    private bool _published;
    private bool _isComplete;
    private int _waiting;

    public SqlFile(string path, string plugin, string tenant, bool durable, MainPart main, PoolLimit? limit)
    {
        Path = path;
        (_plugin, _tenant, _main) = (plugin, tenant, main);
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

        _readers = new ReaderPool(path, limit, SqlGuard.Install);
        _relay = new OutboxRelay(this, main.Relay);
    }

    public string Path { get; }

    public PoolUse Pool => _readers.Use;

    public string Dialect => "sqlite";

    internal Connection Writer { get; }

    public ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null, CancellationToken cancellationToken = default)
    {
        try
        {
            if (UnitOfWork.Of(_plugin)?.Sql is SqlHold unit && unit.File == this)
                return ValueTask.FromResult(unit.Query(sql, parameters, cancellationToken));
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
        if (SqlUnit.Of(this) is { } outer)
            return await outer.JoinAsync(work, cancellationToken);
        if (UnitOfWork.Of(_plugin) is { } unit)
            return await SqlUnit.RunAsync(this, await unit.EnlistAsync(this, () => SqlHold.TakeAsync(this)), work, cancellationToken);
        await EnterAsync();
        var durable = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        T result;
        try
        {
            if (!Writer.InTransaction)
                Writer.Run("BEGIN IMMEDIATE");
            result = await SqlUnit.RunAsync(this, null, work, cancellationToken);
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

    /// <summary>Begins to bring events to the event store, those of an earlier run first.</summary>
    public void StartRelay() => _relay.Start();

    /// <summary>Stores, in the open commit, what a unit of work will write to the main file.</summary>
    public void Remember(string id, WriteBatch batch)
    {
        Writer.Run("DELETE FROM nexus_unit");
        using var insert = Writer.Prepare("INSERT INTO nexus_unit (id,batch) VALUES (?1,?2)");
        insert.Bind(1, id).BindText(2, JsonSerializer.SerializeToUtf8Bytes(batch)).Step();
        _isComplete = false;
    }

    /// <summary>Both halves of the remembered unit are committed.</summary>
    public void Completed() => _isComplete = true;

    /// <summary>Brings to the main file what a unit of work that was decided here could not write there. The file is held, or nobody uses it yet.</summary>
    public async Task CompleteAsync()
    {
        if (_isComplete)
            return;
        foreach (var (id, batch) in Decided())
            await _main.Complete(System.IO.Path.GetFileNameWithoutExtension(Path), id, batch);
        _isComplete = true;
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
        insert.BindText(1, JsonSerializer.SerializeToUtf8Bytes(OwnEvents.Stamp(message, _plugin, _tenant)));
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

    private List<(string Id, WriteBatch Batch)> Decided()
    {
        var decided = new List<(string, WriteBatch)>();
        using var statement = Writer.Prepare("SELECT id,batch FROM nexus_unit");
        while (statement.Step())
            decided.Add((statement.Text(0)!, JsonSerializer.Deserialize<WriteBatch>(statement.Bytes(1))!));
        return decided;
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

/// <summary>What SQL files need of the main file.</summary>
/// <param name="Relay">Stores events, those that are known excepted.</param>
/// <param name="Complete">Writes the batch of a decided unit of work, unless it is there.</param>
internal sealed record MainPart(Func<ImmutableArray<EventMessage>, Task> Relay, Func<string, string, WriteBatch, Task> Complete);
