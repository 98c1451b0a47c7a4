using System.Collections.Immutable;

namespace Nexus;

/// <summary>What operators see of tasks beyond the tasks themselves. Thread-safe.</summary>
public interface ITaskMonitor
{
    /// <summary>Tasks that active plugins of this node declare, by name.</summary>
    ImmutableArray<TaskType> GetTypes();

    /// <summary>How many tasks a plugin has asked for on this node since it started.</summary>
    long CountAsked(string plugin) => 0;

    /// <summary>Schedules, by name: declared ones and those of <c>tasks.schedules</c>.</summary>
    ValueTask<ImmutableArray<ScheduleState>> ListSchedulesAsync(CancellationToken cancellationToken);

    /// <summary>Workers that showed life lately, by name.</summary>
    ValueTask<ImmutableArray<TaskWorker>> ListWorkersAsync(CancellationToken cancellationToken);
}

/// <summary>A declared task.</summary>
/// <param name="Name">Whole name.</param>
/// <param name="Plugin">Its plugin.</param>
/// <param name="Description">What it does.</param>
/// <param name="MaxRetries">Tries after the first.</param>
/// <param name="Timeout">Time limit of one try.</param>
/// <param name="Concurrency">Greatest number at once on a node.</param>
public sealed record TaskType(string Name, string Plugin, string Description, int MaxRetries, TimeSpan Timeout, int Concurrency);

/// <summary>A schedule and where it stands.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Task">What it fires.</param>
/// <param name="Expression">When.</param>
/// <param name="TimeZone">In which time zone.</param>
/// <param name="LastFireAt">The last of its times that was fired, or null.</param>
/// <param name="LastTask">The task that was fired then, or null.</param>
/// <param name="NextFireAt">Its next time, or null when there is none.</param>
public sealed record ScheduleState(string Name, string Task, string Expression, string TimeZone, DateTimeOffset? LastFireAt, Guid? LastTask, DateTimeOffset? NextFireAt);

/// <summary>A worker.</summary>
/// <param name="Name">Machine, process and start, unique.</param>
/// <param name="StartedAt">When it started, UTC.</param>
/// <param name="SeenAt">Its last sign of life, UTC.</param>
/// <param name="Concurrency">Tasks that it runs at once at most.</param>
/// <param name="Running">Tasks that it runs now.</param>
/// <param name="Succeeded">Tries that succeeded since it started.</param>
/// <param name="Failed">Tries that failed since it started.</param>
/// <param name="PerMinute">Tries that ended within the last minute.</param>
public sealed record TaskWorker(string Name, DateTimeOffset StartedAt, DateTimeOffset SeenAt, int Concurrency, int Running, long Succeeded, long Failed, double PerMinute);
