using System.Collections.Immutable;
using Nexus.Data.Records;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Events;
using Npgsql;
using NpgsqlTypes;

namespace Nexus.Engines.PostgreSql.Tasks;

/// <summary>Tasks, shared by all nodes: whoever claims one holds it by its lease and fence, and passes over what another node is claiming. What concerns tasks alone takes no commit lock: nobody reads them in the order of commits.</summary>
internal sealed class PostgreSqlTasks(Server server, Wakeups wakeups) : ITaskStore
{
    /// <summary>Retries, delays and lost leases become due without a commit, and a notice of another node may be lost: a wait looks again this often.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);

    /// <summary>A tenant that is on its way from or to another database keeps its tasks as they are; the table is locked while it is marked, so that a statement sees it or is done before.</summary>
    private const string Here = "t.tenant<>ALL(ARRAY(SELECT m.tenant FROM tenant_marks m))";

    private const string LostWorker = "The worker stopped showing life during the last try.";

    public async ValueTask<ImmutableArray<TaskEntry>> ClaimAsync(TaskClaim claim, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(claim);
        var started = server.Time.GetTimestamp();
        while (true)
        {
            var next = wakeups.Tasks.Next;
            var taken = await ClaimDueAsync(claim);
            var left = claim.MaxWait - server.Time.GetElapsedTime(started);
            if (taken.Length > 0 || left <= TimeSpan.Zero || cancellationToken.IsCancellationRequested)
                return taken;
            using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(next, Task.Delay(left < Look ? left : Look, server.Time, wait.Token));
            await wait.CancelAsync();
        }
    }

