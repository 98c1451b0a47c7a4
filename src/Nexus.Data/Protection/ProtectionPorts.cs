using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Data.Protection;

/// <summary>Gives field protection to core plugins, which keep secrets of the node and of its users in documents. Other plugins mark fields of their resources and never see it.</summary>
internal sealed class ProtectionPorts(IFieldProtection protection) : IPluginPorts
{
    public void Add(IServiceCollection services, PluginPortContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Manifest.Category == PluginCategory.Core)
            services.AddSingleton(protection);
    }
}
