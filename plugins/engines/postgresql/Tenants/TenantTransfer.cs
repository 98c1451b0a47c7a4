using System.Globalization;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Schema;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Tenants;

/// <summary>
/// The move of a tenant, on one connection to each database. Locks of the two sessions keep others from moving it; a mover whose connection broke can do nothing more.
/// What holds in the end is not a lock but the mark of the tenant (<see cref="TenantMark"/>), a row that every commit looks at behind the commit lock, and every other writing unit behind a shared lock of the tenant that closing waits for:
/// a node that knows nothing of the move, or was cut off, is refused by the database itself.
/// Events, deliveries and tasks are claimed by nodes wherever they lie, so they are copied beside their tables first and put into them when the source is closed.
/// </summary>
internal sealed class TenantTransfer(PostgreSqlTransfers from, PostgreSqlTransfers to, string tenant, long positions) : ITenantTransfer
{
    /// <summary>Added to the due time of what waits, so that the closed source gives it to nobody; what it was can be told from it.</summary>
    private const long Never = 1L << 60;

    private const int MaxRounds = 8;
    private const int CleanedAtOnce = 5000;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>How long running tasks are waited for, and how long waiting ones stay parked for it.</summary>
    private static readonly TimeSpan Drain = TimeSpan.FromSeconds(5);

    /// <summary>How long the nodes have to tell of the last events of the source.</summary>
    private static readonly TimeSpan Told = TimeSpan.FromSeconds(5);

    private readonly string _tenant = Names.Literal(tenant);
    private NpgsqlConnection _source = null!;
    private NpgsqlConnection _target = null!;
    private readonly List<(NpgsqlConnection Connection, long Number)> _held = [];

    private TableCopy Tables => new(_source, _target);

    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        _source = await from.Server.Source.OpenConnectionAsync(cancellationToken);
        _target = await to.Server.Source.OpenConnectionAsync(cancellationToken);
        foreach (var (connection, locks) in new[] { (_source, from.Server.Locks), (_target, to.Server.Locks) })
        {
            await connection.RunAsync(TableCopy.Settings);
            if (await connection.ScalarAsync("SELECT pg_try_advisory_lock($1)", locks.Move(tenant)) is not true)
                throw new NexusException(ErrorCodes.Conflict, $"Another node moves the tenant {tenant}.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in new[] { _source, _target })
        {
            try
            {
                // A pool resets a session when it is used the next time, which may be long after.
                if (connection is { FullState: System.Data.ConnectionState.Open })
                    await connection.RunAsync("SELECT pg_advisory_unlock_all()");
            }
            catch (Exception e) when (Failures.IsOurs(e) || e is InvalidOperationException)
            {
                // A broken session holds nothing.
                NpgsqlConnection.ClearPool(connection);
            }

            if (connection is not null)
                await connection.DisposeAsync();
        }
    }

    public async ValueTask<long> RunAsync(TransferStep step, CancellationToken cancellationToken)
    {
        try
        {
            return await (step switch
            {
                TransferStep.Copy => CopyAsync(cancellationToken),
                TransferStep.Close => CloseAsync(cancellationToken),
                TransferStep.Land => LandAsync(cancellationToken),
                TransferStep.Leave => MarkAsync(_source, TenantMark.Gone),
                TransferStep.Arrive => ArriveAsync(),
                TransferStep.Clean => CleanAsync(cancellationToken),
                _ => UndoAsync(cancellationToken),
            });
        }
        catch (Exception e) when (Failures.IsOurs(e))
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Failures.Explain(e, $"{from.Server.Address} or {to.Server.Address}");
        }
    }

    /// <summary>One comparison of everything.</summary>
    private async Task<long> CopyAsync(CancellationToken cancellationToken)
    {
        if (await StateAsync(_target) == TenantMark.Landed)
            return 0;
        await MarkAsync(_target, TenantMark.Arriving);
        await from.Catalog.LoadAsync(cancellationToken);
        await to.Catalog.LoadAsync(cancellationToken);
        var tables = from.Catalog.Names;
        foreach (var table in tables.Where(t => !to.Catalog.Contains(t)))
            await to.Catalog.MakeAsync(table, cancellationToken);
        List<CopiedRows> all = [.. Shared(), .. tables.Select(t => new CopiedRows(Names.Quote(t), Names.Quote(t), $"tenant={_tenant}", ["tenant", .. RecordTable.Columns.Split(','), "words"], "id"))];
        foreach (var plugin in await from.Databases.OfTenantAsync(tenant, cancellationToken))
        {
            var own = Own(plugin);
            await own.PrepareAsync(to.Databases.Open(plugin, tenant), cancellationToken);
            all.AddRange(await own.TablesAsync(cancellationToken));
        }

        var copied = await Tables.RunAsync(all, cancellationToken);
        return from.HasBlobs ? copied + await BlobCopy.RunAsync(_source, _target, tenant, cancellationToken) : copied;
    }

