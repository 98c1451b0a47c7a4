using System.Text;
using Nexus.Kernel.Caching;
using Nexus.Kernel.Tests.Events;
using Nexus.Testing;

namespace Nexus.Kernel.Tests.Caching;

/// <summary>One node with nothing but its memory.</summary>
public sealed class LayeredCacheTests
{
    private readonly FakeClock clock = new();

    [Fact]
    public async Task A_thousand_readers_that_miss_at_once_load_once()
    {
        var node = new CacheNode(clock);
        var gate = new TaskCompletionSource();
        var loads = 0;

        var readers = Enumerable.Range(0, 1000).Select(_ => node.GetAsync("1", async _ =>
        {
            Interlocked.Increment(ref loads);
            await gate.Task;
            return new CacheLoaded(CacheNode.Bytes("one"));
        })).ToArray();
        gate.SetResult();

        Assert.All(await Task.WhenAll(readers), value => Assert.Equal("one", value));
        Assert.Equal(1, loads);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("false")]
    [InlineData("null")]
    [InlineData("\"\"")]
    public async Task What_looks_like_nothing_is_a_value(string value)
    {
        var node = new CacheNode(clock);
        var loads = 0;

        for (var i = 0; i < 3; i++)
            Assert.Equal(value, await node.GetAsync("1", _ => { loads++; return new(new CacheLoaded(CacheNode.Bytes(value))); }));

        Assert.Equal(1, loads);
        Assert.Equal(value, await node.FindAsync("1"));
    }

    [Fact]
    public async Task An_entry_is_gone_after_its_life()
    {
        var node = new CacheNode(clock);
        await node.GetAsync("1", CacheNode.Load("old"), new CacheRules { Life = TimeSpan.FromSeconds(10) });

        clock.Advance(TimeSpan.FromSeconds(9));
        Assert.Equal("old", await node.FindAsync("1"));
        clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Null(await node.FindAsync("1"));
        Assert.Equal("new", await node.GetAsync("1", CacheNode.Load("new")));
    }

    [Fact]
    public async Task Past_its_point_of_renewal_the_old_value_is_served_at_once_and_renewed_behind()
    {
        var node = new CacheNode(clock);
        var renewed = new TaskCompletionSource();
        var rules = new CacheRules { Life = TimeSpan.FromSeconds(10), RefreshAt = 0.8 };
        await node.GetAsync("1", CacheNode.Load("old"), rules);
        clock.Advance(TimeSpan.FromSeconds(8.5));

        var served = await node.GetAsync("1", _ => { renewed.SetResult(); return new(new CacheLoaded(CacheNode.Bytes("new"))); }, rules);
        await renewed.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        Assert.Equal("old", served);
        await Until(async () => await node.FindAsync("1") == "new");
    }

    [Fact]
    public async Task A_loader_that_fails_is_covered_by_the_stale_value_and_not_asked_again_at_once()
    {
        var node = new CacheNode(clock);
        var rules = new CacheRules { Life = TimeSpan.FromSeconds(10), Stale = TimeSpan.FromSeconds(60) };
        await node.GetAsync("1", CacheNode.Load("old"), rules);
        clock.Advance(TimeSpan.FromSeconds(20));
        var failures = 0;

        for (var i = 0; i < 3; i++)
            Assert.Equal("old", await node.GetAsync("1", _ => { failures++; throw new IOException("down"); }, rules));
        clock.Advance(TimeSpan.FromSeconds(80));

        Assert.Equal(1, failures);
        await Assert.ThrowsAsync<IOException>(() => node.GetAsync("1", _ => throw new IOException("down"), rules));
    }

    [Fact]
    public async Task A_failure_is_told_to_all_who_wait_and_kept_for_nobody()
    {
        var node = new CacheNode(clock);
        var gate = new TaskCompletionSource();
        var loads = 0;

        var readers = Enumerable.Range(0, 10).Select(_ => node.GetAsync("1", async _ => { loads++; await gate.Task; throw new IOException("down"); })).ToArray();
        gate.SetResult();

        foreach (var reader in readers)
            await Assert.ThrowsAsync<IOException>(() => reader);
        Assert.Equal(1, loads);
        Assert.Equal("up", await node.GetAsync("1", CacheNode.Load("up")));
    }

    [Fact]
    public async Task A_reader_who_leaves_does_not_take_the_load_from_the_others()
    {
        var node = new CacheNode(clock);
        var gate = new TaskCompletionSource();
        using var leaving = new CancellationTokenSource();

        var first = node.Cache.GetAsync(CacheNode.Key("1"), async _ => { await gate.Task; return new CacheLoaded(CacheNode.Bytes("one")); }, null, leaving.Token).AsTask();
        var second = node.GetAsync("1", CacheNode.Load("never"));
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        gate.SetResult();

        Assert.Equal("one", await second);
    }

