using System.Diagnostics;
using System.Globalization;
using System.Runtime.Loader;

namespace Nexus.Kernel.Plugins.Faults;

/// <summary>Finds the plugin whose code an exception came out of.</summary>
internal static class Blame
{
    /// <summary>The generation of the outermost frame that is a plugin's: whoever started the thread, task or timer let the exception out, even when code that it called threw it. Null when no frame is a plugin's.</summary>
    public static (string Plugin, long Generation)? Of(Exception exception)
    {
        var frames = new StackTrace(exception, fNeedFileInfo: false).GetFrames();
        for (var i = frames.Length - 1; i >= 0; i--)
        {
            if (frames[i].GetMethod()?.Module.Assembly is { } assembly && OfContext(AssemblyLoadContext.GetLoadContext(assembly)?.Name) is { } found)
                return found;
        }

        var inner = exception is AggregateException several ? several.InnerExceptions : exception.InnerException is { } one ? [one] : (IEnumerable<Exception>)[];
        return inner.Select(Of).FirstOrDefault(found => found is not null);
    }

    /// <summary>Contexts of plugins are named <c>{plugin}#{generation}</c>.</summary>
    private static (string Plugin, long Generation)? OfContext(string? name) =>
        name?.LastIndexOf('#') is > 0 and var at && long.TryParse(name.AsSpan(at + 1), CultureInfo.InvariantCulture, out var generation) ? (name[..at], generation) : null;
}
