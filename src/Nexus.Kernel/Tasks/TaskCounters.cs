using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using System.Text.Json;

namespace Nexus.Kernel.Tasks;

/// <summary>Counts what happens to tasks on this node, for its worker's record and as the meter <c>Nexus.Tasks</c>.</summary>
internal sealed class TaskCounters
{
    private const int Minute = 60;
    private readonly Counter<long> enqueued;
    private readonly Counter<long> processed;
    private readonly Histogram<double> seconds;
    private readonly TimeProvider time;
    private readonly ISystemEvents? listeners;
    private readonly ConcurrentDictionary<(Guid Id, long Fence), (TaskEntry Entry, TaskEnding Ending, TimeSpan Elapsed)> untold = new();
    private readonly Lock gate = new();
    private readonly Queue<DateTimeOffset> ends = new();
    private readonly ConcurrentDictionary<string, long> asked = new(StringComparer.Ordinal);
    private long succeeded;
    private long failed;

    public TaskCounters(IMeterFactory meters, TimeProvider time, RunningTasks running, ISystemEvents? listeners = null)
    {
        this.listeners = listeners;
        this.time = time;
        var meter = meters.Create("Nexus.Tasks");
        enqueued = meter.CreateCounter<long>("tasks_enqueued", description: "Tasks asked for outside of a unit of work.");
        processed = meter.CreateCounter<long>("tasks_processed", description: "Tries, by how they ended.");
        seconds = meter.CreateHistogram<double>("task_duration", "s", "Time that tries took.");
        meter.CreateObservableGauge("tasks_running", () => running.Count, description: "Tasks that this node runs now.");
        meter.CreateObservableGauge("task_queue_length", () => QueueLength, description: "Tasks that wait, as last seen by this node.");
        meter.CreateObservableGauge("task_queue_age", () => OldestDueAt is { } due && due < time.GetUtcNow() ? (time.GetUtcNow() - due).TotalSeconds : 0, "s", "For how long the oldest due task has waited, as last seen by this node.");
    }

    public long Succeeded => Interlocked.Read(ref succeeded);

    public long Failed => Interlocked.Read(ref failed);

    /// <summary>Tasks that wait, as last seen.</summary>
    public long QueueLength { get; set; }

    /// <summary>When the oldest waiting task was due, as last seen; null when none waits.</summary>
    public DateTimeOffset? OldestDueAt { get; set; }

    /// <summary>Tries that ended within the last minute.</summary>
    public int PerMinute
    {
        get
        {
            lock (gate)
            {
                Forget();
                return ends.Count;
            }
        }
    }

    public void Enqueued(TaskEntry task) => enqueued.Add(1, new KeyValuePair<string, object?>("task", task.Task));

    /// <summary>A plugin asked for tasks.</summary>
    public void Asked(string plugin, int count) => asked.AddOrUpdate(plugin, static (_, n) => n, static (_, known, n) => known + n, count);

    /// <summary>How many a plugin asked for.</summary>
    public long AskedBy(string plugin) => asked.GetValueOrDefault(plugin);

    public void Ended(TaskEntry entry, TaskEnding ending, TimeSpan elapsed)
    {
        var task = entry.Task;
        if (listeners?.Hears(SystemTopic.Tasks) == true && ending is (TaskEnding.Done or TaskEnding.Committed or TaskEnding.Failed or TaskEnding.TimedOut))
        {
            // Who hears of an end and looks at the task finds it ended: what is not stored yet is told when it is.
            if (ending == TaskEnding.Committed)
                Tell(entry, ending, elapsed);
            else
                untold[(entry.Id, entry.Fence)] = (entry, ending, elapsed);
        }

        if (ending is TaskEnding.Done or TaskEnding.Committed)
            Interlocked.Increment(ref succeeded);
        else if (ending is TaskEnding.Failed or TaskEnding.TimedOut)
            Interlocked.Increment(ref failed);
        lock (gate)
        {
            ends.Enqueue(time.GetUtcNow());
            Forget();
        }

        var label = new KeyValuePair<string, object?>("task", task);
        processed.Add(1, label, new KeyValuePair<string, object?>("outcome", ending.ToString().ToLowerInvariant()));
        seconds.Record(elapsed.TotalSeconds, label);
    }

    /// <summary>The ends of tries were stored.</summary>
    public void Settled(ImmutableArray<TaskSettlement> settlements)
    {
        if (untold.IsEmpty)
            return;
        foreach (var settlement in settlements)
        {
            if (untold.TryRemove((settlement.Id, settlement.Fence), out var end))
                Tell(end.Entry, end.Ending, end.Elapsed);
        }
    }

    private void Forget()
    {
        var first = time.GetUtcNow().AddSeconds(-Minute);
        while (ends.TryPeek(out var end) && end < first)
            ends.Dequeue();
    }

    private void Tell(TaskEntry entry, TaskEnding ending, TimeSpan elapsed)
    {
        var data = JsonSerializer.SerializeToUtf8Bytes(new { id = entry.Id, task = entry.Task, attempt = entry.Attempt, createdBy = entry.CreatedBy, milliseconds = elapsed.TotalMilliseconds });
        listeners!.Tell(ending is TaskEnding.Done or TaskEnding.Committed ? "task.completed" : "task.failed", data, new CallContext(Caller.System, entry.Tenant, entry.Id.ToString()));
    }
}
