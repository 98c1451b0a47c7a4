using System.Collections.Immutable;
using Nexus.Data.Records;

namespace Nexus.Data.Sqlite;

/// <summary>The table of tasks as the writer thread uses it: add, claim, beat, settle. All methods run on the writer, inside its unit of work.</summary>
internal sealed class TaskTables(TimeProvider time)
{
    public const string Schema = """
        CREATE TABLE IF NOT EXISTS tasks (seq INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, task TEXT NOT NULL, plugin TEXT NOT NULL, tenant TEXT NOT NULL, state INTEGER NOT NULL, priority INTEGER NOT NULL, due INTEGER NOT NULL,
          attempt INTEGER NOT NULL, attempts INTEGER, fence INTEGER NOT NULL, lease INTEGER, cancel INTEGER NOT NULL, key TEXT, worker TEXT, created INTEGER NOT NULL, creator TEXT NOT NULL, correlation TEXT, schedule TEXT,
          started INTEGER, finished INTEGER, percent REAL, step TEXT, error TEXT, input TEXT NOT NULL, result TEXT, trace TEXT);
        CREATE INDEX IF NOT EXISTS tasks_due ON tasks (priority DESC, due, seq) WHERE state=0;
        CREATE INDEX IF NOT EXISTS tasks_lease ON tasks (lease) WHERE state=1;
        CREATE UNIQUE INDEX IF NOT EXISTS tasks_key ON tasks (tenant, task, key) WHERE key IS NOT NULL AND state<2;
        CREATE INDEX IF NOT EXISTS tasks_finished ON tasks (finished) WHERE state>1;
        CREATE INDEX IF NOT EXISTS tasks_count ON tasks (task, state, tenant);
        """;

    public const string Columns = "t.id,t.task,t.tenant,t.state,t.priority,t.due,t.attempt,t.attempts,t.fence,t.lease,t.cancel,t.key,t.worker,t.created,t.creator,t.correlation,t.schedule,t.started,t.finished,t.percent,t.step,t.error,t.input,t.result,t.trace";

    private const string LostWorker = "The worker stopped showing life during the last try.";

    /// <summary>The group of commits has something for those who wait; read and cleared after it.</summary>
    public bool Changed { get; set; }

    public long Now => RecordColumns.ToMicroseconds(time.GetUtcNow());

    /// <summary>Adds the columns that tables of earlier versions lack.</summary>
    public static void Complete(Connection connection)
    {
        if (connection.Scalar("SELECT count(*) FROM pragma_table_info('tasks') WHERE name='trace'") == 0)
            connection.Execute("ALTER TABLE tasks ADD COLUMN trace TEXT");
    }

    /// <summary>Stores a task, waiting. A known id adds nothing.</summary>
    public void Add(Connection connection, TaskEntry task)
    {
        Span<byte> id = stackalloc byte[16];
        task.Id.TryWriteBytes(id, bigEndian: true, out _);
        using var insert = connection.Prepare("INSERT INTO tasks (id,task,plugin,tenant,state,priority,due,attempt,attempts,fence,cancel,key,created,creator,correlation,schedule,input,trace) VALUES (?1,?2,?3,?4,0,?5,?6,0,?7,0,0,?8,?9,?10,?11,?12,?13,?14) ON CONFLICT (id) DO NOTHING");
        insert.BindBlob(1, id).Bind(2, task.Task).Bind(3, TaskName.PluginOf(task.Task)).Bind(4, task.Tenant).Bind(5, task.Priority)
            .Bind(6, RecordColumns.ToMicroseconds(task.DueAt)).Bind(7, task.MaxAttempts).Bind(8, task.Key)
            .Bind(9, RecordColumns.ToMicroseconds(task.CreatedAt)).Bind(10, task.CreatedBy).Bind(11, task.CorrelationId).Bind(12, task.Schedule).BindText(13, task.Input.Span).Bind(14, task.TraceParent);
        try
        {
            insert.Step();
        }
        catch (SqliteFailure e) when (e.IsUniqueViolation)
        {
            throw new StorageConflictException(new RecordKey(task.Tenant, ITaskStore.Keys, task.Key ?? ""), 1);
        }

        Changed = true;
    }

