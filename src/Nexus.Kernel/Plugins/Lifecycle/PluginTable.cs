using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Nexus.Kernel.Plugins.Lifecycle;

/// <summary>Every plugin this node knows, by id.</summary>
internal sealed class PluginTable
{
    private readonly ConcurrentDictionary<string, PluginEntry> entries = new(StringComparer.Ordinal);

    public ImmutableArray<PluginEntry> All => [.. entries.Values.OrderBy(e => e.Id, StringComparer.Ordinal)];

    public PluginEntry GetOrAdd(string id) => entries.GetOrAdd(id, i => new PluginEntry(i));

    public PluginEntry? Find(string id) => entries.GetValueOrDefault(id);

    /// <exception cref="NexusException"><c>PLUGIN_NOT_FOUND</c>.</exception>
    public PluginEntry Get(string id) => Find(id) ??
        throw new NexusException(ErrorCodes.PluginNotFound, $"No plugin {id} is known to this node. `nexus plugin list` shows the known ones; `nexus plugin install` adds one.");

    public void Remove(string id) => entries.TryRemove(id, out _);

    /// <summary>Active plugins that cannot do without this one.</summary>
    public ImmutableArray<string> DependentsOf(string id) =>
        [.. All.Where(e => e.Active is not null && e.Active.Manifest.Dependencies.Any(d => d.Id == id && !d.Optional)).Select(e => e.Id)];
}
