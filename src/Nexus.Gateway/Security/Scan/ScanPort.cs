using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Security.Watch;

namespace Nexus.Gateway.Security.Scan;

/// <summary>Gives the scan to the plugin that runs it by schedule, and to no other.</summary>
internal sealed class ScanPort(IServiceProvider host) : IPluginPorts
{
    /// <inheritdoc/>
    public void Add(IServiceCollection services, PluginPortContext context)
    {
        if (context.Manifest.Name != ScheduledAudit.Manifest.Name || context.Manifest.Category != PluginCategory.Core)
            return;
        services.AddSingleton(_ => host.GetRequiredService<SecurityScan>());
        services.AddSingleton(_ => host.GetRequiredService<Alerts>());
    }
}
