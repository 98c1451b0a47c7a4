using System.Collections.Immutable;
using System.Text.Json;
using Nexus.Data.Events;
using Nexus.Data.Records;

namespace Nexus.Data.Sqlite;

/// <summary>The tasks in the main file.</summary>
internal sealed class SqliteTasks(MainFile file, TimeProvider time) : ITaskStore
{
    public ValueTask<ImmutableArray<TaskEntry>> ClaimAsync(TaskClaim claim, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(claim);
        return WaitLoop.RunAsync(claim.MaxWait, file.TaskSignal, time, async () =>
        {
            // A look beside the writer first: waiting claims must not cost a commit each.
            var due = file.Read((claim, file.Tasks.Now), static (connection, state) => TaskTables.IsDue(connection, state.claim, state.Now));
            var taken = due ? await file.Writer.RunAsync(connection => file.Tasks.Claim(connection, claim)) : [];
            return (taken, taken.Length > 0);
        }, cancellationToken);
    }

    public async ValueTask<ImmutableArray<TaskEntry>> TakeAsync(ImmutableArray<TaskReservation> reserved, string worker, TimeSpan lease, CancellationToken cancellationToken) =>
        await file.Writer.RunAsync(connection => file.Tasks.Take(connection, reserved, worker, lease));

    public async ValueTask BeatAsync(ImmutableArray<TaskBeat> beats, TimeSpan lease, CancellationToken cancellationToken) => await file.Writer.RunAsync(connection =>
    {
        foreach (var beat in beats)
            file.Tasks.Beat(connection, beat, lease);
        return true;
    });

    public async ValueTask SettleAsync(ImmutableArray<TaskSettlement> settlements, CancellationToken cancellationToken) => await file.Writer.RunAsync(connection =>
    {
        foreach (var settlement in settlements)
            file.Tasks.Settle(connection, settlement);
        return true;
    });

    public ValueTask<ImmutableArray<TaskEntry>> ListAsync(TaskQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        return ValueTask.FromResult(file.Read(query, static (connection, query) => List(connection, query, "").Select(t => t.Task).ToImmutableArray()));
    }

    public async ValueTask<ImmutableArray<TaskEntry>> ChangeAsync(TaskChange change, TaskQuery which, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(which);
        return await file.Writer.RunAsync(connection =>
        {
            file.Tasks.Changed = true;
            return Change(connection, change, which, file.Tasks.Now);
        });
    }

    public async ValueTask<ImmutableArray<TaskEntry>> PurgeAsync(TaskPurge purge, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(purge);
        return await file.Writer.RunAsync(connection =>
        {
            var gone = new List<(long Sequence, TaskEntry Task)>();
            using (var find = connection.Prepare($"SELECT {TaskTables.Columns},t.seq FROM tasks t INDEXED BY tasks_finished WHERE t.state>1 AND t.finished<?1 ORDER BY t.finished LIMIT ?2"))
            {
                find.Bind(1, RecordColumns.ToMicroseconds(purge.FinishedBefore)).Bind(2, purge.Limit);
                while (find.Step())
                    gone.Add((find.Integer(25), TaskTables.Read(find)));
            }

            foreach (var (sequence, _) in gone)
            {
                using var delete = connection.Prepare("DELETE FROM tasks WHERE seq=?1");
                delete.Bind(1, sequence).Step();
            }

            return gone.Select(t => t.Task).ToImmutableArray();
        });
    }

    public ValueTask<ImmutableArray<TaskCount>> CountAsync(string? tenant, TaskState? state, CancellationToken cancellationToken) => ValueTask.FromResult(file.Read((tenant, state), static (connection, of) =>
    {
        var counts = ImmutableArray.CreateBuilder<TaskCount>();
        using var statement = connection.Prepare("SELECT task,state,count(*),min(due) FROM tasks WHERE (?1 IS NULL OR tenant=?1) AND (?2 IS NULL OR state=?2) GROUP BY task,state ORDER BY task,state");
        statement.Bind(1, of.tenant).Bind(2, (long?)of.state);
        while (statement.Step())
            counts.Add(new TaskCount(statement.Text(0)!, (TaskState)statement.Integer(1), statement.Integer(2), RecordColumns.FromMicroseconds(statement.Integer(3))));
        return counts.ToImmutable();
    }));