    public ValueTask<ImmutableArray<TaskEntry>> TakeAsync(ImmutableArray<TaskReservation> reserved, string worker, TimeSpan lease, CancellationToken cancellationToken) => reserved.IsDefaultOrEmpty ? ValueTask.FromResult<ImmutableArray<TaskEntry>>([]) : server.UseAsync(async connection =>
    {
        var now = server.Now;
        await using var batch = connection.CreateBatch();
        batch.Add(TaskSql.Take).With(NpgsqlDbType.Array | NpgsqlDbType.Uuid, reserved.Select(r => r.Id).ToArray()).With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, reserved.Select(r => r.Fence).ToArray()).With(worker).With(now).With(now + Microseconds(lease));
        var taken = ImmutableArray.CreateBuilder<TaskEntry>();
        await using var reader = await batch.ExecuteReaderAsync(CancellationToken.None);
        while (await reader.ReadAsync(CancellationToken.None))
            taken.Add(TaskSql.Read(reader));
        return taken.ToImmutable();
    }, CancellationToken.None);

    public async ValueTask BeatAsync(ImmutableArray<TaskBeat> beats, TimeSpan lease, CancellationToken cancellationToken)
    {
        if (!beats.IsDefaultOrEmpty)
            await RunAsync(batch => TaskSql.AddBeats(batch, beats, server.Now + Microseconds(lease)), cancellationToken);
    }

    public async ValueTask SettleAsync(ImmutableArray<TaskSettlement> settlements, CancellationToken cancellationToken)
    {
        if (settlements.IsDefaultOrEmpty)
            return;
        await RunAsync(batch => TaskSql.AddSettlements(batch, settlements, server.Now), cancellationToken);
        if (settlements.Any(s => s.State == TaskState.Pending))
            wakeups.Wake(events: false, audit: false, tasks: true);
    }

    public ValueTask<ImmutableArray<TaskEntry>> ListAsync(TaskQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        var scope = ScopeOf(query);
        return ReadAsync($"SELECT {TaskSql.Columns} FROM tasks t WHERE {scope.Sql} ORDER BY t.seq DESC LIMIT {scope.Add((long)query.Limit)}", scope, cancellationToken, query.Tenant);
    }

    public async ValueTask<ImmutableArray<TaskEntry>> ChangeAsync(TaskChange change, TaskQuery which, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(which);
        var changed = change == TaskChange.Retry ? await RetryAsync(which, cancellationToken) : await EndAsync(change, which, cancellationToken);
        if (changed.Length > 0)
            wakeups.Wake(events: false, audit: false, tasks: true);
        return changed;
    }

    public ValueTask<ImmutableArray<TaskEntry>> PurgeAsync(TaskPurge purge, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(purge);
        var scope = new EventScope();
        var (before, limit) = (scope.Add(RecordColumns.ToMicroseconds(purge.FinishedBefore)), scope.Add((long)purge.Limit));
        return ReadAsync($"DELETE FROM tasks t WHERE t.seq IN (SELECT seq FROM tasks WHERE state>1 AND finished<{before} ORDER BY finished LIMIT {limit} FOR UPDATE SKIP LOCKED) RETURNING {TaskSql.Columns}", scope, cancellationToken);
    }

    public ValueTask<ImmutableArray<TaskCount>> CountAsync(string? tenant, TaskState? state, CancellationToken cancellationToken) => server.UseAsync(async connection =>
    {
        await connection.CheckReadableAsync(tenant, isOpen: true);
        var scope = new EventScope().And(Here);
        if (tenant is not null)
            scope.And($"t.tenant={scope.Add(tenant)}");
        if (state is { } one)
            scope.And($"t.state={(int)one}");
        await using var batch = connection.CreateBatch();
        scope.Bind(batch.Add($"SELECT t.task,t.state,count(*),min(t.due) FROM tasks t WHERE {scope.Sql} GROUP BY t.task,t.state ORDER BY t.task,t.state"));
        var counts = ImmutableArray.CreateBuilder<TaskCount>();
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            counts.Add(new TaskCount(reader.GetString(0), (TaskState)reader.GetInt16(1), reader.GetInt64(2), RecordColumns.FromMicroseconds(reader.GetInt64(3))));
        return counts.ToImmutable();
    }, cancellationToken);

    private static long Microseconds(TimeSpan span) => span.Ticks / TimeSpan.TicksPerMicrosecond;

    private static EventScope ScopeOf(TaskQuery query)
    {
        var scope = new EventScope().And(Here);
        if (!query.Ids.IsDefault)
            scope.And(query.Ids.IsEmpty ? "false" : $"t.id IN ({string.Join(',', query.Ids.Select(id => scope.Add(id)))})");
        if (query.Tenant is { } tenant)
            scope.And($"t.tenant={scope.Add(tenant)}");
        if (query.Plugin is { } plugin)
            scope.And($"t.plugin={scope.Add(plugin)}");
        if (query.Task is { } task)
            scope.And($"t.task={scope.Add(task)}");
        // As a literal, so that the indexes over one state serve.
        if (query.State is { } state)
            scope.And($"t.state={(int)state}");
        if (query.Key is { } key)
            scope.And($"t.key={scope.Add(key)} AND t.state<2");
        if (query.Schedule is { } schedule)
            scope.And($"t.schedule={scope.Add(schedule)}");
        return query.Before is { } before ? scope.And($"t.seq<(SELECT seq FROM tasks WHERE id={scope.Add(before)})") : scope;
    }

    private ValueTask<ImmutableArray<TaskEntry>> ClaimDueAsync(TaskClaim claim) => server.UseAsync(async connection =>
    {
        var now = server.Now;
        var all = claim.Tasks.DistinctBy(t => t.Task).ToList();
        var free = all.Where(t => t.Free > 0).ToList();
        await using var batch = connection.CreateBatch();
        // A look at lost leases costs no commit where there are none.
        batch.Add(TaskSql.EndLostLeases).With(all.Select(t => t.Task).ToArray()).With(NpgsqlDbType.Array | NpgsqlDbType.Integer, all.Select(t => t.MaxAttempts).ToArray()).With(now).With(LostWorker);
        var pick = batch.Add(claim.Reserve ? TaskSql.Reserve : TaskSql.Claim).With(free.Select(t => t.Task).ToArray()).With(NpgsqlDbType.Array | NpgsqlDbType.Integer, free.Select(t => t.Free).ToArray()).With(claim.Limit).With(now).With(now + Microseconds(claim.Lease));
        if (!claim.Reserve)
            pick.With(claim.Worker);
        var taken = new List<(TaskEntry Task, long Sequence)>();
        await using var reader = await batch.ExecuteReaderAsync();
        while (await reader.ReadAsync())
            taken.Add((TaskSql.Read(reader), reader.GetInt64(25)));
        return taken.OrderByDescending(t => t.Task.Priority).ThenBy(t => t.Task.DueAt).ThenBy(t => t.Sequence).Select(t => t.Task).ToImmutableArray();
    }, CancellationToken.None);

    private ValueTask<ImmutableArray<TaskEntry>> EndAsync(TaskChange change, TaskQuery which, CancellationToken cancellationToken)
    {
        var scope = ScopeOf(which).And(change == TaskChange.Cancel ? "t.state<2 AND NOT t.cancel" : "t.state=1");
        var (now, limit) = (scope.Add(server.Now), scope.Add((long)which.Limit));
        var set = change == TaskChange.Cancel
            ? $"cancel=true,finished=CASE u.state WHEN 0 THEN {now}::bigint END,lease=CASE u.state WHEN 0 THEN NULL ELSE u.lease END,state=CASE u.state WHEN 0 THEN 4 ELSE 1 END"
            : $"cancel=true,state=4,finished={now},lease=NULL,fence=u.fence+1";
        return ReadAsync($"WITH t AS (UPDATE tasks u SET {set} WHERE u.seq IN (SELECT t.seq FROM tasks t WHERE {scope.Sql} ORDER BY t.seq DESC LIMIT {limit} FOR UPDATE) RETURNING *) SELECT {TaskSql.Columns} FROM t ORDER BY t.seq DESC", scope, cancellationToken, which.Tenant);
    }

    /// <summary>One by one: where an unfinished task has the key of one, that one stays as it is.</summary>
    private async ValueTask<ImmutableArray<TaskEntry>> RetryAsync(TaskQuery which, CancellationToken cancellationToken)
    {
        var scope = ScopeOf(which).And("t.state IN (3,4)");
        var found = await ReadAsync($"SELECT {TaskSql.Columns} FROM tasks t WHERE {scope.Sql} ORDER BY t.seq DESC LIMIT {scope.Add((long)which.Limit)}", scope, cancellationToken, which.Tenant);
        var retried = ImmutableArray.CreateBuilder<TaskEntry>();
        foreach (var task in found)
        {
            var one = new EventScope();
            var (now, id) = (one.Add(server.Now), one.Add(task.Id));
            retried.AddRange(await ReadAsync(
                $"UPDATE tasks t SET state=0,attempt=0,due={now},cancel=false,finished=NULL,started=NULL,lease=NULL,error=NULL,result=NULL,percent=NULL,step=NULL,fence=t.fence+1 WHERE t.id={id} AND t.state IN (3,4) AND {Here} RETURNING {TaskSql.Columns}",
                one,
                cancellationToken));
        }

        return retried.ToImmutable();
    }

    private ValueTask<ImmutableArray<TaskEntry>> ReadAsync(string sql, EventScope scope, CancellationToken cancellationToken, string? tenant = null) => server.UseAsync(async connection =>
    {
        await connection.CheckReadableAsync(tenant, isOpen: true);
        await using var batch = connection.CreateBatch();
        scope.Bind(batch.Add(sql));
        var tasks = ImmutableArray.CreateBuilder<TaskEntry>();
        try
        {
            await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
                tasks.Add(TaskSql.Read(reader));
        }
        catch (PostgresException e) when (Failures.IsUniqueViolation(e) && e.ConstraintName == TaskSql.KeyIndex)
        {
            return [];
        }

        return tasks.ToImmutable();
    }, cancellationToken);

    private async ValueTask RunAsync(Action<NpgsqlBatch> add, CancellationToken cancellationToken) => await server.UseAsync(async connection =>
    {
        await using var batch = connection.CreateBatch();
        add(batch);
        return await batch.ExecuteNonQueryAsync(cancellationToken);
    }, cancellationToken);
}
