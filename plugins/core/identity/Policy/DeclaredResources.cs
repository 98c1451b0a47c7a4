using System.Collections.Frozen;
using System.Collections.Immutable;
using Microsoft.Extensions.Primitives;

namespace Nexus.Core.Identity.Policy;

/// <summary>The resources of the active plugins: only their records have owners and teams, so only for them a right on own records means anything. Of views that is true of those whose rows have owners.</summary>
internal sealed class DeclaredResources(IPlugins? plugins = null)
{
    private volatile Known known = new(null, FrozenSet<string>.Empty, FrozenSet<string>.Empty);

    /// <summary>Whether records of a resource have owners. Without a view of the plugins every resource is taken to have them.</summary>
    public bool HasOwners(string resource) => plugins is null || Current().Owned.Contains(resource);

    /// <summary>The whole name of a resource that is called by its own name only; the name itself when no plugin, or more than one, has it.</summary>
    public string FullName(string name)
    {
        var resource = name.EndsWith("/*", StringComparison.Ordinal) ? name[..^2] : name;
        if (plugins is null || resource.Contains('.', StringComparison.Ordinal)) return resource;
        var found = Current().Names.Where(n => n.AsSpan(n.LastIndexOf('.') + 1).SequenceEqual(resource)).Take(2).ToImmutableArray();
        return found.Length == 1 ? found[0] : resource;
    }

    /// <summary>Calls back when plugins come or go; disposing the result ends it.</summary>
    public IDisposable? OnChange(Action changed) => plugins is null ? null : ChangeToken.OnChange(plugins.GetChangeToken, changed);

    private Known Current()
    {
        var snapshot = plugins!.Current;
        var seen = known;
        if (ReferenceEquals(seen.Snapshot, snapshot)) return seen;
        var resources = snapshot.Plugins.SelectMany(p => p.Resources).ToImmutableArray();
        return known = new Known(snapshot, resources.Select(r => r.Table).ToFrozenSet(StringComparer.Ordinal), resources.Where(r => r.View is not { IsOwned: false }).Select(r => r.Table).ToFrozenSet(StringComparer.Ordinal));
    }

    private sealed record Known(PlatformSnapshot? Snapshot, FrozenSet<string> Names, FrozenSet<string> Owned);
}
