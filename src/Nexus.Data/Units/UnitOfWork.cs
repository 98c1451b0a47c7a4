using System.Collections.Immutable;

namespace Nexus.Data.Units;

/// <summary>An open unit of work of one plugin, found by whatever the plugin's code calls in the same flow.</summary>
/// <param name="plugin">The plugin whose writes take part.</param>
/// <param name="outer">The unit of another plugin in which this one was begun, or null.</param>
internal sealed class UnitOfWork(string plugin, UnitOfWork? outer)
{
    private static readonly AsyncLocal<UnitOfWork?> Ambient = new();

    private readonly Lock _gate = new();
    private readonly StagedRecords _staged = new();
    private readonly List<RecordWrite> _writes = [];
    private readonly List<EventMessage> _events = [];
    private readonly List<AuditEntry> _audit = [];
    private readonly List<TaskEntry> _tasks = [];
    private ISqlHold? _sql;
    private State _state = State.Open;

    private enum State
    {
        Open,
        Committed,
        GivenUp,
    }

    /// <summary>The unit of the current flow, open or not, of any plugin.</summary>
    public static UnitOfWork? Current
    {
        get => Ambient.Value;
        set => Ambient.Value = value;
    }

    /// <summary>The part in the plugin's SQL database, or null.</summary>
    public ISqlHold? Sql => _sql;

    public StagedRecords Staged => _staged;

    public bool IsEmpty
    {
        get
        {
            lock (_gate)
                return _writes.Count == 0 && _events.Count == 0 && _tasks.Count == 0 && _sql is null;
        }
    }

    /// <summary>The open unit of a plugin in the current flow. What a plugin left running behind a committed unit writes on its own again.</summary>
    /// <exception cref="NexusException">The unit was given up: what still runs of it must not have an effect, since its work runs again.</exception>
    public static UnitOfWork? Of(string plugin)
    {
        for (var unit = Ambient.Value; unit is not null; unit = unit.Outer)
        {
            if (unit.Plugin != plugin)
                continue;
            return unit._state switch
            {
                State.Open => unit,
                State.GivenUp => throw new NexusException(ErrorCodes.Conflict, $"A unit of work of {plugin} was given up, after its time limit or a failure; code of it that still runs cannot write any more."),
                _ => null,
            };
        }

        return null;
    }

    private string Plugin => plugin;

    private UnitOfWork? Outer => outer;

    public void Add(RecordWrite write, StoredRecord? staged)
    {
        lock (_gate)
        {
            CheckOpen();
            _writes.Add(write);
            _staged.Set(write.Key, staged);
        }
    }

    public void Publish(IEnumerable<EventMessage> messages)
    {
        lock (_gate)
        {
            CheckOpen();
            _events.AddRange(messages);
        }
    }

    /// <summary>Adds a task; returns its id, or that of the one that has its key already.</summary>
    public Guid Enqueue(TaskEntry task)
    {
        lock (_gate)
        {
            CheckOpen();
            if (task.Key is { } key && _tasks.Find(t => t.Key == key && t.Task == task.Task && t.Tenant == task.Tenant) is { } same)
                return same.Id;
            _tasks.Add(task);
            return task.Id;
        }
    }

    public void Audit(IEnumerable<AuditEntry> entries)
    {
        lock (_gate)
        {
            CheckOpen();
            _audit.AddRange(entries);
        }
    }

    /// <summary>Takes the plugin's database for the rest of the unit: others that write to it wait.</summary>
    public async ValueTask<THold> EnlistAsync<THold>(object target, Func<ValueTask<THold>> take)
        where THold : class, ISqlHold
    {
        if (_sql is null)
        {
            var hold = await take();
            lock (_gate)
            {
                if (_state == State.Open && _sql is null)
                    _sql = hold;
            }

            if (_sql != hold)
                hold.Rollback();
        }

        lock (_gate)
            CheckOpen();
        return _sql is THold own && _sql.Target == target ? own : throw new InvalidOperationException($"A unit of work writes to one SQL database; this one of {plugin} holds another already.");
    }

    /// <summary>Ends the unit and returns what is to be committed.</summary>
    public WriteBatch Close()
    {
        lock (_gate)
        {
            CheckOpen();
            _state = State.Committed;
            return new WriteBatch { Writes = [.. _writes], Events = [.. _events], Audit = [.. _audit], Tasks = [.. _tasks] };
        }
    }

    /// <summary>Ends the unit without an effect: its work or its commit failed.</summary>
    public void GiveUp()
    {
        lock (_gate)
            _state = State.GivenUp;
        _sql?.Rollback();
    }

    /// <summary>Ends the unit at the end of its time. A commit that has begun is not disturbed.</summary>
    public void TimeOut()
    {
        lock (_gate)
        {
            if (_state != State.Open)
                return;
            _state = State.GivenUp;
        }

        _sql?.Rollback();
    }

    private void CheckOpen()
    {
        if (_state != State.Open)
            throw new NexusException(ErrorCodes.Conflict, $"The unit of work of {plugin} has ended.");
    }
}

/// <summary>A plugin's SQL database as part of a unit of work, from the unit's first write to its end.</summary>
internal interface ISqlHold
{
    /// <summary>The database.</summary>
    object Target { get; }

    /// <summary>Commits its rows together with the batch, or neither.</summary>
    ValueTask CommitAsync(WriteBatch batch, IStorage storage);

    void Rollback();
}
