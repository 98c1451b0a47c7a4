using System.Collections.Frozen;
using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace Nexus.Kernel.Tasks;

/// <summary>A task that can be run now. Only <see cref="TaskCatalog"/> keeps these, so that dropping them there lets go of the plugin; everything that outlives a call keeps the name.</summary>
internal sealed record DeclaredTask(string Plugin, TaskDescriptor Descriptor, IGeneration Lease);

/// <summary>What the active plugins of the node declare, with the limits that count.</summary>
internal sealed class TaskCatalog : IDisposable
{
    private readonly IPlugins plugins;
    private readonly IOptions<TasksOptions> options;
    private readonly ILogger<TaskCatalog> log;
    private readonly IDisposable registration;
    private volatile FrozenDictionary<string, DeclaredTask> tasks = FrozenDictionary<string, DeclaredTask>.Empty;
    private volatile ImmutableSchedules schedules = new([]);

    public TaskCatalog(IPlugins plugins, IOptions<TasksOptions> options, ILogger<TaskCatalog> log)
    {
        (this.plugins, this.options, this.log) = (plugins, options, log);
        registration = ChangeToken.OnChange(plugins.GetChangeToken, Rebuild);
        Rebuild();
    }

    /// <summary>Raised after every change; must not block.</summary>
    public event Action? Changed;

    /// <summary>Schedules whose task can be run here.</summary>
    public ImmutableArray<ScheduleDescriptor> Schedules => schedules.All;

    public DeclaredTask? Find(string name) => tasks.GetValueOrDefault(name);

    /// <summary>What can be run, with its limits filled in; nothing of the plugins.</summary>
    public ImmutableArray<TaskType> Types() =>
    [
        .. tasks.Values.Select(t => new TaskType(
            t.Descriptor.Name,
            t.Plugin,
            t.Descriptor.Description,
            t.Descriptor.MaxRetries ?? options.Value.MaxRetries,
            t.Descriptor.Timeout ?? options.Value.Timeout,
            t.Descriptor.Concurrency > 0 ? Math.Min(t.Descriptor.Concurrency, options.Value.Concurrency) : options.Value.Concurrency)).OrderBy(t => t.Name, StringComparer.Ordinal),
    ];

    public void Dispose() => registration.Dispose();

    private void Rebuild()
    {
        var current = plugins.Current.Plugins;
        tasks = current.SelectMany(p => p.Tasks.Select(t => new DeclaredTask(p.Manifest.Name, t, p.Lease))).DistinctBy(t => t.Descriptor.Name).ToFrozenDictionary(t => t.Descriptor.Name, StringComparer.Ordinal);
        schedules = new ImmutableSchedules([.. current.SelectMany(p => p.Schedules).Concat(Configured()).DistinctBy(s => s.Name)]);
        Changed?.Invoke();
    }

    private IEnumerable<ScheduleDescriptor> Configured()
    {
        foreach (var (name, schedule) in options.Value.Schedules)
        {
            if (!tasks.ContainsKey(schedule.Task))
                continue;
            try
            {
                ScheduleTimes.Parse(schedule.Schedule, schedule.TimeZone);
            }
            catch (NexusException e)
            {
                log.LogError("tasks.schedules.{Name} is passed over: {Error}", name, e.Message);
                continue;
            }

            yield return new ScheduleDescriptor { Name = name, Task = schedule.Task, Expression = schedule.Schedule, TimeZone = schedule.TimeZone, Input = System.Text.Encoding.UTF8.GetBytes(schedule.Input) };
        }
    }

    private sealed record ImmutableSchedules(ImmutableArray<ScheduleDescriptor> All);
}
