using System.Threading.Channels;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Events;
using Nexus.Engines.PostgreSql.Schema;
using Nexus.Engines.PostgreSql.Tasks;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Commits;

/// <summary>
/// The one writer of records of this node. Jobs that wait while a commit is on its way to the server's disk are carried out together, in two round trips and one fsync:
/// 1. take all waiting jobs that touch different records; the others wait for the next group;
/// 2. begin, take the commit lock, send all their writes and settlements at once;
/// 3. a job of one write that changed nothing is refused alone: nothing of it is there; where a job of several is refused after it changed something, the group is rolled back, that job runs alone and the others again together;
/// 4. send events and audit entries, so that they get their positions in commit order, and commit; then acknowledge.
/// The commit lock is held until the commit is visible, on all nodes: whoever reads events or audit entries in the order of their positions can pass over none.
/// </summary>
internal sealed class CommitWriter : IAsyncDisposable
{
    private const int MaxGroup = 512;

    private readonly Server _server;
    private readonly TableCatalog _catalog;
    private readonly CommitSql _sql;
    private readonly LoneCommit _lone;
    private readonly Wakeups _wakeups;
    private readonly Channel<CommitJob> _waiting = Channel.CreateUnbounded<CommitJob>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Task _running;
    private List<CommitJob> _deferred = [];
    private NexusException? _fault;

    public CommitWriter(Server server, TableCatalog catalog, Wakeups wakeups)
    {
        (_server, _catalog, _wakeups) = (server, catalog, wakeups);
        _sql = new CommitSql(server, catalog);
        _lone = new LoneCommit(server, _sql, catalog);
        // A plugin's flow must not be captured: the writer outlives every call.
        using (ExecutionContext.SuppressFlow())
            _running = Task.Run(RunAsync);
    }

    public LoneCommit Lone => _lone;

    /// <summary>Why the server's disk took nothing the last time; null while it takes commits.</summary>
    public NexusException? Fault => Volatile.Read(ref _fault);

    public async Task<CommitResult> CommitAsync(WriteBatch batch, bool isStrict = true)
    {
        var job = new CommitJob(batch, isStrict);
        ObjectDisposedException.ThrowIf(!_waiting.Writer.TryWrite(job), this);
        var result = await job.Task;
        if (_server.Standby is not null)
            _server.Positions.Note(job.LogPosition);
        return result;
    }

    /// <summary>Makes the tables that writes need and that are not known yet.</summary>
    public async Task MakeTablesAsync(IEnumerable<RecordWrite> writes)
    {
        foreach (var table in writes.Where(w => w.Record is not null && !_catalog.Contains(w.Key.Table)).Select(w => w.Key.Table).Distinct().ToList())
            await _catalog.MakeAsync(table, CancellationToken.None);
    }

