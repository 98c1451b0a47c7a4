using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>What a monitor shows of tasks: kinds, schedules, queue lengths, workers.</summary>
internal sealed class TaskMonitorRoutes(IServiceProvider host) : IPlatformRoutes
{
    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/tasks/types", "listTaskTypes", "Tasks that active plugins declare", "platform.tasks:read", context => JsonAnswer.SendAsync(context, Monitor.GetTypes())),
        new("GET", "/api/v1/tasks/schedules", "listTaskSchedules", "Schedules with their last and next time", "platform.tasks:read", async context => await JsonAnswer.SendAsync(context, await Monitor.ListSchedulesAsync(context.RequestAborted))),
        new("GET", "/api/v1/tasks/stats", "getTaskStats", "How many tasks there are by name and state, and how long the oldest waits", "platform.tasks:read", StatsAsync),
        new("GET", "/api/v1/workers", "listWorkers", "Workers with what they run and their rates", "platform.tasks:read", async context => await JsonAnswer.SendAsync(context, await Monitor.ListWorkersAsync(context.RequestAborted))),
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
