using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Nexus.Data.Events;
using Nexus.Data.Records;

namespace Nexus.Data.Tasks;

/// <summary>Tasks as records, for engines that have no table of their own for them. A change is a write of the record at its known revision, so nothing is taken or ended twice; who loses that race looks again. Every claim reads the waiting tasks, which suits tests and small queues.</summary>
internal sealed class RecordTasks(IStorage records, TimeProvider time) : ITaskStore
{
    public const string Table = "nexus.tasks";
    private const string LostWorker = "The worker stopped showing life during the last try.";
    private const int Page = 200;

    private static readonly JsonSerializerOptions Wire = new(JsonSerializerDefaults.Web) { Converters = { new Instants() } };

    public CommitSignal Signal { get; } = new();

    private DateTimeOffset Now => RecordColumns.FromMicroseconds(RecordColumns.ToMicroseconds(time.GetUtcNow()));

    public ValueTask<ImmutableArray<TaskEntry>> ClaimAsync(TaskClaim claim, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(claim);
        return WaitLoop.RunAsync(claim.MaxWait, Signal, time, async () =>
        {
            await EndLostLeasesAsync(claim);
            var taken = await ClaimDueAsync(claim);
            return (taken, taken.Length > 0);
        }, cancellationToken);
    }

    public async ValueTask<ImmutableArray<TaskEntry>> TakeAsync(ImmutableArray<TaskReservation> reserved, string worker, TimeSpan lease, CancellationToken cancellationToken)
    {
        var taken = ImmutableArray.CreateBuilder<TaskEntry>();
        foreach (var one in reserved)
        {
            if (await UpdateAsync(one.Id, task => task is { State: TaskState.Pending, LeaseUntil: not null } && task.Fence == one.Fence ? Started(task, worker, lease) : null) is { } mine)
                taken.Add(mine);
        }

        return taken.ToImmutable();
    }

    public async ValueTask BeatAsync(ImmutableArray<TaskBeat> beats, TimeSpan lease, CancellationToken cancellationToken)
    {
        foreach (var beat in beats)
        {
            await UpdateAsync(beat.Id, task => task.State == TaskState.Started && task.Fence == beat.Fence
                ? task with { LeaseUntil = Now + lease, Percent = beat.Percent ?? task.Percent, Step = beat.Step ?? task.Step }
                : null);
        }
    }

    public async ValueTask SettleAsync(ImmutableArray<TaskSettlement> settlements, CancellationToken cancellationToken)
    {
        foreach (var settlement in settlements)
            await UpdateAsync(settlement.Id, task => Settled(task, settlement));
        Signal.Fire();
    }

    public async ValueTask<ImmutableArray<TaskEntry>> ListAsync(TaskQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        return [.. (await FindAsync(query, [])).Select(t => t.Task)];
    }

    public async ValueTask<ImmutableArray<TaskEntry>> ChangeAsync(TaskChange change, TaskQuery which, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(which);
        var changed = ImmutableArray.CreateBuilder<TaskEntry>();
        foreach (var (_, found) in await FindAsync(which, []))
        {
            try
            {
                if (await UpdateAsync(found.Id, task => Changed(task, change)) is { } now)
                    changed.Add(now);
            }
            catch (StorageConflictException e) when (e.Key.Table == ITaskStore.Keys)
            {
                // An unfinished task has its key: it is left as it is.
            }
        }

        Signal.Fire();
        return changed.ToImmutable();
    }

    public async ValueTask<ImmutableArray<TaskEntry>> PurgeAsync(TaskPurge purge, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(purge);
        var page = await records.QueryAsync(
            new RecordQuery
            {
                Tenant = CallContext.DefaultTenant,
                Table = Table,
                Filter = All(AtLeast("state", (long)TaskState.Success), Compare("finishedAt", FilterOperator.Less, RecordColumns.ToMicroseconds(purge.FinishedBefore))),
                Sort = [new SortKey("finishedAt", false)],
                Limit = purge.Limit,
            },
            cancellationToken);
        var gone = page.Records.Select(Read).ToImmutableArray();
        await records.CommitAsync(new WriteBatch { Writes = [.. gone.Select(t => new RecordWrite { Key = KeyOf(t.Id) })] }, cancellationToken);
        return gone;
    }

