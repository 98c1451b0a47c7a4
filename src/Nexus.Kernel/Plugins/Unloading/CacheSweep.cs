using System.Reflection;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Plugins.Unloading;

/// <summary>One cache of the framework that keeps types of unloaded plugins.</summary>
internal interface ISweepStep
{
    string Name { get; }

    /// <summary>Forgets the types of the leaving assemblies, or all types of collectible contexts where the cache cannot tell them apart.</summary>
    void Sweep(IReadOnlyList<Assembly> leaving);
}

/// <summary>Clears the framework's caches before a context is unloaded. A step that fails is logged and passed over: it touches internals that a servicing release may rename, and then verification still tells whether the code left.</summary>
internal sealed class CacheSweep(ILogger logger)
{
    private static readonly ISweepStep[] Steps = [new UpdateHandlers(), new TypeDescriptors(), new DispatchProxies(), .. StaticTable.Known];

    public void Run(IReadOnlyList<Assembly> leaving)
    {
        foreach (var step in Steps)
        {
            try
            {
                step.Sweep(leaving);
            }
            catch (Exception e)
            {
                PluginLog.SweepFailed(logger, step.Name, e.ToString());
            }
        }
    }
}
