using System.Collections.Immutable;
using Nexus.Data.Sharding;

namespace Nexus.Data.Tests.Sharding;

/// <summary>Which tenants are moved to even databases out.</summary>
public sealed class RebalancingTests
{
    [Theory]
    [InlineData("a:4 b:0", 2)]
    [InlineData("a:3 b:2", 0)]
    [InlineData("a:9 b:9 c:0", 6)]
    [InlineData("a:1 b:0", 0)]
    [InlineData("a:0 b:7 c:2", 4)]
    public void By_count_no_more_move_than_must(string held, int moves)
    {
        var (shards, tenants) = Read(held);

        var plan = Rebalancing.Plan(shards, tenants, bySize: false);

        Assert.Equal(moves, plan.Length);
        Assert.Equal(plan.Length, plan.DistinctBy(p => p.Tenant).Count());
        var after = shards.Select(s => tenants.Count(t => t.Shard == s) + plan.Count(p => p.To == s) - plan.Count(p => p.From == s)).ToList();
        Assert.True(after.Max() - after.Min() <= 1, string.Join(' ', after));
    }

    [Fact]
    public void By_size_the_largest_that_helps_goes_first_and_none_goes_twice()
    {
        ImmutableArray<(string, TenantSize, bool)> held = [("a", new("giant", 1, 1000), true), ("a", new("large", 1, 400), true), ("a", new("small", 1, 10), true), ("b", new("other", 1, 100), true)];

        var plan = Rebalancing.Plan(["a", "b"], held, bySize: true);

        // 1410 and 100 become 410 and 1100, then 510 and 1000; nothing more brings them nearer without a second move of the giant.
        Assert.Equal(["giant a b", "other b a"], plan.Select(p => $"{p.Tenant} {p.From} {p.To}"));
    }

    [Fact]
    public void What_is_on_its_way_is_counted_and_left_alone()
    {
        ImmutableArray<(string, TenantSize, bool)> held = [("a", new("one", 1, 1), true), ("a", new("two", 1, 1), true), ("b", new("coming", 1, 1), false), ("b", new("also", 1, 1), false)];

        Assert.Empty(Rebalancing.Plan(["a", "b"], held, bySize: false));
        Assert.Empty(Rebalancing.Plan(["a", "b"], [.. held.Skip(2)], bySize: false));
    }

    private static (ImmutableArray<string> Shards, ImmutableArray<(string Shard, TenantSize Size, bool MayGo)> Held) Read(string text)
    {
        var all = text.Split(' ').Select(p => p.Split(':')).ToList();
        return ([.. all.Select(p => p[0])], [.. all.SelectMany(p => Enumerable.Range(0, int.Parse(p[1], System.Globalization.CultureInfo.InvariantCulture)).Select(n => (p[0], new TenantSize($"{p[0]}{n}", 1, 1), true)))]);
    }
}
