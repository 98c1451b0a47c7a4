using System.Collections.Immutable;
using System.Globalization;

namespace Nexus.Kernel.Plugins.Unloading;

/// <summary>Asks the heap reader what keeps retired generations in memory.</summary>
internal sealed class HeapInspection(IPlugins plugins) : IWhyAlive
{
    public async ValueTask<ImmutableArray<AliveCause>> ExplainAsync(string plugin, CancellationToken cancellationToken)
    {
        // The active generation is held by the node itself; it is not asked about.
        string[] except = plugins.Current.Find(plugin) is { } active ? ["--except", active.Generation.ToString(CultureInfo.InvariantCulture)] : [];
        return (await HeapReader.ReadAsync<Report>([plugin, .. except], cancellationToken)).Holds;
    }

    private sealed record Report(ImmutableArray<AliveCause> Holds);
}
