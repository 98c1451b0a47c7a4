using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Nexus.Kernel.Tasks;

/// <summary>The tasks that this node runs. Thread-safe.</summary>
internal sealed class RunningTasks
{
    private readonly ConcurrentDictionary<Guid, RunningTask> tasks = new();

    public ImmutableArray<RunningTask> All => [.. tasks.Values];

    public int Count => tasks.Count;

    public RunningTask? Find(Guid id) => tasks.GetValueOrDefault(id);

    public void Add(RunningTask task) => tasks[task.Task.Id] = task;

    public void Remove(RunningTask task) => tasks.TryRemove(new KeyValuePair<Guid, RunningTask>(task.Task.Id, task));
}

/// <summary>A try that runs on this node: what is wanted of it and what it told. Holds nothing of the plugin. Thread-safe.</summary>
#pragma warning disable CA1001 // who cancels late must not meet a disposed source; without a timer it holds nothing but memory
internal sealed class RunningTask(TaskEntry task, DateTimeOffset startedAt, int maxLogLines)
#pragma warning restore CA1001
{
    private readonly Lock gate = new();
    private readonly CancellationTokenSource ending = new();
    private readonly List<TaskLogLine> lines = [];
    private double? percent;
    private string? step;
    private int told;
    private int stored;
    private int written;

    public TaskEntry Task => task;

    public DateTimeOffset StartedAt { get; } = startedAt;

    /// <summary>When the store last heard of it.</summary>
    public DateTimeOffset BeatAt { get; private set; } = startedAt;

    /// <summary>Cancelled when it is to stop, for whatever reason of these.</summary>
    public CancellationToken Ending => ending.Token;

    /// <summary>Somebody called it off.</summary>
    public bool IsCancelled { get; private set; }

    /// <summary>Its lease is another's by now.</summary>
    public bool IsLost { get; private set; }

    public void Cancel()
    {
        IsCancelled = true;
        ending.Cancel();
    }

    public void Lose()
    {
        IsLost = true;
        ending.Cancel();
    }

    /// <summary>Takes what the handler tells.</summary>
    public void Write(string kind, string text, double? reached, DateTimeOffset now)
    {
        lock (gate)
        {
            if (reached is not null)
            {
                (percent, told) = (reached, told + 1);
                if (text.Length == 0)
                    return;
                step = text;
            }

            if (++written <= maxLogLines)
                lines.Add(new TaskLogLine(((long)task.Attempt << 32) + written, now, task.Attempt, kind, text));
            else if (written == maxLogLines + 1)
                lines.Add(new TaskLogLine(((long)task.Attempt << 32) + written, now, task.Attempt, "warning", $"Further lines are dropped: tasks.maxLogLines allows {maxLogLines} a try."));
        }
    }

    /// <summary>Takes away the lines that were written since the last time; a beat when there is progress that is not stored yet, or <paramref name="always"/>.</summary>
    public (TaskBeat? Beat, int Told, ImmutableArray<TaskLogLine> Lines) TakeNews(bool always)
    {
        lock (gate)
        {
            TaskBeat? beat = told != stored || always ? new TaskBeat(task.Id, task.Fence, percent, step) : null;
            ImmutableArray<TaskLogLine> taken = [.. lines];
            lines.Clear();
            return (beat, told, taken);
        }
    }

    /// <summary>The store has what was told up to then. Until it has, the end of the try tells it too: a beat that arrives after the end is refused.</summary>
    public void Stored(int upTo, DateTimeOffset now)
    {
        lock (gate)
        {
            stored = Math.Max(stored, upTo);
            BeatAt = now;
        }
    }
}