    public async ValueTask<ImmutableArray<TaskCount>> CountAsync(string? tenant, TaskState? state, CancellationToken cancellationToken) =>
    [
        .. (await FindAsync(new TaskQuery { Tenant = tenant, State = state, Limit = int.MaxValue }, [])).Select(t => t.Task).GroupBy(t => (t.Task, t.State))
            .OrderBy(g => g.Key.Task, StringComparer.Ordinal).ThenBy(g => g.Key.State).Select(g => new TaskCount(g.Key.Task, g.Key.State, g.Count(), g.Min(t => t.DueAt))),
    ];

    /// <summary>A batch in which tasks and the ends of tries are writes of records.</summary>
    /// <exception cref="StorageConflictException">The lease of a settled task was lost.</exception>
    public async ValueTask<WriteBatch> TranslateAsync(WriteBatch batch)
    {
        var writes = ImmutableArray.CreateBuilder<RecordWrite>();
        foreach (var settlement in batch.TaskSettlements)
        {
            if (await records.FindAsync(KeyOf(settlement.Id), CancellationToken.None) is not { } record || Settled(Read(record), settlement) is not { } settled)
                throw new StorageConflictException(new RecordKey(CallContext.DefaultTenant, ITaskStore.Leases, settlement.Id.ToString()), 0);
            writes.AddRange(Writes(Read(record), settled, record.Revision));
        }

        foreach (var task in batch.Tasks.DistinctBy(t => t.Id))
        {
            if (await records.FindAsync(KeyOf(task.Id), CancellationToken.None) is null)
                writes.AddRange(Writes(null, task with { State = TaskState.Pending, Attempt = 0, Fence = 0, DueAt = Cut(task.DueAt), CreatedAt = Cut(task.CreatedAt) }, 0));
        }

        return batch with { Writes = writes.ToImmutable().AddRange(batch.Writes), Tasks = [], TaskSettlements = [] };
    }

    private static DateTimeOffset Cut(DateTimeOffset instant) => RecordColumns.FromMicroseconds(RecordColumns.ToMicroseconds(instant));

    private static RecordKey KeyOf(Guid id) => new(CallContext.DefaultTenant, Table, id.ToString());

    private static TaskEntry Read(StoredRecord record) => JsonSerializer.Deserialize<TaskEntry>(record.Json.Span, Wire)!;

    /// <summary>The record of a task, and of its key, which is there as long as the task is unfinished.</summary>
    private static IEnumerable<RecordWrite> Writes(TaskEntry? before, TaskEntry after, long revision)
    {
        var (had, has) = (before is { State: <= TaskState.Started }, !after.State.IsFinished());
        if (after.Key is { } key && had != has)
        {
            var id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{after.Tenant}\n{after.Task}\n{key}")));
            var owner = new StoredRecord { Id = id, Revision = 1, Json = JsonSerializer.SerializeToUtf8Bytes(after.Id) };
            yield return new RecordWrite { Key = new RecordKey(CallContext.DefaultTenant, ITaskStore.Keys, id), Record = has ? owner : null, ExpectedRevision = has ? 0 : null };
        }

        var record = new StoredRecord { Id = after.Id.ToString(), Revision = revision + 1, CreatedAt = after.CreatedAt, UpdatedAt = after.CreatedAt, Json = JsonSerializer.SerializeToUtf8Bytes(after, Wire) };
        yield return new RecordWrite { Key = KeyOf(after.Id), Record = record, ExpectedRevision = revision };
    }

