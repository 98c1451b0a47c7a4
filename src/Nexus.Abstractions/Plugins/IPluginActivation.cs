namespace Nexus;

/// <summary>Brings up lazy plugins. The gateway asks when a path matches no route but lies under the prefix of a manifest in <see cref="PlatformSnapshot.Inactive"/>; after a true answer it matches again on the current snapshot. Thread-safe.</summary>
public interface IPluginActivation
{
    /// <summary>Starts the lazy plugin whose <see cref="PluginManifest.RoutePrefix"/> the path lies under and returns when it is published; concurrent calls share one start.</summary>
    /// <param name="path">Request path, such as <c>/api/custom/hello/Ada</c>.</param>
    /// <param name="cancellationToken">Stops the wait, not the start.</param>
    /// <returns>True when the plugin is active now; false when no lazy plugin has that prefix.</returns>
    /// <exception cref="NexusException">The plugin failed to start; a failed one is not tried again until an operator reloads it.</exception>
    ValueTask<bool> ActivateAsync(string path, CancellationToken cancellationToken);
}
