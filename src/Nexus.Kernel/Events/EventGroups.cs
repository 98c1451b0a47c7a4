using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Nexus.Kernel.Events;

/// <summary>Tells the event store which durable groups there are. A plugin that is off keeps its groups, so that its events wait for it.</summary>
internal sealed class EventGroups(IEventStore store)
{
    private readonly ConcurrentDictionary<string, long> declared = new(StringComparer.Ordinal);

    /// <summary>Declares the groups of every generation that is new. Whoever publishes a snapshot may call it just before, so that no event falls between.</summary>
    public async ValueTask DeclareAsync(PlatformSnapshot snapshot, CancellationToken cancellationToken)
    {
        var writes = new List<Task>();
        foreach (var plugin in snapshot.Plugins)
        {
            if (!declared.TryGetValue(plugin.Manifest.Name, out var generation) || generation != plugin.Generation)
                writes.Add(DeclareAsync(plugin.Manifest.Name, plugin.Generation, Durable(plugin), cancellationToken));
        }

        await Task.WhenAll(writes);
    }

    /// <summary>Drops the groups of a plugin that is removed for good.</summary>
    public async ValueTask ForgetAsync(string plugin, CancellationToken cancellationToken)
    {
        await store.DeclareAsync(plugin, [], cancellationToken);
        declared.TryRemove(plugin, out _);
    }

    private static ImmutableArray<EventGroup> Durable(ActivePlugin plugin) =>
        [.. plugin.Subscriptions.Where(s => s.Durable).Select(s => new EventGroup(s.Group, s.Pattern, s.Priority))];

    private async Task DeclareAsync(string plugin, long generation, ImmutableArray<EventGroup> groups, CancellationToken cancellationToken)
    {
        await store.DeclareAsync(plugin, groups, cancellationToken);
        declared[plugin] = generation;
    }
}