    private TaskEntry? Settled(TaskEntry task, TaskSettlement settlement)
    {
        if (task.Fence != settlement.Fence)
            return null;
        if (task is { State: TaskState.Pending, LeaseUntil: not null } && settlement.State == TaskState.Pending)
            return task with { LeaseUntil = null };
        if (task.State != TaskState.Started)
            return null;
        var again = settlement.State == TaskState.Pending && !task.CancelRequested;
        return task with
        {
            State = again || settlement.State != TaskState.Pending ? settlement.State : TaskState.Cancelled,
            DueAt = settlement.State == TaskState.Pending ? Cut(settlement.RetryAt ?? Now) : task.DueAt,
            Error = settlement.Error ?? task.Error,
            Attempt = task.Attempt - (settlement is { State: TaskState.Pending, Error: null } ? 1 : 0),
            FinishedAt = again ? null : Now,
            LeaseUntil = null,
            Result = settlement.Result,
            Percent = settlement.State == TaskState.Success ? task.Percent ?? 100 : task.Percent,
        };
    }

    private TaskEntry? Changed(TaskEntry task, TaskChange change) => change switch
    {
        TaskChange.Cancel when task.State == TaskState.Pending => task with { State = TaskState.Cancelled, CancelRequested = true, FinishedAt = Now, LeaseUntil = null },
        TaskChange.Cancel when task is { State: TaskState.Started, CancelRequested: false } => task with { CancelRequested = true },
        TaskChange.Abandon when task.State == TaskState.Started => task with { State = TaskState.Cancelled, CancelRequested = true, FinishedAt = Now, LeaseUntil = null, Fence = task.Fence + 1 },
        TaskChange.Retry when task.State is TaskState.Failure or TaskState.Cancelled => task with
        {
            State = TaskState.Pending,
            Attempt = 0,
            DueAt = Now,
            CancelRequested = false,
            FinishedAt = null,
            StartedAt = null,
            LeaseUntil = null,
            Error = null,
            Result = default,
            Percent = null,
            Step = null,
            Fence = task.Fence + 1,
        },
        _ => null,
    };

    /// <summary>Changes one task as long as others change it first; null when there is nothing to change.</summary>
    private async ValueTask<TaskEntry?> UpdateAsync(Guid id, Func<TaskEntry, TaskEntry?> change)
    {
        while (true)
        {
            if (await records.FindAsync(KeyOf(id), CancellationToken.None) is not { } record || change(Read(record)) is not { } after)
                return null;
            try
            {
                await records.CommitAsync(new WriteBatch { Writes = [.. Writes(Read(record), after, record.Revision)] }, CancellationToken.None);
                return after;
            }
            catch (StorageConflictException e) when (e.Key.Table == Table)
            {
                // Somebody was first: look again.
            }
        }
    }

    private async ValueTask EndLostLeasesAsync(TaskClaim claim)
    {
        foreach (var (_, lost) in await FindAsync(new TaskQuery { State = TaskState.Started, Limit = int.MaxValue }, [.. claim.Tasks.Select(t => t.Task)]))
        {
            await UpdateAsync(lost.Id, task =>
            {
                if (task.State != TaskState.Started || task.LeaseUntil > Now)
                    return null;
                var limit = task.MaxAttempts ?? claim.Tasks.First(t => t.Task == task.Task).MaxAttempts;
                var state = task.CancelRequested ? TaskState.Cancelled : task.Attempt >= limit ? TaskState.Failure : TaskState.Pending;
                return task with { State = state, FinishedAt = state.IsFinished() ? Now : null, Error = LostWorker, LeaseUntil = null, DueAt = Now, Fence = task.Fence + 1 };
            });
        }
    }

    private async ValueTask<ImmutableArray<TaskEntry>> ClaimDueAsync(TaskClaim claim)
    {
        var free = claim.Tasks.DistinctBy(t => t.Task).ToDictionary(t => t.Task, t => t.Free, StringComparer.Ordinal);
        var taken = ImmutableArray.CreateBuilder<TaskEntry>();
        var waiting = (await FindAsync(new TaskQuery { State = TaskState.Pending, Limit = int.MaxValue }, [.. claim.Tasks.Where(t => t.Free > 0).Select(t => t.Task)])).Select(t => t.Task)
            .Where(IsDue).OrderByDescending(t => t.Priority).ThenBy(t => t.DueAt).ThenBy(t => t.CreatedAt).ThenBy(t => t.Id);
        foreach (var due in waiting)
        {
            if (taken.Count >= claim.Limit)
                break;
            if (free[due.Task]-- <= 0)
                continue;
            if (await UpdateAsync(due.Id, task => task.State != TaskState.Pending || task.Fence != due.Fence || !IsDue(task) ? null
                    : claim.Reserve ? task with { Fence = task.Fence + 1, LeaseUntil = Now + claim.Lease }
                    : Started(task with { Fence = task.Fence + 1 }, claim.Worker, claim.Lease)) is { } mine)
                taken.Add(mine);
        }

        return taken.ToImmutable();
    }

