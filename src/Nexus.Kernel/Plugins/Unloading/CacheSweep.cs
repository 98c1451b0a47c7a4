using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Plugins.Unloading;

/// <summary>One cache of the framework that keeps types of unloaded plugins.</summary>
internal interface ISweepStep
{
    string Name { get; }

    /// <summary>Forgets the types of the leaving assemblies, or all types of collectible contexts where the cache cannot tell them apart.</summary>
    void Sweep(IReadOnlyList<Assembly> leaving);
}

/// <summary>Clears the framework's caches of contexts that leave: before the next collection and once for all that left since the last, because it costs as much for one as for many and the platform's own code fills the caches again. A step that fails is logged and passed over: it touches internals that a servicing release may rename, and then verification still tells whether the code left.</summary>
internal sealed class CacheSweep(ILogger logger)
{
    private static readonly ISweepStep[] Steps = [new UpdateHandlers(), new TypeDescriptors(), new DispatchProxies(), .. StaticTable.Known];

    private readonly Lock gate = new();
    private List<Assembly> waiting = [];

    /// <summary>Has the next sweep forget a context's assemblies, which are held until then.</summary>
    public void Add(IReadOnlyList<Assembly> leaving)
    {
        lock (gate)
        {
            waiting.AddRange(leaving);
        }
    }

    /// <summary>Forgets all that was added since the last sweep.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Run()
    {
        List<Assembly> leaving;
        lock (gate)
        {
            (leaving, waiting) = (waiting, []);
        }

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
