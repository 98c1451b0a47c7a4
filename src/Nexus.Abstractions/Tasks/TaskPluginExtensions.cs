namespace Nexus;

/// <summary>Declares tasks and schedules. A task runs on whichever worker has the plugin, at least once; what it writes through the platform's ports happens once.</summary>
public static class TaskPluginExtensions
{
    /// <summary>Declares a task.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="name">One word, such as <c>nightly-report</c>.</param>
    /// <param name="handle">Runs one try; throwing means that it failed.</param>
    /// <param name="adjust">Changes tries, time limit, concurrency, priority; <c>task => task with { MaxRetries = 5 }</c>.</param>
    public static IPluginBuilder AddTask(this IPluginBuilder plugin, string name, Func<TaskContext, CancellationToken, Task> handle, Func<TaskDescriptor, TaskDescriptor>? adjust = null) =>
        plugin.Declare(name, async (_, context, ct) => { await handle(context, ct); return default; }, adjust);

    /// <summary>Declares a task with a scope of the plugin's own services.</summary>
    public static IPluginBuilder AddTask(this IPluginBuilder plugin, string name, Func<IServiceProvider, TaskContext, CancellationToken, Task> handle, Func<TaskDescriptor, TaskDescriptor>? adjust = null) =>
        plugin.Declare(name, async (services, context, ct) => { await handle(services, context, ct); return default; }, adjust);

    /// <summary>Declares a task with typed input.</summary>
    public static IPluginBuilder AddTask<TInput>(this IPluginBuilder plugin, string name, Func<IServiceProvider, TInput, TaskContext, CancellationToken, Task> handle, Func<TaskDescriptor, TaskDescriptor>? adjust = null) =>
        plugin.Declare(name, async (services, context, ct) => { await handle(services, JsonCodec.For<TInput>().Deserialize(context.Input.Span)!, context, ct); return default; }, adjust);

    /// <summary>Declares a task with typed input and result.</summary>
    public static IPluginBuilder AddTask<TInput, TResult>(this IPluginBuilder plugin, string name, Func<IServiceProvider, TInput, TaskContext, CancellationToken, Task<TResult>> handle, Func<TaskDescriptor, TaskDescriptor>? adjust = null) =>
        plugin.Declare(name, async (services, context, ct) => JsonCodec.For<TResult>().Serialize(await handle(services, JsonCodec.For<TInput>().Deserialize(context.Input.Span)!, context, ct)), adjust);

    /// <summary>Fires a task of this plugin again and again, once at each time whatever the number of nodes.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="expression">A cron expression of five or six fields, or one of <see cref="Schedule"/>.</param>
    /// <param name="task">Name of the task.</param>
    /// <param name="adjust">Changes time zone, input, misfire policy; <c>schedule => schedule with { TimeZone = "Europe/Berlin" }</c>.</param>
    public static IPluginBuilder AddSchedule(this IPluginBuilder plugin, string expression, string task, Func<ScheduleDescriptor, ScheduleDescriptor>? adjust = null)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        ArgumentException.ThrowIfNullOrWhiteSpace(expression);
        var name = TaskName.Of(plugin.Id, task);
        var declared = new ScheduleDescriptor { Name = $"{name} {expression}", Task = name, Expression = expression };
        return plugin.Contribute(new ScheduleContribution(adjust?.Invoke(declared) ?? declared));
    }

    private static IPluginBuilder Declare(this IPluginBuilder plugin, string name, TaskHandlerDelegate handle, Func<TaskDescriptor, TaskDescriptor>? adjust)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        var declared = new TaskDescriptor { Name = TaskName.Of(plugin.Id, name), Handle = handle };
        return plugin.Contribute(new TaskContribution(adjust?.Invoke(declared) ?? declared));
    }
}
