using System.Collections.Immutable;
using System.Text.Json;

namespace Nexus.Kernel.Tasks;

/// <summary>Types, schedules and workers for operators.</summary>
internal sealed class TaskMonitor(TaskCatalog catalog, TaskCounters counters, IStorage storage, TimeProvider time) : ITaskMonitor
{
    public ImmutableArray<TaskType> GetTypes() => catalog.Types();

    public long CountAsked(string plugin) => counters.AskedBy(plugin);

    public async ValueTask<ImmutableArray<ScheduleState>> ListSchedulesAsync(CancellationToken cancellationToken)
    {
        var states = ImmutableArray.CreateBuilder<ScheduleState>();
        foreach (var schedule in catalog.Schedules.OrderBy(s => s.Name, StringComparer.Ordinal))
        {
            var stored = (await Scheduler.FindAsync(storage, schedule.Name, cancellationToken))?.Schedule;
            states.Add(new ScheduleState(schedule.Name, schedule.Task, schedule.Expression, schedule.TimeZone, stored?.LastFireAt, stored?.LastTask, stored?.NextFireAt));
        }

        return states.ToImmutable();
    }

    public async ValueTask<ImmutableArray<TaskWorker>> ListWorkersAsync(CancellationToken cancellationToken) =>
    [
        .. (await ReadAsync(storage, cancellationToken)).Where(w => time.GetUtcNow() - w.SeenAt <= TaskSeat.Seen).OrderBy(w => w.Name, StringComparer.Ordinal),
    ];

    public static async ValueTask<ImmutableArray<TaskWorker>> ReadAsync(IStorage storage, CancellationToken cancellationToken)
    {
        var page = await storage.QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = TaskSeat.Workers, Limit = 1000 }, cancellationToken);
        return [.. page.Records.Select(r => JsonSerializer.Deserialize<TaskWorker>(r.Json.Span, JsonSerializerOptions.Web)!)];
    }
}
