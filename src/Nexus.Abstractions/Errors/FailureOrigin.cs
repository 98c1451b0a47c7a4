namespace Nexus;

/// <summary>Which part of which plugin a failure came from. It stays with the exception on its way to a surface, which shows it to callers who may look at plugins.</summary>
/// <param name="Plugin">Id of the plugin; <c>nexus</c> for the platform itself.</param>
/// <param name="Version">Version that was served.</param>
/// <param name="Component">Resource by its table, tool, service method, or handler of a route.</param>
public sealed record FailureOrigin(string Plugin, string Version, string Component)
{
    private const string Key = "nexus.origin";

    /// <summary>A part of an active plugin.</summary>
    public static FailureOrigin Of(ActivePlugin plugin, string component)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        return new FailureOrigin(plugin.Manifest.Name, plugin.Manifest.Version, component);
    }

    /// <summary>Keeps an origin with an exception; what was kept first, nearest to the fault, stays.</summary>
    /// <returns>The exception.</returns>
    public static T Keep<T>(T exception, FailureOrigin? origin)
        where T : Exception
    {
        ArgumentNullException.ThrowIfNull(exception);
        if (origin is not null)
            exception.Data[Key] ??= origin;
        return exception;
    }

    /// <summary>The origin that an exception has, or null.</summary>
    public static FailureOrigin? Find(Exception? exception) => exception?.Data[Key] as FailureOrigin;
}
