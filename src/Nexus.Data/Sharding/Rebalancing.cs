using System.Collections.Immutable;

namespace Nexus.Data.Sharding;

/// <summary>Which tenants to move so that databases hold alike.</summary>
internal static class Rebalancing
{
    /// <summary>
    /// Again and again the largest tenant goes from the fullest database to the emptiest whose going leaves the two nearer to each other than they were, until there is none.
    /// Going from the fullest to the emptiest each time no tenant is moved twice, and by count no fewer moves would do.
    /// </summary>
    /// <param name="shards">Names of all databases.</param>
    /// <param name="held">Where tenants lie, how large they are, and whether they may be moved.</param>
    /// <param name="bySize">Alike in bytes; otherwise in tenants.</param>
    public static ImmutableArray<PlannedMove> Plan(ImmutableArray<string> shards, ImmutableArray<(string Shard, TenantSize Size, bool MayGo)> held, bool bySize)
    {
        long Weight(TenantSize size) => bySize ? size.Bytes : 1;
        var load = shards.ToDictionary(s => s, s => held.Where(h => h.Shard == s).Sum(h => Weight(h.Size)), StringComparer.Ordinal);
        var left = held.Where(h => h.MayGo).OrderByDescending(h => Weight(h.Size)).ThenBy(h => h.Size.Tenant, StringComparer.Ordinal).ToList();
        var planned = ImmutableArray.CreateBuilder<PlannedMove>();
        while (true)
        {
            var (from, to) = (shards.MaxBy(s => load[s])!, shards.MinBy(s => load[s])!);
            var gap = load[from] - load[to];
            // What is as large as the gap only swaps the two.
            if (left.FindIndex(h => h.Shard == from && Weight(h.Size) is > 0 and var weight && weight < gap) is var i && i < 0)
                return planned.ToImmutable();
            var size = left[i].Size;
            left.RemoveAt(i);
            load[from] -= Weight(size);
            load[to] += Weight(size);
            planned.Add(new PlannedMove(size.Tenant, from, to, size.Records, size.Bytes));
        }
    }
}
