using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Nexus.Kernel.Events;

namespace Nexus.Kernel.Tasks;

/// <summary>Where a schedule stands, as it is stored.</summary>
internal sealed record ScheduleRecord(string Expression, string TimeZone, DateTimeOffset? NextFireAt, DateTimeOffset? LastFireAt, Guid? LastTask);

/// <summary>
/// Fires schedules. A schedule's next time is a record; who fires it moves that time on at the revision it read, in the commit that asks for the task, so that of several nodes one does so, whatever their clocks say:
/// 1. a schedule that is new, or whose expression changed, gets its next time from now on;
/// 2. when that has come, the task is asked for with the last time that has passed, once however many there were;
/// 3. who comes second finds another revision, and reads again.
/// </summary>
internal sealed class Scheduler(IStorage storage, TaskCatalog catalog, TimeProvider time, IOptions<TasksOptions> options, ILogger<Scheduler> log) : BackgroundService
{
    public const string Table = "nexus.schedules";
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(250);

    // A clock that is set back, and what other nodes fired, are seen at the next reading.
    private static readonly TimeSpan Reading = TimeSpan.FromSeconds(30);
    private readonly Dictionary<string, Known> known = new(StringComparer.Ordinal);
    private DateTimeOffset readAt;

    public static async ValueTask<(ScheduleRecord Schedule, long Revision)?> FindAsync(IStorage storage, string name, CancellationToken cancellationToken) =>
        await storage.FindAsync(KeyOf(name), cancellationToken) is { } record ? (JsonSerializer.Deserialize<ScheduleRecord>(record.Json.Span, JsonSerializerOptions.Web)!, record.Revision) : null;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var wait = Turn;
            try
            {
                wait = await TurnAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                log.LogError("Schedules could not be read or fired; trying again: {Error}", HandlerRun.Describe(e));
            }

            await Task.Delay(wait, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static RecordKey KeyOf(string name) => new(CallContext.DefaultTenant, Table, name);

    private async Task<TimeSpan> TurnAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if ((now - readAt).Duration() >= Reading)
        {
            known.Clear();
            readAt = now;
        }

        var next = now + Turn;
        foreach (var schedule in catalog.Schedules)
        {
            try
            {
                if (await NextAsync(schedule, now, cancellationToken) is { } due && due < next)
                    next = due;
            }
            catch (StorageConflictException)
            {
                // Another node was first: what it stored is read at the next turn.
                known.Remove(schedule.Name);
            }
        }

        // Up to the next time when it is near, so that it is met; never a busy loop.
        var wait = next - time.GetUtcNow();
        return wait > Turn ? Turn : wait < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : wait;
    }

    /// <summary>Fires what is due and returns the next time.</summary>
    private async Task<DateTimeOffset?> NextAsync(ScheduleDescriptor schedule, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (!known.TryGetValue(schedule.Name, out var mine) || mine.Expression != schedule.Expression || mine.TimeZone != schedule.TimeZone)
            known[schedule.Name] = mine = await ReadAsync(schedule, now, cancellationToken);
        if (mine.Record.NextFireAt is not { } due || due > now)
            return mine.Record.NextFireAt;

        var last = mine.Times.LastUpTo(now, due);
        var fires = schedule.Misfire == MisfirePolicy.FireOnce || now - last <= options.Value.MisfireAfter;
        var task = new TaskEntry { Task = schedule.Task, Input = schedule.Input, DueAt = last, CreatedAt = now, CreatedBy = "schedule", Schedule = schedule.Name, CorrelationId = $"schedule {schedule.Name}" };
        var moved = mine.Record with { NextFireAt = mine.Times.After(last), LastFireAt = fires ? last : mine.Record.LastFireAt, LastTask = fires ? task.Id : mine.Record.LastTask };
        await StoreAsync(schedule.Name, moved, mine.Revision, fires ? task : null, now, cancellationToken);
        if (!fires)
            log.LogWarning("Schedule {Schedule} was due at {Due} and is passed over: no node ran then.", schedule.Name, last);
        known[schedule.Name] = mine with { Record = moved, Revision = mine.Revision + 1 };
        return moved.NextFireAt;
    }

    private async Task<Known> ReadAsync(ScheduleDescriptor schedule, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var times = ScheduleTimes.Parse(schedule.Expression, schedule.TimeZone);
        var (record, revision) = await FindAsync(storage, schedule.Name, cancellationToken) ?? (null!, 0);
        if (record is null || record.Expression != schedule.Expression || record.TimeZone != schedule.TimeZone)
        {
            record = new ScheduleRecord(schedule.Expression, schedule.TimeZone, times.After(now), record?.LastFireAt, record?.LastTask);
            await StoreAsync(schedule.Name, record, revision, null, now, cancellationToken);
            revision++;
        }

        return new Known(schedule.Expression, schedule.TimeZone, times, record, revision);
    }

    private async Task StoreAsync(string name, ScheduleRecord schedule, long revision, TaskEntry? task, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var record = new StoredRecord { Id = name, Revision = revision + 1, CreatedAt = now, UpdatedAt = now, Json = JsonSerializer.SerializeToUtf8Bytes(schedule, JsonSerializerOptions.Web) };
        await storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = KeyOf(name), Record = record, ExpectedRevision = revision }], Tasks = task is null ? [] : [task] }, cancellationToken);
    }

    private sealed record Known(string Expression, string TimeZone, ScheduleTimes Times, ScheduleRecord Record, long Revision);
}
