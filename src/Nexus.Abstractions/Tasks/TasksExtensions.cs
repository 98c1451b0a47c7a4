using System.Collections.Immutable;

namespace Nexus;

/// <summary>Typed enqueuing, waiting and results.</summary>
public static class TasksExtensions
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(25);

    /// <summary>Asks for one task; see <see cref="ITasks.EnqueueAsync"/>.</summary>
    public static async ValueTask<Guid> EnqueueAsync(this ITasks tasks, NewTask task, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        return (await tasks.EnqueueAsync([task], cancellationToken))[0];
    }

    /// <summary>Asks for a task without input.</summary>
    public static ValueTask<Guid> EnqueueAsync(this ITasks tasks, string name, CancellationToken cancellationToken = default) =>
        tasks.EnqueueAsync(new NewTask(name), cancellationToken);

    /// <summary>Asks for a task with typed input.</summary>
    /// <param name="tasks">The queue.</param>
    /// <param name="name">Name of the task.</param>
    /// <param name="input">Its input.</param>
    /// <param name="adjust">Changes delay, due time, priority, key, retries; <c>task => task with { Delay = TimeSpan.FromMinutes(5) }</c>.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static ValueTask<Guid> EnqueueAsync<TInput>(this ITasks tasks, string name, TInput input, Func<NewTask, NewTask>? adjust = null, CancellationToken cancellationToken = default)
    {
        var task = new NewTask(name) { Input = JsonCodec.For<TInput>().Serialize(input) };
        return tasks.EnqueueAsync(adjust?.Invoke(task) ?? task, cancellationToken);
    }

    /// <summary>The task, or null.</summary>
    public static async ValueTask<TaskEntry?> FindAsync(this ITasks tasks, Guid id, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        return (await tasks.ListAsync(new TaskQuery { Ids = [id], Limit = 1 }, cancellationToken)).FirstOrDefault();
    }

    /// <summary>The task.</summary>
    /// <exception cref="NexusException"><c>TASK_NOT_FOUND</c>.</exception>
    public static async ValueTask<TaskEntry> GetAsync(this ITasks tasks, Guid id, CancellationToken cancellationToken = default) =>
        await tasks.FindAsync(id, cancellationToken) ?? throw new NexusException(ErrorCodes.TaskNotFound, $"There is no task {id}.");

    /// <summary>Waits for the end of a task, so that short work can be answered at once and long work with its id: what comes back is finished, or what it is when the time is up.</summary>
    /// <exception cref="NexusException"><c>TASK_NOT_FOUND</c>.</exception>
    public static async ValueTask<TaskEntry> WaitAsync(this ITasks tasks, Guid id, TimeSpan atMost, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        time ??= TimeProvider.System;
        var started = time.GetTimestamp();
        while (true)
        {
            var entry = await tasks.GetAsync(id, cancellationToken);
            if (entry.State.IsFinished() || time.GetElapsedTime(started) >= atMost)
                return entry;
            await Task.Delay(Look, time, cancellationToken);
        }
    }

    /// <summary>The result of a successful task as a typed value.</summary>
    /// <exception cref="NexusException"><c>TASK_NOT_FINISHED</c>: it has no result (yet).</exception>
    public static T? ResultAs<T>(this TaskEntry task)
    {
        ArgumentNullException.ThrowIfNull(task);
        return task.State == TaskState.Success && !task.Result.IsEmpty
            ? JsonCodec.For<T>().Deserialize(task.Result.Span)
            : throw new NexusException(ErrorCodes.TaskNotFinished, $"Task {task.Id} has no result: it is {task.State.ToWord()}{(task.Error is { } error ? $" ({error})" : "")}.");
    }
}
