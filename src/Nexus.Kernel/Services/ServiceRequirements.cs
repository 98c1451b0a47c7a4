using System.Collections.Immutable;

namespace Nexus.Kernel.Services;

/// <summary>Checks, before a generation is published, that what it requires is provided.</summary>
internal static class ServiceRequirements
{
    /// <summary>Checks a plugin against those it is about to join; what it provides itself counts.</summary>
    /// <exception cref="NexusException"><c>PLUGIN_DEPENDENCY_ERROR</c>, naming the service and what there is.</exception>
    public static void Check(ActivePlugin newcomer, ImmutableArray<ActivePlugin> others)
    {
        var id = newcomer.Manifest.Name;
        foreach (var need in newcomer.Requires)
        {
            var names = others.Add(newcomer).SelectMany(plugin => plugin.Services).Where(service => service.Contract == need.Contract).Select(service => service.Name).Order(StringComparer.Ordinal).ToList();
            if (names.Count == 0)
                throw new NexusException(ErrorCodes.PluginDependencyError, $"The plugin {id} requires the service {need.Contract}, which no active plugin provides. Enable one that does, and name it under `dependencies` in the manifest of {id} so that it starts first.");
            if (need.Implementation is { } name && !names.Contains(name))
                throw new NexusException(ErrorCodes.PluginDependencyError, $"The plugin {id} requires the service {need.Contract} as \"{name}\"; provided are {string.Join(", ", names)}.");
        }
    }
}
