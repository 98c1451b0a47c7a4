using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>What a monitor shows of tasks: kinds, schedules, queue lengths, workers.</summary>
internal sealed class TaskMonitorRoutes(IServiceProvider host) : IPlatformRoutes
{
    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/tasks/types", "listTaskTypes", "Tasks that active plugins declare", "platform.tasks:read", context => JsonAnswer.SendAsync(context, Monitor.GetTypes())) { Answer = Answer.Of<TaskType[]>() },
        new("GET", "/api/v1/tasks/schedules", "listTaskSchedules", "Schedules with their last and next time", "platform.tasks:read", async context => await JsonAnswer.SendAsync(context, await Monitor.ListSchedulesAsync(context.RequestAborted))) { Answer = Answer.Of<ScheduleState[]>() },
        new("GET", "/api/v1/tasks/stats", "getTaskStats", "How many tasks there are by name and state, and how long the oldest waits", "platform.tasks:read", StatsAsync) { Answer = Answer.Written("TaskCounts", """{"type":"object","required":["task","PENDING","STARTED","SUCCESS","FAILURE","CANCELLED"],"properties":{"task":{"type":"string"},"PENDING":{"type":"integer"},"STARTED":{"type":"integer"},"SUCCESS":{"type":"integer"},"FAILURE":{"type":"integer"},"CANCELLED":{"type":"integer"},"oldestDueAt":{"type":"string","format":"date-time"}}}""").Many() },
        new("GET", "/api/v1/workers", "listWorkers", "Workers with what they run and their rates", "platform.tasks:read", async context => await JsonAnswer.SendAsync(context, await Monitor.ListWorkersAsync(context.RequestAborted))) { Answer = Answer.Of<TaskWorker[]>() },
    ];

    private ITaskMonitor Monitor => host.GetService<ITaskMonitor>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no task queue.");

    private async Task StatsAsync(HttpContext context)
    {
        var history = host.GetService<ITaskHistory>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no task queue.");
        var counts = await history.CountAsync(GatewayRequest.Of(context).Context.Tenant, null, context.RequestAborted);
        await JsonAnswer.SendAsync(context, json =>
        {
            json.WriteStartArray();
            foreach (var name in counts.GroupBy(c => c.Task, StringComparer.Ordinal))
            {
                json.WriteStartObject();
                json.WriteString("task", name.Key);
                foreach (var state in Enum.GetValues<TaskState>())
                    json.WriteNumber(state.ToWord(), name.Where(c => c.State == state).Sum(c => c.Count));
                if (name.FirstOrDefault(c => c.State == TaskState.Pending) is { } waiting)
                    json.WriteString("oldestDueAt", waiting.OldestDueAt.UtcDateTime);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }
}
