using System.Collections.Immutable;

namespace Nexus.Kernel.Events;

/// <summary>What is known of a durable group, without its handler.</summary>
internal readonly record struct DurableGroup(string Key, EventPattern Pattern, int Priority, TimeSpan Timeout);

/// <summary>The durable groups whose handlers are active on this node. Immutable.</summary>
internal sealed class DurableGroups(ImmutableArray<DurableGroup> all)
{
    /// <summary>Their names.</summary>
    public ImmutableArray<string> Keys { get; } = [.. all.Select(g => g.Key).Distinct()];

    private bool IsLevel { get; } = all.Select(g => g.Priority).Distinct().Count() < 2;

    private TimeSpan Longest { get; } = all.Select(g => g.Timeout).DefaultIfEmpty().Max();

    /// <summary>The priority of a group; 0 when it is not active here.</summary>
    public int PriorityOf(string key) => IsLevel ? (all.IsEmpty ? 0 : all[0].Priority) : all.FirstOrDefault(g => g.Key == key).Priority;

    /// <summary>The lease of a claim: at least twice the longest time limit of a handler.</summary>
    public TimeSpan Lease(TimeSpan least) => Longest * 2 > least ? Longest * 2 : least;

    /// <summary>All but those that are full, and those of lower priority that would overtake one of these on a common event.</summary>
    public ImmutableArray<string> Free(Func<string, bool> isFull, out bool someFull)
    {
        List<DurableGroup>? full = null;
        foreach (var group in all)
        {
            if (isFull(group.Key))
                (full ??= []).Add(group);
        }

        someFull = full is not null;
        return full is null ? Keys : [.. all.Where(g => !full.Any(f => f.Key == g.Key || (f.Priority > g.Priority && f.Pattern.MayOverlap(g.Pattern)))).Select(g => g.Key).Distinct()];
    }
}