    /// <summary>Ends a try; false when its lease was lost.</summary>
    public bool Settle(Connection connection, TaskSettlement settlement)
    {
        Span<byte> id = stackalloc byte[16];
        settlement.Id.TryWriteBytes(id, bigEndian: true, out _);
        using var statement = connection.Prepare("""
            UPDATE tasks SET state=CASE WHEN ?3=0 AND cancel=1 THEN 4 ELSE ?3 END,due=CASE WHEN ?3=0 AND state=1 THEN ?4 ELSE due END,error=coalesce(?5,error),attempt=attempt-(?3=0 AND ?5 IS NULL AND state=1),
            finished=CASE WHEN ?3=0 AND cancel=0 THEN NULL ELSE ?6 END,result=?7,lease=NULL,percent=CASE WHEN ?3=2 THEN coalesce(percent,100) ELSE percent END WHERE id=?1 AND fence=?2 AND (state=1 OR (state=0 AND ?3=0 AND lease IS NOT NULL))
            """);
        statement.BindBlob(1, id).Bind(2, settlement.Fence).Bind(3, (long)settlement.State)
            .Bind(4, settlement.RetryAt is { } retry ? RecordColumns.ToMicroseconds(retry) : Now).Bind(5, settlement.Error).Bind(6, Now);
        if (!settlement.Result.IsEmpty)
            statement.BindText(7, settlement.Result.Span);
        statement.Step();
        Changed = true;
        return connection.Changes > 0;
    }

    /// <summary>Extends a lease and stores progress.</summary>
    public void Beat(Connection connection, TaskBeat beat, TimeSpan lease)
    {
        Span<byte> id = stackalloc byte[16];
        beat.Id.TryWriteBytes(id, bigEndian: true, out _);
        using var statement = connection.Prepare("UPDATE tasks SET lease=?3,percent=coalesce(?4,percent),step=coalesce(?5,step) WHERE id=?1 AND fence=?2 AND state=1");
        statement.BindBlob(1, id).Bind(2, beat.Fence).Bind(3, Now + Microseconds(lease));
        if (beat.Percent is { } percent)
            statement.Bind(4, percent);
        statement.Bind(5, beat.Step);
        statement.Step();
    }

    /// <summary>Takes due tasks under a lease.</summary>
    public ImmutableArray<TaskEntry> Claim(Connection connection, TaskClaim claim)
    {
        var now = Now;
        EndLostLeases(connection, claim, now);
        var free = claim.Tasks.GroupBy(t => t.Task, StringComparer.Ordinal).ToDictionary(t => t.Key, t => t.First().Free, StringComparer.Ordinal);
        var taken = ImmutableArray.CreateBuilder<TaskEntry>();
        using (var find = connection.Prepare($"SELECT {Columns} FROM tasks t INDEXED BY tasks_due WHERE t.state=0 AND t.due<=?1 AND (t.lease IS NULL OR t.lease<=?1) AND t.task IN (SELECT value FROM json_each(?2)) ORDER BY t.priority DESC,t.due,t.seq"))
        {
            find.Bind(1, now).Bind(2, Names(claim.Tasks.Where(t => t.Free > 0)));
            while (taken.Count < claim.Limit && free.Values.Any(f => f > 0) && find.Step())
            {
                var task = Read(find);
                if (free[task.Task]-- <= 0)
                    continue;
                var mine = task with { Fence = task.Fence + 1, LeaseUntil = RecordColumns.FromMicroseconds(now + Microseconds(claim.Lease)) };
                taken.Add(claim.Reserve ? mine : mine with { State = TaskState.Started, Attempt = task.Attempt + 1, Worker = claim.Worker, StartedAt = RecordColumns.FromMicroseconds(now) });
            }
        }

        Span<byte> id = stackalloc byte[16];
        foreach (var task in taken)
        {
            task.Id.TryWriteBytes(id, bigEndian: true, out _);
            using var start = connection.Prepare(claim.Reserve ? "UPDATE tasks SET fence=fence+1,lease=?2 WHERE id=?1" : "UPDATE tasks SET state=1,attempt=attempt+1,fence=fence+1,worker=?3,started=?4,lease=?2,percent=NULL,step=NULL WHERE id=?1");
            start.BindBlob(1, id).Bind(2, now + Microseconds(claim.Lease));
            if (!claim.Reserve)
                start.Bind(3, claim.Worker).Bind(4, now);
            start.Step();
        }

        return taken.ToImmutable();
    }