    /// <summary>What nodes claim, beside the tables that it will be in. As it was before the source was closed, so that closing changes nothing that is compared.</summary>
    private CopiedRows[] Shared()
    {
        var filter = $"tenant={_tenant}";
        string[] events = ["seq", "id", "name", "tenant", "occurred", "source", "correlation", "key", "priority", "expires", "headers", "data"];
        string[] deliveries = ["tenant", "event", "grp", "priority", "key", "state", "attempt", "due", "fence", "error"];
        var tasks = TaskColumns.Split(',');
        var never = Never.ToString(CultureInfo.InvariantCulture);
        return
        [
            new CopiedRows("events", "arriving_events", filter, events, "id::text"),
            new CopiedRows($"(SELECT e.tenant,e.id AS event,g.name AS grp,d.priority,d.key,d.state,d.attempt,d.due-CASE WHEN d.due>={never} THEN {never} ELSE 0 END AS due,d.fence-(d.due>={never})::integer AS fence,d.error FROM events e JOIN deliveries d ON d.seq=e.seq JOIN event_groups g ON g.grp=d.grp WHERE e.tenant={_tenant})", "arriving_deliveries", filter, deliveries, "event::text||grp"),
            new CopiedRows($"(SELECT {string.Join(',', tasks.Where(c => c is not ("lease" or "fence")))},CASE WHEN lease>={never} THEN nullif(lease-{never},0) ELSE lease END AS lease,fence-coalesce(lease>={never},false)::integer AS fence FROM tasks WHERE tenant={_tenant})", "arriving_tasks", filter, tasks, "id::text"),
        ];
    }

    private const string TaskColumns = "seq,id,task,plugin,tenant,state,priority,due,attempt,attempts,fence,lease,cancel,key,worker,created,creator,correlation,schedule,started,finished,percent,step,error,input,result,trace";

    private async Task<long> CloseAsync(CancellationToken cancellationToken)
    {
        var isClosed = await StateAsync(_source) is TenantMark.Leaving or TenantMark.Gone;
        if (!isClosed)
            await DrainAsync(cancellationToken);
        while (true)
        {
            if (await HoldSchemasAsync(cancellationToken) && (isClosed || await TryCloseAsync(cancellationToken)))
                return 0;
            await ReleaseSchemasAsync();
            await Task.Delay(Pause, from.Server.Time, cancellationToken);
        }
    }

    /// <summary>Lets the tasks that run end, and begins no other, for a while: what runs longer is begun anew in the other database, as after the death of its worker.</summary>
    private async Task DrainAsync(CancellationToken cancellationToken)
    {
        var begun = from.Server.Time.GetTimestamp();
        while (from.Server.Time.GetElapsedTime(begun) < Drain)
        {
            var now = from.Server.Now;
            await _source.RunAsync("UPDATE tasks SET lease=$2,fence=fence+1 WHERE tenant=$1 AND state=0 AND (lease IS NULL OR lease<=$3)", tenant, now + (Drain.Ticks / TimeSpan.TicksPerMicrosecond), now);
            if (await _source.ScalarAsync("SELECT 1 FROM tasks WHERE tenant=$1 AND state=1 LIMIT 1", tenant) is null)
                return;
            await Task.Delay(Pause, from.Server.Time, cancellationToken);
        }
    }

    /// <summary>Keeps plugins' schemas as they are. Never waits while it holds some: a change of a plugin takes the databases one after the other.</summary>
    private async Task<bool> HoldSchemasAsync(CancellationToken cancellationToken)
    {
        foreach (var plugin in await from.Databases.OfTenantAsync(tenant, cancellationToken))
        {
            foreach (var (connection, locks) in new[] { (_source, from.Server.Locks), (_target, to.Server.Locks) })
            {
                if (await connection.ScalarAsync("SELECT pg_try_advisory_lock_shared($1)", locks.Change(plugin)) is not true)
                    return false;
                _held.Add((connection, locks.Change(plugin)));
            }
        }

        return true;
    }

    private async Task ReleaseSchemasAsync()
    {
        foreach (var (connection, number) in _held)
            await connection.RunAsync("SELECT pg_advisory_unlock_shared($1)", number);
        _held.Clear();
    }

