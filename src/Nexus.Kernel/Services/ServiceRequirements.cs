namespace Nexus.Kernel.Services;

/// <summary>Checks, before a generation is published, that what it requires is provided and that what it provides has a name of its own.</summary>
internal static class ServiceRequirements
{
    /// <summary>Checks a plugin against the snapshot it is about to join.</summary>
    /// <exception cref="NexusException"><c>PLUGIN_DEPENDENCY_ERROR</c> or <c>PLUGIN_REGISTRATION_FAILED</c>, naming service and plugins.</exception>
    public static void Check(ActivePlugin plugin, PlatformSnapshot others)
    {
        var id = plugin.Manifest.Name;
        var provided = others.Plugins.Where(other => other.Manifest.Name != id)
            .SelectMany(other => other.Services, (other, service) => (Plugin: other.Manifest.Name, service.Contract, service.Name)).ToList();
        foreach (var service in plugin.Services)
        {
            if (provided.FirstOrDefault(other => other.Contract == service.Contract && other.Name == service.Name) is { Plugin: { } owner })
                throw new NexusException(ErrorCodes.PluginRegistrationFailed, $"The plugins {owner} and {id} both provide {service.Contract} as \"{service.Name}\". Give one of them another name in Provide.");
            if (plugin.Services.Count(other => other.Contract == service.Contract && other.Name == service.Name) > 1)
                throw new NexusException(ErrorCodes.PluginRegistrationFailed, $"The plugin {id} provides {service.Contract} as \"{service.Name}\" twice. Give one of them another name in Provide.");
        }
        provided.AddRange(plugin.Services.Select(service => (id, service.Contract, service.Name)));
        foreach (var need in plugin.Requires)
        {
            var candidates = provided.Where(other => other.Contract == need.Contract).ToList();
            if (candidates.Count == 0)
                throw new NexusException(ErrorCodes.PluginDependencyError, $"The plugin {id} requires the service {need.Contract}, which no active plugin provides. Enable one that does, and name it under `dependencies` in the manifest of {id} so that it starts first.");
            if (need.Implementation is { } name && candidates.TrueForAll(other => other.Name != name))
                throw new NexusException(ErrorCodes.PluginDependencyError, $"The plugin {id} requires the service {need.Contract} as \"{name}\"; provided are {string.Join(", ", candidates.Select(other => other.Name))}.");
        }
    }
}
