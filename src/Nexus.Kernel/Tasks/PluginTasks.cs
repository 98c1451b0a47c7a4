using System.Collections.Frozen;
using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Kernel.Tasks;

/// <summary>The queue as one plugin sees it: its own tasks, in the tenant of the current call.</summary>
/// <param name="queue">The queue of the host.</param>
/// <param name="plugin">The plugin.</param>
/// <param name="declared">Names that this generation declares, also before it is published.</param>
internal sealed class PluginTasks(TaskQueue queue, string plugin, FrozenSet<string> declared) : ITasks
{
    public ValueTask<ImmutableArray<Guid>> EnqueueAsync(ImmutableArray<NewTask> tasks, CancellationToken cancellationToken = default)
    {
        ImmutableArray<NewTask> own = [.. tasks.Select(t => t with { Task = TaskName.Of(plugin, t.Task) })];
        foreach (var task in own)
        {
            if (!declared.Contains(task.Task))
                throw new NexusException(ErrorCodes.TaskUnknown, $"{plugin} does not declare the task {task.Task}; it declares {(declared.Count == 0 ? "none" : string.Join(", ", declared.Order(StringComparer.Ordinal)))}. Add it with AddTask.");
        }

        return queue.EnqueueAsync(plugin, own, cancellationToken);
    }

    public ValueTask<ImmutableArray<TaskEntry>> ListAsync(TaskQuery query, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        return queue.ListAsync(Own(query), cancellationToken);
    }

    public ValueTask<bool> CancelAsync(Guid id, CancellationToken cancellationToken = default) => queue.CancelAsync(Own(new TaskQuery { Ids = [id] }), cancellationToken);

    public async ValueTask<bool> RetryAsync(Guid id, CancellationToken cancellationToken = default) =>
        (await ListAsync(new TaskQuery { Ids = [id] }, cancellationToken)).Length > 0 && await queue.RetryAsync(id, cancellationToken);

    public async ValueTask<ImmutableArray<TaskLogLine>> ReadLogAsync(Guid id, long after = 0, CancellationToken cancellationToken = default) =>
        (await ListAsync(new TaskQuery { Ids = [id] }, cancellationToken)).Length > 0 ? await queue.ReadLogAsync(id, after, cancellationToken) : [];

    private TaskQuery Own(TaskQuery query) => query with { Plugin = plugin, Tenant = CallContext.Current.Tenant, Task = query.Task is { } name ? TaskName.Of(plugin, name) : null };
}

/// <summary>Gives each plugin its own queue.</summary>
/// <remarks>The queue is looked up late: it needs the kernel's plugins, which need all ports first.</remarks>
internal sealed class PluginTaskPorts(IServiceProvider host) : IPluginPorts
{
    public void Add(IServiceCollection services, PluginPortContext context)
    {
        var (queue, plugin) = (host.GetRequiredService<TaskQueue>(), context.Manifest.Name);
        services.AddSingleton<ITasks>(own => new PluginTasks(queue, plugin, own.GetServices<Contribution>().OfType<TaskContribution>().Select(t => t.Descriptor.Name).ToFrozenSet(StringComparer.Ordinal)));
    }
}