    [Fact]
    public async Task When_nobody_waits_any_more_the_load_is_told_to_stop()
    {
        var node = new CacheNode(clock);
        var stopped = new TaskCompletionSource();
        using var leaving = new CancellationTokenSource();

        var only = node.Cache.GetAsync(CacheNode.Key("1"), async token =>
        {
            token.Register(stopped.SetResult);
            await Task.Delay(Timeout.Infinite, token);
            return default;
        }, null, leaving.Token).AsTask();
        await leaving.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => only);
        await stopped.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Equal("again", await node.GetAsync("1", CacheNode.Load("again")));
    }

    [Fact]
    public async Task A_tag_removes_exactly_what_carries_it()
    {
        var node = new CacheNode(clock);
        await node.SetAsync("1", "one", "red", "round");
        await node.SetAsync("2", "two", "red");
        await node.SetAsync("3", "three", "blue");

        var removed = await node.Cache.RemoveAsync(CacheSelection.Tagged("red"), TestContext.Current.CancellationToken);

        Assert.Equal(2, removed);
        Assert.Equal((null, null, "three"), (await node.FindAsync("1"), await node.FindAsync("2"), await node.FindAsync("3")));
    }

    [Fact]
    public async Task A_pattern_removes_only_matches()
    {
        var node = new CacheNode(clock);
        foreach (var id in new[] { "10", "11", "20" })
            await node.SetAsync(id, id);

        var removed = await node.Cache.RemoveAsync(CacheSelection.Matching("item:1*"), TestContext.Current.CancellationToken);

        Assert.Equal(2, removed);
        Assert.Equal((null, null, "20"), (await node.FindAsync("10"), await node.FindAsync("11"), await node.FindAsync("20")));
    }

    [Fact]
    public async Task A_cascade_removes_what_was_made_of_the_key()
    {
        var node = new CacheNode(clock);
        await node.SetAsync("whole", "whole");
        await node.SetAsync("part", "part", CacheTags.Of(CacheNode.Key("whole")));
        await node.SetAsync("other", "other");

        await node.Cache.RemoveAsync(CacheSelection.Of(CacheNode.Key("whole")) with { Cascade = true }, TestContext.Current.CancellationToken);

        Assert.Equal((null, null, "other"), (await node.FindAsync("whole"), await node.FindAsync("part"), await node.FindAsync("other")));
    }

    [Fact]
    public async Task A_delayed_removal_comes_after_its_time()
    {
        var node = new CacheNode(clock);
        await node.SetAsync("1", "one");

        await node.Cache.RemoveAsync(CacheSelection.Of(CacheNode.Key("1")) with { Delay = TimeSpan.FromSeconds(5) }, TestContext.Current.CancellationToken);

        Assert.Equal("one", await node.FindAsync("1"));
        clock.Advance(TimeSpan.FromSeconds(6));
        await Until(async () => await node.FindAsync("1") is null);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_was_removed_while_it_was_loaded_is_told_and_not_kept(bool byTag)
    {
        var node = new CacheNode(clock);
        var gate = new TaskCompletionSource();
        var reader = node.GetAsync("1", async _ => { await gate.Task; return new CacheLoaded(CacheNode.Bytes("old")); }, new CacheRules { Tags = ["red"] });

        await node.Cache.RemoveAsync(byTag ? CacheSelection.Tagged("red") : CacheSelection.Of(CacheNode.Key("1")), TestContext.Current.CancellationToken);
        gate.SetResult();

        Assert.Equal("old", await reader);
        Assert.Null(await node.FindAsync("1"));
    }

    [Fact]
    public async Task What_was_set_while_it_was_loaded_stays()
    {
        var node = new CacheNode(clock);
        var gate = new TaskCompletionSource();
        var reader = node.GetAsync("1", async _ => { await gate.Task; return new CacheLoaded(CacheNode.Bytes("old")); });

        await node.SetAsync("1", "new");
        gate.SetResult();
        await reader;

        Assert.Equal("new", await node.FindAsync("1"));
    }

    [Fact]
    public async Task Beyond_the_greatest_number_one_gives_way()
    {
        var node = new CacheNode(clock, configure: o => o.MaxEntries = 10);
        for (var i = 0; i < 10; i++)
        {
            await node.SetAsync($"{i}", $"{i}");
            clock.Advance(TimeSpan.FromSeconds(1));
        }
        await node.FindAsync("0");
        clock.Advance(TimeSpan.FromSeconds(1));

        await node.SetAsync("10", "10");

        Assert.Equal((10, 1L), (node.Layers.Memory.Count, node.Layers.Memory.Evictions));
        Assert.Equal("0", await node.FindAsync("0"));
        Assert.Null(await node.FindAsync("1"));
    }

    [Theory]
    [InlineData("Lfu", "2")]
    [InlineData("Ttl", "1")]
    public async Task Other_policies_choose_otherwise(string policy, string victim)
    {
        var node = new CacheNode(clock, configure: o => { o.MaxEntries = 3; o.Eviction = Enum.Parse<CacheEviction>(policy); });
        await node.Cache.SetAsync(CacheNode.Key("1"), CacheNode.Bytes("1"), new CacheRules { Life = TimeSpan.FromSeconds(50) }, TestContext.Current.CancellationToken);
        await node.SetAsync("2", "2");
        await node.SetAsync("3", "3");
        foreach (var id in new[] { "1", "1", "2", "3", "3" })
            await node.FindAsync(id);

        await node.SetAsync("4", "4");

        Assert.Null(await node.FindAsync(victim));
        Assert.Equal(3, node.Layers.Memory.Count);
    }

    [Fact]
    public async Task Bytes_are_bounded_and_what_is_too_large_is_told_and_not_kept()
    {
        var node = new CacheNode(clock, configure: o => { o.MaxBytes = 20_000; o.MaxEntryBytes = 5_000; });

        for (var i = 0; i < 50; i++)
            await node.SetAsync($"{i}", new string('x', 1000));

        Assert.InRange(node.Layers.Memory.Bytes, 10_000, 20_000);
        Assert.Equal(5_001, (await node.GetAsync("large", CacheNode.Load(new string('x', 5_001)))).Length);
        Assert.Null(await node.FindAsync("large"));
    }

    [Fact]
    public async Task Beyond_its_quota_an_owners_own_entries_give_way()
    {
        var node = new CacheNode(clock, quota: 5_000);
        var other = new PluginCache(node.Layers, new CacheSpace("other", ["other"], null, clock));
        await other.SetAsync(CacheNode.Key("1"), CacheNode.Bytes("kept"), null, TestContext.Current.CancellationToken);

        for (var i = 0; i < 50; i++)
            await node.SetAsync($"{i}", new string('x', 1000));

        Assert.InRange(node.Layers.Memory.Count, 3, 5);
        Assert.True((await other.FindAsync(CacheNode.Key("1"), TestContext.Current.CancellationToken)).IsFound);
    }

    [Fact]
    public async Task A_hundred_parallel_additions_add_up()
    {
        var node = new CacheNode(clock);

        await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Task.Run(() => node.Cache.AddAsync(CacheNode.Key("hits")).AsTask())));

        Assert.Equal("100", await node.FindAsync("hits"));
    }

    [Fact]
    public async Task A_plugin_reaches_only_its_own_services()
    {
        var node = new CacheNode(clock);

        var error = await Assert.ThrowsAsync<NexusException>(async () => await node.Cache.FindAsync(CacheKey.Of("bank", "account", "1", "v1"), TestContext.Current.CancellationToken));

        Assert.Equal("CACHE_KEY_INVALID", error.Code);
    }

    [Fact]
    public async Task Tenants_do_not_meet()
    {
        var node = new CacheNode(clock);
        await node.SetAsync("1", "default", "red");
        await AsTenantAsync("acme", async () =>
        {
            Assert.Null(await node.FindAsync("1"));
            await node.SetAsync("1", "acme", "red");
            await node.Cache.RemoveAsync(CacheSelection.Tagged("red"), TestContext.Current.CancellationToken);
            Assert.Null(await node.FindAsync("1"));
        });

        Assert.Equal("default", await node.FindAsync("1"));
    }

    [Fact]
    public async Task Three_hits_and_one_miss_are_a_ratio_of_three_quarters()
    {
        var node = new CacheNode(clock);
        await node.GetAsync("1", CacheNode.Load("one"));
        for (var i = 0; i < 3; i++)
            await node.GetAsync("1", CacheNode.Load("one"));

        var status = await new Caches(node.Layers, clock).LookAsync(TestContext.Current.CancellationToken);

        Assert.Equal(0.75, status.HitRatio);
        Assert.Equal((3L, 1L, 1L), (status.Hits, status.Misses, status.Loads));
    }

    [Fact]
    public async Task Write_through_caches_what_was_written_and_nothing_when_the_write_failed()
    {
        var node = new CacheNode(clock);
        var written = "";

        await node.Cache.WriteThroughAsync(CacheNode.Key("1"), CacheNode.Bytes("one"), (value, _) => { written = Encoding.UTF8.GetString(value.Span); return default; }, cancellationToken: TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<IOException>(async () => await node.Cache.WriteThroughAsync(CacheNode.Key("1"), CacheNode.Bytes("two"), (_, _) => throw new IOException("down"), cancellationToken: TestContext.Current.CancellationToken));

        Assert.Equal(("one", "one"), (written, await node.FindAsync("1")));
    }

    internal static async Task Until(Func<Task<bool>> holds)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!await holds())
        {
            Assert.False(limit.IsCancellationRequested, "It did not happen within a minute.");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    private static async Task AsTenantAsync(string tenant, Func<Task> work)
    {
        CallContext.Current = new CallContext(Caller.System, tenant, "test");
        await work();
    }
}
