using System.Collections.Immutable;
using Microsoft.Extensions.Options;

namespace Nexus.Kernel.Tasks;

/// <summary>The queue of the host; plugins get a <see cref="PluginTasks"/> over it.</summary>
internal sealed class TaskQueue(IStorage storage, ITaskStore store, TaskCatalog catalog, RunningTasks running, TaskCounters counters, TimeProvider time, IOptions<TasksOptions> options, IUnitsOfWork? units = null) : ITasks
{
    private const int MaxAttempts = 100;

    public ValueTask<ImmutableArray<Guid>> EnqueueAsync(ImmutableArray<NewTask> tasks, CancellationToken cancellationToken = default)
    {
        foreach (var task in tasks)
        {
            if (catalog.Find(task.Task) is null)
                throw new NexusException(ErrorCodes.TaskUnknown, $"No active plugin declares the task {task.Task}; `nexus tasks types` lists those there are.");
        }

        return EnqueueAsync(null, tasks, cancellationToken);
    }

    public ValueTask<ImmutableArray<TaskEntry>> ListAsync(TaskQuery query, CancellationToken cancellationToken = default) => store.ListAsync(query, cancellationToken);

    public ValueTask<bool> CancelAsync(Guid id, CancellationToken cancellationToken = default) => CancelAsync(new TaskQuery { Ids = [id] }, cancellationToken);

    public async ValueTask<bool> RetryAsync(Guid id, CancellationToken cancellationToken = default) =>
        (await store.ChangeAsync(TaskChange.Retry, new TaskQuery { Ids = [id] }, cancellationToken)).Length > 0;

    public async ValueTask<ImmutableArray<TaskLogLine>> ReadLogAsync(Guid id, long after = 0, CancellationToken cancellationToken = default) =>
        (await ListAsync(new TaskQuery { Ids = [id] }, cancellationToken)) is [var task] ? await TaskLogs.ReadAsync(storage, task, after, cancellationToken) : [];

    internal async ValueTask<bool> CancelAsync(TaskQuery which, CancellationToken cancellationToken)
    {
        var cancelled = await store.ChangeAsync(TaskChange.Cancel, which, cancellationToken);
        foreach (var task in cancelled)
            running.Find(task.Id)?.Cancel();
        return cancelled.Length > 0;
    }

    /// <summary>Stores tasks for a plugin, whose unit of work takes them in when there is one.</summary>
    /// <param name="plugin">The plugin; null for the host.</param>
    /// <param name="tasks">Tasks with whole names.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    internal async ValueTask<ImmutableArray<Guid>> EnqueueAsync(string? plugin, ImmutableArray<NewTask> tasks, CancellationToken cancellationToken)
    {
        using var span = NexusTracing.Start(NexusTracing.TaskEnqueue);
        if (span is not null && tasks is [var first, ..])
            span.SetTag("nexus.task", first.Task);
        ImmutableArray<TaskEntry> entries = [.. tasks.Select(Stamp)];
        for (var attempt = 1; ; attempt++)
        {
            var ids = ImmutableArray.CreateBuilder<Guid>();
            var missing = new List<TaskEntry>();
            foreach (var entry in entries)
            {
                var same = entry.Key is null ? null : missing.FirstOrDefault(m => m.Key == entry.Key && m.Task == entry.Task) ?? await FindByKeyAsync(entry, cancellationToken);
                ids.Add(same?.Id ?? entry.Id);
                if (same is null)
                    missing.Add(entry);
            }

            if (missing.Count == 0)
                return ids.ToImmutable();
            if (plugin is not null && units?.TryEnqueue(plugin, [.. missing], out var staged) == true)
            {
                counters.Asked(plugin, missing.Count);
                return [.. ids.Select(id => missing.FindIndex(m => m.Id == id) is var at and >= 0 ? staged[at] : id)];
            }

            try
            {
                await storage.CommitAsync(new WriteBatch { Tasks = [.. missing] }, cancellationToken);
                missing.ForEach(counters.Enqueued);
                if (plugin is not null)
                    counters.Asked(plugin, missing.Count);
                return ids.ToImmutable();
            }
            catch (StorageConflictException e) when (e.Key.Table == ITaskStore.Keys && attempt < MaxAttempts)
            {
                // Another one with the same key came first: its id is the answer, unless it is finished by now.
            }
        }
    }

    private async ValueTask<TaskEntry?> FindByKeyAsync(TaskEntry entry, CancellationToken cancellationToken) =>
        (await store.ListAsync(new TaskQuery { Tenant = entry.Tenant, Task = entry.Task, Key = entry.Key, Limit = 1 }, cancellationToken)).FirstOrDefault();

    private TaskEntry Stamp(NewTask task)
    {
        if (task.Input.Length > options.Value.MaxBytes)
            throw new NexusException(ErrorCodes.TaskTooLarge, $"The input of {task.Task} is {task.Input.Length} bytes; tasks.maxBytes allows {options.Value.MaxBytes}.");
        if (task.Key?.Length > 200)
            throw new NexusException(ErrorCodes.BadRequest, $"The key of {task.Task} has {task.Key.Length} characters; at most 200 are allowed.");
        var (now, context) = (time.GetUtcNow(), CallContext.Current);
        return new TaskEntry
        {
            Task = task.Task,
            Tenant = context.Tenant,
            Input = task.Input.IsEmpty ? "null"u8.ToArray() : task.Input,
            Priority = Math.Clamp(task.Priority ?? catalog.Find(task.Task)?.Descriptor.Priority ?? 0, -1000, 1000),
            DueAt = task.DueAt ?? now + (task.Delay > TimeSpan.Zero ? task.Delay : TimeSpan.Zero),
            Key = task.Key,
            MaxAttempts = task.MaxRetries is { } retries ? Math.Max(0, retries) + 1 : null,
            CorrelationId = context.CorrelationId,
            TraceParent = NexusTracing.IsListenedTo ? NexusTracing.Parent : null,
            CreatedBy = context.Caller.Id,
            CreatedAt = now,
        };
    }
}
