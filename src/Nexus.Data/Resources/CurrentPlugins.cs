using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Data.Resources;

/// <summary>Finds the generation that took over.</summary>
internal interface ICurrentPlugins
{
    /// <summary>The call on the generation that serves now; null when none does.</summary>
    ResourceCall? Find(ResourceCall call);
}

/// <summary>Asks the kernel. It is resolved at the first need, because the kernel itself needs the ports of this room.</summary>
internal sealed class CurrentPlugins(IServiceProvider services) : ICurrentPlugins
{
    public ResourceCall? Find(ResourceCall call)
    {
        var plugin = services.GetService<IPlugins>()?.Current.Find(call.Plugin.Manifest.Name);
        var resource = plugin?.Resources.FirstOrDefault(r => r.Name == call.Resource.Name);
        return plugin is null || resource is null || plugin.Generation == call.Plugin.Generation ? null : call with { Plugin = plugin, Resource = resource };
    }
}