    private async Task<bool> TryCloseAsync(CancellationToken cancellationToken)
    {
        await using var unit = await _source.BeginTransactionAsync(cancellationToken);
        try
        {
            // Whoever writes waits behind the one who waits here, so that is not for long.
            await _source.RunAsync("SELECT set_config('lock_timeout','1s',true)");
            await _source.RunAsync("SELECT pg_advisory_xact_lock($1)", from.Server.Locks.Tenant(tenant));
            await _source.RunAsync("SELECT pg_advisory_xact_lock($1)", from.Server.Locks.Commit);
            await _source.RunAsync("LOCK TABLE tasks,deliveries IN SHARE ROW EXCLUSIVE MODE");
            await _source.RunAsync("INSERT INTO tenant_marks (tenant,state) VALUES ($1,$2) ON CONFLICT (tenant) DO UPDATE SET state=excluded.state", tenant, (short)TenantMark.Leaving);
            await _source.RunAsync("UPDATE deliveries SET due=due+$2,fence=fence+1 WHERE state=0 AND due<$2 AND seq IN (SELECT seq FROM events WHERE tenant=$1)", tenant, Never);
            await _source.RunAsync("UPDATE tasks SET lease=coalesce(lease,0)+$2,fence=fence+1 WHERE tenant=$1 AND state<2 AND coalesce(lease,0)<$2", tenant, Never);
            await unit.CommitAsync(cancellationToken);
            return true;
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected)
        {
            return false;
        }
    }

    /// <summary>The source holds still: the comparison that finds nothing proves that the copy is whole.</summary>
    private async Task<long> LandAsync(CancellationToken cancellationToken)
    {
        if (await StateAsync(_target) == TenantMark.Landed)
            return 0;
        var copied = 0L;
        for (var round = 1; await CopyAsync(cancellationToken) is > 0 and var more; round++)
        {
            copied += more;
            if (round == MaxRounds)
                throw new NexusException(ErrorCodes.Conflict, $"The copy of tenant {tenant} does not become equal to what {from.Server.Address} holds; do both servers have the same version and collation?");
        }

        foreach (var plugin in await from.Databases.OfTenantAsync(tenant, cancellationToken))
            await Own(plugin).FinishAsync(cancellationToken);
        await using var unit = await _target.BeginTransactionAsync(cancellationToken);
        // Without the commit lock: who follows the log is not told of them, so that nobody can pass over one.
        await TableCopy.RunAsync(_target, $"INSERT INTO events (seq,id,name,tenant,occurred,source,correlation,key,priority,expires,headers,data,was) SELECT nextval('event_positions'),a.id,a.name,a.tenant,a.occurred,a.source,a.correlation,a.key,a.priority,a.expires,a.headers,a.data,a.seq+{positions.ToString(CultureInfo.InvariantCulture)} FROM (SELECT * FROM arriving_events WHERE tenant={_tenant} ORDER BY seq) a", cancellationToken);
        await TableCopy.RunAsync(_target, $"INSERT INTO deliveries (grp,seq,priority,key,state,attempt,due,fence,error) SELECT g.grp,e.seq,a.priority,a.key,a.state,a.attempt,a.due,a.fence+1,a.error FROM arriving_deliveries a JOIN event_groups g ON g.name=a.grp JOIN events e ON e.id=a.event WHERE a.tenant={_tenant}", cancellationToken);
        var tasks = string.Join(',', TaskColumns.Split(',').Where(c => c is not ("seq" or "lease" or "fence")));
        // A task that waited, waits for nobody any more; one that ran keeps its lease, after which it is due again.
        await TableCopy.RunAsync(_target, $"INSERT INTO tasks ({tasks},lease,fence) SELECT {tasks},CASE WHEN state=1 THEN lease END,fence+1 FROM arriving_tasks WHERE tenant={_tenant} ORDER BY seq", cancellationToken);
        await DropArrivingAsync();
        await _target.RunAsync("UPDATE tenant_marks SET state=$2 WHERE tenant=$1", tenant, (short)TenantMark.Landed);
        await unit.CommitAsync(cancellationToken);
        return copied;
    }

    private async Task<long> ArriveAsync()
    {
        await _target.RunAsync("DELETE FROM tenant_marks WHERE tenant=$1", tenant);
        await to.Databases.LoadAsync(CancellationToken.None);
        to.Wakeups.TablesChanged();
        to.Wakeups.Wake(events: true, audit: false, tasks: true);
        await ReleaseSchemasAsync();
        return 0;
    }

