using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Plugins.Faults;

/// <summary>Keeps the process alive when an exception leaves a plugin's thread, async void method, pool work item or timer; logs it, and asks for the quarantine of a plugin that does so again and again.</summary>
internal sealed class CrashContainment(IPlugins plugins, PluginsOptions options, TimeProvider time, ILogger<CrashContainment> log) : IHostedService
{
    private readonly FaultCounter counter = new(options.FaultLimit, options.FaultWindow, time);
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
        var cause = $"{options.FaultLimit} unhandled exceptions within {options.FaultWindow}; the last: {fault.Error}";

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
