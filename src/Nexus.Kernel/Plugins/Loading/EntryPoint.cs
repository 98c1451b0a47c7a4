using System.Reflection;

namespace Nexus.Kernel.Plugins.Loading;

/// <summary>Finds and makes the plugin class of an entry assembly.</summary>
internal static class EntryPoint
{
    /// <exception cref="NexusException"><c>PLUGIN_LOAD_FAILED</c> or <c>PLUGIN_INCOMPATIBLE</c>.</exception>
    public static IPlugin Create(Assembly assembly)
    {
        var found = assembly.GetTypes().Where(t => t is { IsAbstract: false, IsClass: true } && typeof(IPlugin).IsAssignableFrom(t)).ToArray();
        var name = assembly.GetName().Name;
        return found switch
        {
            [] => throw new NexusException(ErrorCodes.PluginLoadFailed, $"{name}.dll has no class that implements Nexus.IPlugin; `entry` in the manifest may name the wrong assembly."),
            [var type] when type.GetConstructor(Type.EmptyTypes) is not null => (IPlugin)Activator.CreateInstance(type)!,
            [var type] => throw new NexusException(ErrorCodes.PluginLoadFailed, $"{type.FullName} needs a public constructor without parameters; services come with IStart and with the endpoints."),
            _ => throw new NexusException(ErrorCodes.PluginLoadFailed, $"{name}.dll has {found.Length} plugin classes ({string.Join(", ", found.Select(t => t.FullName))}); a plugin has one."),
        };
    }
}