    private static ImmutableArray<TaskEntry> Change(Connection connection, TaskChange change, TaskQuery which, long now)
    {
        var found = List(connection, which, change switch
        {
            TaskChange.Cancel => " AND t.state<2 AND t.cancel=0",
            TaskChange.Abandon => " AND t.state=1",
            _ => " AND t.state IN (3,4)",
        });
        var changed = ImmutableArray.CreateBuilder<Guid>();
        foreach (var (sequence, task) in found)
        {
            using var statement = connection.Prepare(change switch
            {
                TaskChange.Cancel => "UPDATE tasks SET cancel=1,finished=CASE state WHEN 0 THEN ?2 END,lease=CASE state WHEN 0 THEN NULL ELSE lease END,state=CASE state WHEN 0 THEN 4 ELSE 1 END WHERE seq=?1",
                TaskChange.Abandon => "UPDATE tasks SET cancel=1,state=4,finished=?2,lease=NULL,fence=fence+1 WHERE seq=?1",
                _ => "UPDATE OR IGNORE tasks SET state=0,attempt=0,due=?2,cancel=0,finished=NULL,started=NULL,lease=NULL,error=NULL,result=NULL,percent=NULL,step=NULL,fence=fence+1 WHERE seq=?1",
            });
            statement.Bind(1, sequence).Bind(2, now).Step();
            if (connection.Changes > 0)
                changed.Add(task.Id);
        }

        return changed.Count == 0 ? [] : [.. List(connection, new TaskQuery { Ids = changed.ToImmutable(), Limit = changed.Count }, "").Select(t => t.Task)];
    }

    private static List<(long Sequence, TaskEntry Task)> List(Connection connection, TaskQuery query, string more)
    {
        // Few sizes, so that the cache of statements holds them.
        var size = query.Ids.IsDefaultOrEmpty ? 0 : (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)query.Ids.Length);
        if (!query.Ids.IsDefault && size == 0)
            return [];
        var ids = size == 0 ? "1" : $"t.id IN ({string.Join(',', Enumerable.Range(10, size).Select(n => $"?{n}"))})";
        using var statement = connection.Prepare($"""
            SELECT {TaskTables.Columns},t.seq FROM tasks t WHERE {ids} AND (?2 IS NULL OR t.tenant=?2) AND (?3 IS NULL OR t.plugin=?3) AND (?4 IS NULL OR t.task=?4) AND (?5 IS NULL OR t.state=?5)
            AND (?6 IS NULL OR (t.key=?6 AND t.state<2)) AND (?7 IS NULL OR t.schedule=?7) AND (?8 IS NULL OR t.seq<(SELECT seq FROM tasks WHERE id=?8)){more} ORDER BY t.seq DESC LIMIT ?9
            """);
        statement.Bind(2, query.Tenant).Bind(3, query.Plugin).Bind(4, query.Task).Bind(5, (long?)query.State).Bind(6, query.Key).Bind(7, query.Schedule).Bind(9, query.Limit);
        if (query.Before is { } before)
            statement.BindBlob(8, before.ToByteArray(bigEndian: true));
        for (var i = 0; i < size; i++)
            statement.BindBlob(10 + i, query.Ids[Math.Min(i, query.Ids.Length - 1)].ToByteArray(bigEndian: true));
        var found = new List<(long, TaskEntry)>();
        while (statement.Step())
            found.Add((statement.Integer(25), TaskTables.Read(statement)));
        return found;
    }
}
