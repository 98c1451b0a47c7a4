using System.Collections.Immutable;

namespace Nexus;

/// <summary>The task queue. A plugin sees the tasks of its own, in the tenant of the current call; the host's own queue takes whole names and sees all. Thread-safe.</summary>
public interface ITasks
{
    /// <summary>Asks for tasks and returns their ids in order, when they are stored; within an <see cref="IUnitOfWork"/> (and so within a durable event handler and an atomic task) at once, to be stored by its commit or not at all. One whose <see cref="NewTask.Key"/> an unfinished task has adds nothing; the id is that of the other.</summary>
    /// <exception cref="NexusException"><c>TASK_UNKNOWN</c>: a name breaks the grammar or no active plugin declares it; <c>TASK_TOO_LARGE</c>.</exception>
    ValueTask<ImmutableArray<Guid>> EnqueueAsync(ImmutableArray<NewTask> tasks, CancellationToken cancellationToken = default);

    /// <summary>Reads tasks, newest first.</summary>
    ValueTask<ImmutableArray<TaskEntry>> ListAsync(TaskQuery query, CancellationToken cancellationToken = default);

    /// <summary>Calls a task off: a waiting one never runs, a running one is asked to stop and, when it does not within <c>tasks.cancelGrace</c>, abandoned; it can write nothing any more through its unit of work.</summary>
    /// <returns>Whether it was unfinished.</returns>
    ValueTask<bool> CancelAsync(Guid id, CancellationToken cancellationToken = default);

    /// <summary>Makes a failed or cancelled task due again with all its tries.</summary>
    /// <returns>Whether it was one.</returns>
    ValueTask<bool> RetryAsync(Guid id, CancellationToken cancellationToken = default);

    /// <summary>What a task wrote to its log, oldest first.</summary>
    /// <param name="id">The task.</param>
    /// <param name="after">Only lines after this position.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    ValueTask<ImmutableArray<TaskLogLine>> ReadLogAsync(Guid id, long after = 0, CancellationToken cancellationToken = default);
}

/// <summary>A task to run.</summary>
/// <param name="Task">Its name; within its plugin the last word is enough.</param>
public sealed record NewTask(string Task)
{
    /// <summary>Input as UTF-8 JSON.</summary>
    public ReadOnlyMemory<byte> Input { get; init; } = "null"u8.ToArray();

    /// <summary>Not run before this; at once when null.</summary>
    public DateTimeOffset? DueAt { get; init; }

    /// <summary>Wait from now; counts when <see cref="DueAt"/> is null.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Higher is run first among the waiting, −1000 to 1000; the declaration decides when null.</summary>
    public int? Priority { get; init; }

    /// <summary>Deduplication key; see <see cref="TaskEntry.Key"/>.</summary>
    public string? Key { get; init; }

    /// <summary>Tries after the first; the declaration decides when null.</summary>
    public int? MaxRetries { get; init; }
}

/// <summary>A line of a task's log.</summary>
/// <param name="Position">Grows with each line of the task; where to go on from.</param>
/// <param name="At">When it was written, UTC.</param>
/// <param name="Attempt">Try that wrote it.</param>
/// <param name="Kind"><c>step</c>, <c>info</c>, <c>warning</c> or <c>error</c>.</param>
/// <param name="Text">The text.</param>
public sealed record TaskLogLine(long Position, DateTimeOffset At, int Attempt, string Kind, string Text);