    private async Task<long> CleanAsync(CancellationToken cancellationToken)
    {
        if (await StateAsync(_source) != TenantMark.Gone)
            throw new NexusException(ErrorCodes.Conflict, $"The tenant {tenant} has not left {from.Server.Address}; nothing is removed.");
        foreach (var plugin in await to.Databases.OfTenantAsync(tenant, cancellationToken))
            await Own(plugin).ValidateAsync(cancellationToken);
        // First what holds up others: of one key the oldest delivery goes first, whosever it is.
        var removed = await RemoveAsync(_source, "deliveries", "seq IN (SELECT seq FROM events WHERE tenant=$1)", cancellationToken) + await RemoveAsync(_source, "tasks", "tenant=$1", cancellationToken);
        await Task.Delay(Told, from.Server.Time, cancellationToken);
        return removed + await RemoveAsync(_source, "events", "tenant=$1", cancellationToken) + await RemoveRestAsync(from, _source, cancellationToken);
    }

    private async Task<long> UndoAsync(CancellationToken cancellationToken)
    {
        if (await StateAsync(_source) is not null)
        {
            await using var unit = await _source.BeginTransactionAsync(cancellationToken);
            await _source.RunAsync("SELECT pg_advisory_xact_lock($1)", from.Server.Locks.Commit);
            await _source.RunAsync("UPDATE deliveries SET due=due-$2 WHERE due>=$2 AND seq IN (SELECT seq FROM events WHERE tenant=$1)", tenant, Never);
            await _source.RunAsync("UPDATE tasks SET lease=CASE WHEN state=1 THEN lease-$2 END WHERE tenant=$1 AND lease>=$2", tenant, Never);
            await _source.RunAsync("DELETE FROM tenant_marks WHERE tenant=$1", tenant);
            await unit.CommitAsync(cancellationToken);
            from.Wakeups.Wake(events: true, audit: false, tasks: true);
        }

        await ReleaseSchemasAsync();
        if (await StateAsync(_target) is null)
            return 0;
        // From here on the target may only be emptied: it stays closed for the tenant.
        await MarkAsync(_target, TenantMark.Gone);
        await DropArrivingAsync();
        return await RemoveAsync(_target, "deliveries", "seq IN (SELECT seq FROM events WHERE tenant=$1)", cancellationToken) + await RemoveAsync(_target, "tasks", "tenant=$1", cancellationToken)
            + await RemoveAsync(_target, "events", "tenant=$1", cancellationToken) + await RemoveRestAsync(to, _target, cancellationToken);
    }

    /// <summary>Records, plugins' own databases and blobs.</summary>
    private async Task<long> RemoveRestAsync(PostgreSqlTransfers place, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await place.Catalog.LoadAsync(cancellationToken);
        var removed = 0L;
        foreach (var table in place.Catalog.Names)
            removed += await RemoveAsync(connection, Names.Quote(table), "tenant=$1", cancellationToken);
        await place.Databases.DeleteAsync(null, tenant, cancellationToken);
        return place.HasBlobs ? removed + await BlobCopy.ClearAsync(connection, tenant, cancellationToken) : removed;
    }

    /// <summary>In pieces: a long unit would hold up vacuum and standbys.</summary>
    private async Task<long> RemoveAsync(NpgsqlConnection connection, string table, string condition, CancellationToken cancellationToken)
    {
        var removed = 0L;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = await connection.RunAsync($"DELETE FROM {table} WHERE ctid=ANY(ARRAY(SELECT ctid FROM {table} WHERE {condition} LIMIT {CleanedAtOnce}))", tenant);
            removed += count;
            if (count < CleanedAtOnce)
                return removed;
        }
    }

    private async Task DropArrivingAsync()
    {
        foreach (var table in new[] { "arriving_events", "arriving_deliveries", "arriving_tasks" })
            await _target.RunAsync($"DELETE FROM {table} WHERE tenant=$1", tenant);
    }

    private OwnCopy Own(string plugin) => new(_source, _target, plugin, tenant);

    private async Task<TenantMark?> StateAsync(NpgsqlConnection connection) => await connection.ScalarAsync("SELECT state FROM tenant_marks WHERE tenant=$1", tenant) is short state ? (TenantMark)state : null;

    private async Task<long> MarkAsync(NpgsqlConnection connection, TenantMark mark)
    {
        await connection.RunAsync("INSERT INTO tenant_marks (tenant,state) VALUES ($1,$2) ON CONFLICT (tenant) DO UPDATE SET state=excluded.state", tenant, (short)mark);
        return 0;
    }
}