    /// <summary>Carries out what waits, then stops.</summary>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _running;
    }

    private async Task RunAsync()
    {
        while (_deferred.Count > 0 || await _waiting.Reader.WaitToReadAsync())
        {
            var group = Take();
            try
            {
                await CommitAsync(group);
            }
            catch (Exception e)
            {
                var told = Tell(e);
                foreach (var job in group)
                    job.Refuse(told);
            }
        }
    }

    /// <summary>Waiting jobs in order, each record once; a job that meets an earlier one waits behind it.</summary>
    private List<CommitJob> Take()
    {
        var (group, later) = (new List<CommitJob>(), new List<CommitJob>());
        var taken = new HashSet<object>();
        var earlier = _deferred;
        for (var i = 0; group.Count < MaxGroup; i++)
        {
            CommitJob job;
            if (i < earlier.Count)
                job = earlier[i];
            else if (!_waiting.Reader.TryRead(out job!))
                break;
            // Keys are taken also by a job that waits, so that none overtakes it.
            var isFree = true;
            foreach (var key in job.Keys.Distinct())
                isFree &= taken.Add(key);
            (isFree ? group : later).Add(job);
        }

        _deferred = [.. later, .. earlier.Skip(group.Count + later.Count)];
        return group;
    }

    private async Task CommitAsync(List<CommitJob> group)
    {
        await MakeTablesAsync(group.SelectMany(j => j.Batch.Writes));
        var together = group.Where(j => !j.IsAlone).ToList();
        var alone = group.Where(j => j.IsAlone).ToList();
        while (together.Count > 0)
        {
            if (await TryTogetherAsync(together) is not { } failed)
                break;
            // What failed with more than itself at stake runs alone; the others go again.
            alone.AddRange(failed);
            together = [.. together.Except(failed)];
        }

        foreach (var job in alone)
            await AloneAsync(job);
        _wakeups.Wake(group.Exists(j => j.HasEvents), group.Exists(j => j.Audit.Length > 0), group.Exists(j => j.HasTasks));
    }

    /// <summary>Commits the jobs together. Null when it is done; otherwise nothing was written, and these must run alone.</summary>
    private async Task<List<CommitJob>?> TryTogetherAsync(List<CommitJob> jobs)
    {
        await using var connection = await _server.Source.OpenConnectionAsync();
        try
        {
            var failed = await WriteAsync(connection, jobs);
            if (failed.Exists(j => j.HasSeveral))
            {
                await connection.RunAsync("ROLLBACK");
                return failed;
            }

            var done = jobs.Except(failed).ToList();
            await using var rest = connection.CreateBatch();
            CommitSql.AddPositions(rest, Math.Max(1, done.Count));
            _sql.AddEvents(rest, [.. done.SelectMany(j => j.Batch.Events)]);
            CommitSql.AddAudit(rest, [.. done.SelectMany(j => j.Audit)]);
            rest.Add("COMMIT");
            var position = (long)(await rest.ExecuteScalarAsync())! - done.Count;
            Volatile.Write(ref _fault, null);
            var log = await LogPositionAsync(connection);
            foreach (var job in done)
            {
                job.LogPosition = log;
                job.Acknowledge(++position);
            }

            foreach (var job in failed)
                await AloneAsync(job);
            return null;
        }
        catch (PostgresException e) when (e.SqlState == Failures.TenantAway)
        {
            await connection.RunAsync("ROLLBACK");
            return jobs.FindAll(j => j.Tenants.Contains(e.MessageText));
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.ProgramLimitExceeded || Failures.IsRepeatable(e))
        {
            // One of them is to blame, and the server does not say which.
            await connection.RunAsync("ROLLBACK");
            return jobs;
        }
    }

    /// <summary>Begins and sends all writes and settlements at once.</summary>
    /// <returns>Jobs of which something changed nothing that had to.</returns>
    private async Task<List<CommitJob>> WriteAsync(NpgsqlConnection connection, List<CommitJob> jobs)
    {
        await using var batch = connection.CreateBatch();
        _sql.Begin(batch, [.. jobs.SelectMany(j => j.Tenants).Distinct()]);
        var settling = jobs.SelectMany(j => j.Batch.Settlements.Select(s => (Job: j, Settlement: s))).ToList();
        var settle = settling.Count > 0 ? _sql.AddSettlements(batch, [.. settling.Select(s => s.Settlement)]) : null;
        var ending = jobs.SelectMany(j => j.Batch.TaskSettlements.Select(s => (Job: j, Settlement: s))).ToList();
        if (ending.Count > 0)
            TaskSql.AddSettlements(batch, [.. ending.Select(s => s.Settlement)], _server.Now);
        TaskSql.AddTasks(batch, [.. jobs.SelectMany(j => j.Batch.Tasks)]);
        string? tenant = null;
        foreach (var job in jobs)
        {
            job.Written.Clear();
            foreach (var write in job.Batch.Writes)
            {
                if (write.Key.Tenant != tenant)
                    CommitSql.SetTenant(batch, tenant = write.Key.Tenant);
                job.Written.Add((_sql.Write(batch, write, skipsTaken: true), write));
            }
        }

        var settled = new HashSet<(Guid, string)>();
        var ended = new HashSet<Guid>();
        await using (var reader = await batch.ExecuteReaderAsync())
        {
            // The first result is that of the lock; the next those of the settlements, where there are any.
            if (settle is not null && await reader.NextResultAsync())
            {
                while (await reader.ReadAsync())
                    settled.Add((reader.GetGuid(0), reader.GetString(1)));
            }

            if (ending.Count > 0 && await reader.NextResultAsync())
            {
                while (await reader.ReadAsync())
                    ended.Add(reader.GetGuid(0));
            }
        }

        var lost = settling.Where(s => s.Job.IsStrict && !settled.Contains((s.Settlement.EventId, s.Settlement.Group))).Select(s => s.Job)
            .Concat(ending.Where(s => !ended.Contains(s.Settlement.Id)).Select(s => s.Job));
        return [.. jobs.Where(j => j.Written.Exists(w => w.Command.RecordsAffected == 0 && CommitSql.MustChange(w.Write))).Union(lost)];
    }

    private async Task AloneAsync(CommitJob job)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var connection = await _server.Source.OpenConnectionAsync();
                await using var unit = await connection.BeginTransactionAsync();
                var position = await _lone.ApplyAsync(connection, job);
                await unit.CommitAsync();
                Volatile.Write(ref _fault, null);
                job.LogPosition = await LogPositionAsync(connection);
                job.Acknowledge(position);
                return;
            }
            catch (PostgresException e) when (attempt < 10 && (Failures.IsRepeatable(e) || Failures.IsMissingTable(e)))
            {
                // Nothing was written; a table that another node dropped is made again.
                foreach (var table in job.Batch.Writes.Where(w => Failures.IsMissingTable(e) && w.Record is not null).Select(w => w.Key.Table).Distinct())
                    await _catalog.MakeAsync(table, CancellationToken.None);
                if (Failures.IsMissingTable(e) && job.Batch.Writes.All(w => w.Record is null))
                    await MakeForRemovalAsync(job);
            }
            catch (Exception e)
            {
                job.Refuse(Tell(e));
                return;
            }
        }
    }

    /// <summary>Where the log is now, behind a commit; asked for only where standbys read.</summary>
    public async Task<NpgsqlTypes.NpgsqlLogSequenceNumber> LogPositionAsync(NpgsqlConnection connection) =>
        _server.Standby is null ? default : (NpgsqlTypes.NpgsqlLogSequenceNumber)(await connection.ScalarAsync("SELECT pg_current_wal_insert_lsn()"))!;

    private Exception Tell(Exception e)
    {
        if (!Failures.IsOurs(e))
            return e;
        var told = Failures.Explain(e, _server.Address);
        if (e is PostgresException { SqlState: PostgresErrorCodes.DiskFull })
            Volatile.Write(ref _fault, told);
        return told;
    }

    /// <summary>A removal from a table that is not there finds it empty.</summary>
    private async Task MakeForRemovalAsync(CommitJob job)
    {
        foreach (var table in job.Batch.Writes.Select(w => w.Key.Table).Distinct())
            await _catalog.MakeAsync(table, CancellationToken.None);
    }
}