    private bool IsDue(TaskEntry task) => task.DueAt <= Now && (task.LeaseUntil is not { } reserved || reserved <= Now);

    private TaskEntry Started(TaskEntry task, string worker, TimeSpan lease) =>
        task with { State = TaskState.Started, Attempt = task.Attempt + 1, Worker = worker, StartedAt = Now, LeaseUntil = Now + lease, Percent = null, Step = null };

    private async ValueTask<List<(StoredRecord Record, TaskEntry Task)>> FindAsync(TaskQuery query, ImmutableArray<string> names)
    {
        var found = new List<(StoredRecord Record, TaskEntry Task)>();
        if (!query.Ids.IsDefault)
        {
            foreach (var one in query.Ids)
            {
                if (await records.FindAsync(KeyOf(one), CancellationToken.None) is { } record)
                    found.Add((record, Read(record)));
            }

            return [.. found.Where(f => Fits(f.Task, query)).OrderByDescending(f => f.Record.CreatedAt).ThenByDescending(f => f.Record.Id, StringComparer.Ordinal).Take(query.Limit)];
        }

        var filters = new List<Filter>();
        if (query.State is { } state)
            filters.Add(Compare("state", FilterOperator.Equal, (long)state));
        if (names.Length > 0)
            filters.Add(new Filter.In("task", [.. names.Select(n => JsonSerializer.SerializeToElement(n))]));
        var before = query.Before is { } id ? await records.FindAsync(KeyOf(id), CancellationToken.None) : null;
        string? cursor = null;
        do
        {
            var page = await records.QueryAsync(
                new RecordQuery { Tenant = CallContext.DefaultTenant, Table = Table, Filter = filters.Count == 0 ? null : All([.. filters]), Sort = [new SortKey("createdAt", true), new SortKey("id", true)], Limit = Page, Cursor = cursor },
                CancellationToken.None);
            found.AddRange(page.Records.Where(r => IsOlder(r, before)).Select(r => (r, Read(r))).Where(f => Fits(f.Item2, query)));
            cursor = page.NextCursor;
        }
        while (cursor is not null && found.Count < query.Limit);
        return [.. found.Take(query.Limit)];
    }

    private static bool IsOlder(StoredRecord record, StoredRecord? before) =>
        before is null || record.CreatedAt < before.CreatedAt || (record.CreatedAt == before.CreatedAt && string.CompareOrdinal(record.Id, before.Id) < 0);

    private static bool Fits(TaskEntry task, TaskQuery query) =>
        (query.Tenant is null || task.Tenant == query.Tenant)
        && (query.Plugin is null || TaskName.PluginOf(task.Task) == query.Plugin)
        && (query.Task is null || task.Task == query.Task)
        && (query.State is null || task.State == query.State)
        && (query.Key is null || (task.Key == query.Key && !task.State.IsFinished()))
        && (query.Schedule is null || task.Schedule == query.Schedule);

    private static Filter All(params ImmutableArray<Filter> parts) => parts.Length == 1 ? parts[0] : new Filter.And(parts);

    private static Filter.Compare AtLeast(string path, long value) => Compare(path, FilterOperator.GreaterOrEqual, value);

    private static Filter.Compare Compare(string path, FilterOperator @operator, long value) => new Filter.Compare(path, @operator, JsonSerializer.SerializeToElement(value));

    /// <summary>Instants as microseconds, so that records sort and compare by them.</summary>
    private sealed class Instants : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => RecordColumns.FromMicroseconds(reader.GetInt64());

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) => writer.WriteNumberValue(RecordColumns.ToMicroseconds(value));
    }
}
