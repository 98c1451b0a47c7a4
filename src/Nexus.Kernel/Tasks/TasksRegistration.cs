using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Nexus.Kernel.Events.Transport;
using Nexus.Kernel.Tasks.Transport;

namespace Nexus.Kernel.Tasks;

/// <summary>Registers tasks in the host's container.</summary>
public static class TasksRegistration
{
    /// <summary>Adds the queue (<see cref="ITasks"/>), what operators see (<see cref="ITaskMonitor"/>), this node's worker and scheduler as hosted services, and each plugin's own queue. Needs <see cref="IPlugins"/>, <see cref="IStorage"/> and <see cref="ITaskStore"/>; settings are <see cref="TasksOptions"/>.</summary>
    public static IServiceCollection AddNexusTasks(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<TasksOptions>();
        services.AddMetrics();
        services.AddLogging();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<TaskCatalog>();
        services.AddSingleton<RunningTasks>();
        services.AddSingleton<TaskCounters>();
        services.AddSingleton<TaskRun>();
        services.AddSingleton<TaskSeat>();
        services.AddKeyedSingleton(TaskIntake.Link, (host, _) => new TransportLink(host.GetRequiredService<IPlugins>(), Freight.Tasks, host.GetRequiredService<IOptions<TasksOptions>>().Value.Transport, host.GetRequiredService<TimeProvider>(), host.GetRequiredService<ILogger<TransportLink>>()));
        services.AddSingleton<IDependencyHealth>(host => host.GetRequiredKeyedService<TransportLink>(TaskIntake.Link));
        services.AddSingleton<TaskIntake>();
        services.AddSingleton<TaskLoop>();
        services.AddSingleton<TaskUpkeep>();
        services.AddSingleton<TaskQueue>();
        services.AddSingleton<ITasks>(host => host.GetRequiredService<TaskQueue>());
        services.AddSingleton<ITaskHistory>(host => host.GetRequiredService<ITaskStore>());
        services.AddSingleton<ITaskMonitor, TaskMonitor>();
        services.AddSingleton<IPluginPorts, PluginTaskPorts>();
        services.AddHostedService(host => host.GetRequiredService<TaskSeat>());
        services.AddHostedService<TaskRelay>();
        services.AddHostedService(host => host.GetRequiredService<TaskLoop>());
        services.AddHostedService<Scheduler>();
        services.AddHostedService(host => host.GetRequiredService<TaskUpkeep>());
        return services;
    }
}
