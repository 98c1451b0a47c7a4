using System.Collections.Immutable;

namespace Nexus.Kernel.Plugins;

/// <summary>In which order plugins come up.</summary>
/// <param name="Waves">Plugins of one wave do not need each other and start in parallel; each needs only earlier waves.</param>
/// <param name="Failures">Plugins that cannot come up, and why; sorted by id.</param>
internal sealed record Resolution(ImmutableArray<ImmutableArray<PluginPackage>> Waves, ImmutableArray<PackageFault> Failures)
{
    /// <summary>Optional dependencies that are absent, in words.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>All plugins of <see cref="Waves"/> in order.</summary>
    public IEnumerable<PluginPackage> Ordered => Waves.SelectMany(w => w);

    /// <summary>Ids of the plugins that need <paramref name="id"/>, directly or through others, in the order in which they came up: stop them from the last to the first. Optional needs do not count.</summary>
    public ImmutableArray<string> Dependents(string id)
    {
        var reached = new HashSet<string>(StringComparer.Ordinal) { id };
        var dependents = ImmutableArray.CreateBuilder<string>();
        foreach (var package in Ordered)
        {
            if (package.Manifest.Dependencies.Any(d => !d.Optional && reached.Contains(d.Id)) && reached.Add(package.Manifest.Name))
                dependents.Add(package.Manifest.Name);
        }

        return dependents.DrainToImmutable();
    }
}
