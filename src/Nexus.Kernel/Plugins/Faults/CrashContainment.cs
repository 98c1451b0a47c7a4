using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Nexus.Kernel.Plugins.Faults;

/// <summary>When a plugin is taken out of service for its crashes (<c>plugins.faults</c>).</summary>
public sealed class FaultOptions
{
    /// <summary>Unhandled exceptions within <see cref="Window"/> after which the plugin is quarantined.</summary>
    public int Limit { get; set; } = 5;

    /// <summary>The window.</summary>
    public TimeSpan Window { get; set; } = TimeSpan.FromMinutes(1);
}

/// <summary>Registers crash containment in the host's container.</summary>
public static class FaultsRegistration
{
    /// <summary>Keeps the process alive when an exception leaves a plugin's thread, async void method, pool work item or timer, and quarantines a plugin that does so again and again. Needs <see cref="IPlugins"/>.</summary>
    public static IServiceCollection AddNexusCrashContainment(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<FaultOptions>();
        return services.AddHostedService<CrashContainment>();
    }
}

/// <summary>Logs the faults of plugins and cuts crash loops.</summary>
internal sealed class CrashContainment(IPlugins plugins, IOptions<FaultOptions> options, TimeProvider time, ILogger<CrashContainment> log) : IHostedService
{
    private readonly FaultCounter counter = new(options.Value.Limit, options.Value.Window, time);
    private IDisposable? listening;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        listening = UnhandledExceptions.Listen(Contain);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        listening?.Dispose();
        return Task.CompletedTask;
    }

    private void Contain(PluginFault fault)
    {
        log.LogError("plugin.error {Plugin} generation {Generation} let an exception escape from a thread, async void method, pool work item or timer; the node goes on. {Error}\n{StackTrace}", fault.Plugin, fault.Generation, fault.Error, fault.StackTrace);
        if (!counter.Add(fault.Plugin))
            return;
        var cause = $"{options.Value.Limit} unhandled exceptions within {options.Value.Window}; the last: {fault.Error}";

        // Not on the failed thread, and not in its context.
        using (ExecutionContext.SuppressFlow())
            _ = Task.Run(() => QuarantineAsync(fault.Plugin, cause));
    }

    private async Task QuarantineAsync(string plugin, string cause)
    {
        try
        {
            await plugins.ExecuteAsync(new PluginCommand.Quarantine(plugin, cause), null, CancellationToken.None);
        }
        catch (Exception e)
        {
            log.LogError("The plugin {Plugin}, which crashes again and again, could not be stopped: {Error}", plugin, e.Message);
        }
    }
}
