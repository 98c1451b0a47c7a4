namespace Nexus.Data.Sqlite;

/// <summary>
/// The one writer of a database file. Jobs that wait while a commit is on its way to the disk are carried out together and share its fsync:
/// 1. take all waiting jobs and begin;
/// 2. apply each in order; a job that fails before it changed a row is failed alone;
/// 3. a job that fails after it changed rows takes the whole group back to 1, this time with a savepoint a job (the usual group has none, which saves two statements and the page copies a job);
/// 4. commit: one fsync for all; then acknowledge.
/// </summary>
internal sealed class GroupWriter : IDisposable
{
    private const int MaxGroup = 1024;

    private readonly Connection _connection;
    private readonly Action<IReadOnlyList<WriteJob>> _beforeCommit;
    private readonly Action _afterCommit;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _signal = new(0);
    private readonly Thread _thread;
    private Queue<WriteJob> _waiting = new();
    private Queue<WriteJob> _spare = new();
    private bool _idle = true;
    private bool _closed;
    private NexusException? _fault;

    public GroupWriter(Connection connection, Action<IReadOnlyList<WriteJob>> beforeCommit, Action afterCommit)
    {
        _connection = connection;
        _beforeCommit = beforeCommit;
        _afterCommit = afterCommit;
        _thread = new Thread(Run) { IsBackground = true, Name = "nexus-writer" };
        _thread.Start();
    }

    /// <summary>Why the disk took nothing the last time; null while it takes commits.</summary>
    public NexusException? Fault => Volatile.Read(ref _fault);

    public void Post(WriteJob job)
    {
        bool wake;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            _waiting.Enqueue(job);
            wake = _idle;
            _idle = false;
        }

        if (wake)
            _signal.Release();
    }

    /// <summary>Runs a piece of work on the writer, in a group like any other job.</summary>
    public Task<T> RunAsync<T>(Func<Connection, T> work)
    {
        var job = new DelegateJob<T>(work);
        Post(job);
        return job.Task;
    }

    /// <summary>Carries out what waits, then stops.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_closed)
                return;
            _closed = true;
        }

        _signal.Release();
        _thread.Join();
        _signal.Dispose();
        _connection.Dispose();
    }

    private void Run()
    {
        var group = new List<WriteJob>();
        while (true)
        {
            lock (_gate)
            {
                if (_waiting.Count == 0)
                {
                    if (_closed)
                        return;
                    _idle = true;
                }
                else
                {
                    (_waiting, _spare) = (_spare, _waiting);
                }
            }

            if (_spare.Count == 0)
            {
                _signal.Wait();
                continue;
            }

            while (_spare.Count > 0)
            {
                while (group.Count < MaxGroup && _spare.TryPeek(out var job) && !(job.IsAlone && group.Count > 0))
                {
                    group.Add(_spare.Dequeue());
                    if (job.IsAlone)
                        break;
                }

                Commit(group);
                group.Clear();
            }
        }
    }

    private void Commit(List<WriteJob> group)
    {
        try
        {
            if (!TryApply(group, savepoints: false))
            {
                _connection.RollbackIfOpen();
                TryApply(group, savepoints: true);
            }

            _beforeCommit(group);
            _connection.Run("COMMIT");
        }
        catch (Exception e)
        {
            _connection.RollbackIfOpen();
            if (e is SqliteFailure { IsStorageFault: true } failure)
                Volatile.Write(ref _fault, failure.Explain(_connection.File));
            foreach (var job in group)
                job.Fail(Translate(e));
            return;
        }

        Volatile.Write(ref _fault, null);
        _afterCommit();
        foreach (var job in group)
            job.Acknowledge();
    }

    private bool TryApply(List<WriteJob> group, bool savepoints)
    {
        _connection.Run("BEGIN IMMEDIATE");
        foreach (var job in group)
        {
            var before = _connection.TotalChanges;
            job.Failure = null;
            try
            {
                if (savepoints)
                    _connection.Run("SAVEPOINT job");
                job.Apply(_connection);
                if (savepoints)
                    _connection.Run("RELEASE job");
            }
            catch (Exception e)
            {
                if (!_connection.InTransaction || e is SqliteFailure { IsStorageFault: true })
                    throw;
                if (savepoints)
                    _connection.Execute("ROLLBACK TO job; RELEASE job");
                else if (_connection.TotalChanges != before || job.ChangesSchema)
                    return false;
                job.Failure = Translate(e);
            }
        }

        return true;
    }

    private Exception Translate(Exception e) => e is SqliteFailure failure ? failure.Explain(_connection.File) : e;

    private sealed class DelegateJob<T>(Func<Connection, T> work) : WriteJob
    {
        private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T _result = default!;

        public Task<T> Task => _done.Task;

        public override bool ChangesSchema => true;

        public override void Apply(Connection connection) => _result = work(connection);

        protected override void Succeed() => _done.TrySetResult(_result);

        protected override void Refuse(Exception failure) => _done.TrySetException(failure);
    }
}

/// <summary>Work for the <see cref="GroupWriter"/>. Applying it again after a roll-back has the same effect.</summary>
internal abstract class WriteJob
{
    /// <summary>Why this job alone was refused; null when it takes part in the commit.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Its statements may change the schema, which counts no rows.</summary>
    public virtual bool ChangesSchema => false;

    /// <summary>It shares its commit with no other job.</summary>
    public virtual bool IsAlone => false;

    /// <summary>Encoded audit entries of what was applied; a group's are written together before its commit.</summary>
    public virtual IReadOnlyList<byte[]> Entries => [];

    public abstract void Apply(Connection connection);

    public void Acknowledge()
    {
        if (Failure is { } failure)
            Refuse(failure);
        else
            Succeed();
    }

    public void Fail(Exception failure) => Refuse(Failure ?? failure);

    protected abstract void Succeed();

    protected abstract void Refuse(Exception failure);
}
