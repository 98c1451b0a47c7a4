using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Plugins.Capabilities;

/// <summary>Measures what plugins with a storage quota store, so that the quota holds over restarts, on every node and for SQL.</summary>
internal sealed partial class StorageMeasure(CapabilityDecisions decisions, IPlugins plugins, IServiceProvider host, PluginsOptions options, TimeProvider time, ILogger<StorageMeasure> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Quotas.Values.All(q => q.StorageBytes is null))
            return;
        using var timer = new PeriodicTimer(options.QuotaInterval, time);
        try
        {
            do
            {
                await MeasureAsync(stoppingToken);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The node stops.
        }
    }

    private async Task MeasureAsync(CancellationToken cancellationToken)
    {
        foreach (var plugin in plugins.Current.Plugins)
        {
            if (decisions.Find(plugin.Manifest.Name) is not { CountsStorage: true } allowance || host.GetService<ISchemaChanges>() is not { } storage)
                continue;
            try
            {
                var counted = allowance.Stored;
                allowance.Measured(await Task.Run(() => storage.MeasureAsync(plugin.Manifest.Name, plugin.Manifest.DocumentRoot, cancellationToken).AsTask(), cancellationToken), counted);
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                LogFailed(log, plugin.Manifest.Name, e.Message);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "plugin.quota.unmeasured {Plugin}: {Cause}")]
    private static partial void LogFailed(ILogger log, string plugin, string cause);
}