    /// <summary>Begins reserved tasks under a lease.</summary>
    public ImmutableArray<TaskEntry> Take(Connection connection, ImmutableArray<TaskReservation> reserved, string worker, TimeSpan lease)
    {
        var taken = ImmutableArray.CreateBuilder<TaskEntry>();
        Span<byte> id = stackalloc byte[16];
        foreach (var one in reserved)
        {
            one.Id.TryWriteBytes(id, bigEndian: true, out _);
            using (var start = connection.Prepare("UPDATE tasks SET state=1,attempt=attempt+1,worker=?3,started=?4,lease=?5,percent=NULL,step=NULL WHERE id=?1 AND fence=?2 AND state=0 AND lease IS NOT NULL"))
            {
                start.BindBlob(1, id).Bind(2, one.Fence).Bind(3, worker).Bind(4, Now).Bind(5, Now + Microseconds(lease));
                start.Step();
                if (connection.Changes == 0)
                    continue;
            }

            using var read = connection.Prepare($"SELECT {Columns} FROM tasks t WHERE t.id=?1");
            if (read.BindBlob(1, id).Step())
                taken.Add(Read(read));
        }

        return taken.ToImmutable();
    }

    /// <summary>Whether a claim would find something.</summary>
    public static bool IsDue(Connection connection, TaskClaim claim, long now)
    {
        using var look = connection.Prepare("SELECT 1 WHERE EXISTS (SELECT 1 FROM tasks INDEXED BY tasks_due WHERE state=0 AND due<=?1 AND (lease IS NULL OR lease<=?1) AND task IN (SELECT value FROM json_each(?2))) OR EXISTS (SELECT 1 FROM tasks INDEXED BY tasks_lease WHERE state=1 AND lease<=?1 AND task IN (SELECT value FROM json_each(?3)))");
        return look.Bind(1, now).Bind(2, Names(claim.Tasks.Where(t => t.Free > 0))).Bind(3, Names(claim.Tasks)).Step();
    }

    public static TaskEntry Read(Statement row) => new()
    {
        Id = new Guid(row.Bytes(0), bigEndian: true),
        Task = row.Text(1)!,
        Tenant = row.Text(2)!,
        State = (TaskState)row.Integer(3),
        Priority = (int)row.Integer(4),
        DueAt = RecordColumns.FromMicroseconds(row.Integer(5)),
        Attempt = (int)row.Integer(6),
        MaxAttempts = row.IsNull(7) ? null : (int)row.Integer(7),
        Fence = row.Integer(8),
        LeaseUntil = Instant(row, 9),
        CancelRequested = row.Integer(10) != 0,
        Key = row.Text(11),
        Worker = row.Text(12),
        CreatedAt = RecordColumns.FromMicroseconds(row.Integer(13)),
        CreatedBy = row.Text(14)!,
        CorrelationId = row.Text(15),
        Schedule = row.Text(16),
        StartedAt = Instant(row, 17),
        FinishedAt = Instant(row, 18),
        Percent = row.Scalar(19).Value is double percent ? percent : null,
        Step = row.Text(20),
        Error = row.Text(21),
        Input = row.Bytes(22),
        Result = row.Bytes(23),
        TraceParent = row.Text(24),
    };

    private static DateTimeOffset? Instant(Statement row, int column) => row.IsNull(column) ? null : RecordColumns.FromMicroseconds(row.Integer(column));

    private static long Microseconds(TimeSpan span) => span.Ticks / TimeSpan.TicksPerMicrosecond;

    private static string Names(IEnumerable<TaskCapacity> tasks) => System.Text.Json.JsonSerializer.Serialize(tasks.Select(t => t.Task));

    private static void EndLostLeases(Connection connection, TaskClaim claim, long now)
    {
        var limits = System.Text.Json.JsonSerializer.Serialize(claim.Tasks.DistinctBy(t => t.Task).ToDictionary(t => t.Task, t => t.MaxAttempts));
        using var end = connection.Prepare("""
            UPDATE tasks SET state=CASE WHEN cancel=1 THEN 4 WHEN attempt>=coalesce(attempts,l.value) THEN 3 ELSE 0 END,
            finished=CASE WHEN cancel=1 OR attempt>=coalesce(attempts,l.value) THEN ?1 ELSE NULL END,error=?3,lease=NULL,due=?1,fence=fence+1
            FROM json_each(?2) l WHERE l.key=tasks.task AND tasks.state=1 AND tasks.lease<=?1
            """);
        end.Bind(1, now).Bind(2, limits).Bind(3, LostWorker).Step();
    }
}
