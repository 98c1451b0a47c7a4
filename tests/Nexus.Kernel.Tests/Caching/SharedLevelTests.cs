using Nexus.Kernel.Caching;
using Nexus.Kernel.Tests.Events;
using Nexus.Testing;

namespace Nexus.Kernel.Tests.Caching;

/// <summary>Two nodes over one shared level.</summary>
public sealed class SharedLevelTests
{
    private readonly FakeClock clock = new();
    private readonly FakeEngine engine;
    private readonly CacheNode one;
    private readonly CacheNode two;

    public SharedLevelTests()
    {
        engine = new FakeEngine(clock);
        one = new CacheNode(clock, engine);
        two = new CacheNode(clock, engine);
    }

    [Fact]
    public async Task What_one_node_keeps_the_other_finds_and_then_has_in_memory()
    {
        await one.SetAsync("1", "one");

        Assert.Equal("one", await two.FindAsync("1"));
        Assert.Equal(1, two.Layers.Memory.Count);
        Assert.Equal(["nexus:shop:item:1:v1"], engine.Keys);
    }

    [Fact]
    public async Task A_write_on_one_node_is_seen_on_the_other()
    {
        await one.SetAsync("1", "old");
        Assert.Equal("old", await two.FindAsync("1"));

        await one.SetAsync("1", "new");

        Assert.Equal("new", await two.FindAsync("1"));
    }

    [Theory]
    [InlineData("key")]
    [InlineData("tag")]
    [InlineData("pattern")]
    [InlineData("soon")]
    public async Task A_removal_on_one_node_is_seen_on_the_other(string how)
    {
        await one.SetAsync("1", "one", "red", CacheTags.OfResource("shop.orders"));
        await one.SetAsync("2", "two");
        Assert.Equal(("one", "two"), (await two.FindAsync("1"), await two.FindAsync("2")));

        if (how == "soon")
            two.Layers.RemoveTagSoon(CacheTags.OfResource("shop.orders"));
        else
            await two.Cache.RemoveAsync(how switch { "key" => CacheSelection.Of(CacheNode.Key("1")), "tag" => CacheSelection.Tagged("red"), _ => CacheSelection.Matching("item:1:*") }, TestContext.Current.CancellationToken);

        await LayeredCacheTests.Until(async () => await one.FindAsync("1") is null && await two.FindAsync("1") is null);
        Assert.Equal(("two", "two"), (await one.FindAsync("2"), await two.FindAsync("2")));
    }

    [Fact]
    public async Task Concurrent_misses_on_two_nodes_load_once()
    {
        var gate = new TaskCompletionSource();
        var loads = 0;
        CacheLoad load = async _ =>
        {
            Interlocked.Increment(ref loads);
            await gate.Task;
            return new CacheLoaded(CacheNode.Bytes("one"));
        };

        var readers = Enumerable.Range(0, 100).Select(i => (i % 2 == 0 ? one : two).GetAsync("1", load)).ToArray();
        gate.SetResult();
        // The clock stands until the value is there for both, and is no faster than a real one then: else what one loads under, and what the others wait for, ends before a busy machine comes to it.
        await LayeredCacheTests.Until(() => Task.FromResult(engine.Keys.Count > 0));
        await LayeredCacheTests.Until(() =>
        {
            clock.Advance(TimeSpan.FromMilliseconds(10));
            return Task.FromResult(readers.All(r => r.IsCompleted));
        });

        Assert.All(await Task.WhenAll(readers), value => Assert.Equal("one", value));
        Assert.Equal(1, loads);
    }

    [Fact]
    public async Task A_node_that_dies_while_it_loads_holds_the_others_up_for_its_claim_only()
    {
        // The claim of a node that never comes back.
        Assert.NotNull((await engine.FindAsync("nexus:shop:item:1:v1", TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken)).Claim);

        var reader = two.GetAsync("1", CacheNode.Load("mine"));
        await LayeredCacheTests.Until(() =>
        {
            clock.Advance(TimeSpan.FromMilliseconds(100));
            return Task.FromResult(reader.IsCompleted);
        });

        Assert.Equal("mine", await reader);
    }

    [Fact]
    public async Task A_tag_removed_on_another_node_while_this_one_loads_keeps_the_value_out()
    {
        var gate = new TaskCompletionSource();
        var reader = one.GetAsync("1", async _ => { await gate.Task; return new CacheLoaded(CacheNode.Bytes("old")) { Tags = ["red"] }; });

        await two.Cache.RemoveAsync(CacheSelection.Tagged("red"), TestContext.Current.CancellationToken);
        gate.SetResult();

        Assert.Equal("old", await reader);
        Assert.Null(await one.FindAsync("1"));
        Assert.Null(await two.FindAsync("1"));
    }

    [Fact]
    public async Task A_key_removed_on_another_node_while_this_one_loads_keeps_the_value_out()
    {
        var gate = new TaskCompletionSource();
        var reader = one.GetAsync("1", async _ => { await gate.Task; return new CacheLoaded(CacheNode.Bytes("old")); });

        await two.Cache.RemoveAsync(CacheSelection.Of(CacheNode.Key("1")), TestContext.Current.CancellationToken);
        gate.SetResult();
        await reader;

        Assert.Null(await one.FindAsync("1"));
        Assert.Null(await two.FindAsync("1"));
    }

    [Fact]
    public async Task An_engine_that_is_down_fails_nobody_and_misses_no_removal_when_it_is_back()
    {
        await one.SetAsync("1", "old", "red");
        await one.SetAsync("2", "two");
        engine.IsDown = true;

        Assert.Equal("loaded", await one.GetAsync("3", CacheNode.Load("loaded")));
        await one.SetAsync("2", "newer");
        await one.Cache.RemoveAsync(CacheSelection.Tagged("red"), TestContext.Current.CancellationToken);
        Assert.Equal("newer", await one.FindAsync("2"));
        engine.IsDown = false;
        clock.Advance(TimeSpan.FromSeconds(2));
        await one.Layers.CatchUpAsync(TestContext.Current.CancellationToken);

        Assert.Null(await two.FindAsync("1"));
        Assert.Null(await two.FindAsync("2"));
        Assert.Equal("newer", await one.FindAsync("2"));
    }

    [Fact]
    public async Task An_engine_that_does_not_answer_is_left_alone_for_a_while()
    {
        engine.IsDown = true;
        for (var i = 0; i < 3; i++)
            await one.FindAsync($"{i}");
        var calls = engine.Calls;

        for (var i = 0; i < 100; i++)
            await one.FindAsync($"{i}");

        Assert.Equal(calls, engine.Calls);
    }

    [Fact]
    public async Task An_emptied_engine_serves_nothing_old_when_a_tag_is_removed_again()
    {
        await one.SetAsync("1", "old", "red");
        Assert.Equal("old", await two.FindAsync("1"));
        engine.Clear();

        await one.Cache.RemoveAsync(CacheSelection.Tagged("red"), TestContext.Current.CancellationToken);

        Assert.Null(await two.FindAsync("1"));
        await two.SetAsync("1", "new", "red");
        Assert.Equal("new", await one.FindAsync("1"));
    }

    [Fact]
    public async Task A_node_that_hears_nothing_serves_its_memory_for_a_short_time_only()
    {
        await one.SetAsync("1", "one");
        one.Layers.Connected(false);
        engine.IsDown = true;

        clock.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal("one", await one.FindAsync("1"));
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Null(await one.FindAsync("1"));
    }

    [Fact]
    public async Task After_a_silence_memory_is_asked_anew()
    {
        await one.SetAsync("1", "old");
        one.Layers.Connected(false);
        await engine.RemoveAsync(new CacheRemoval(["nexus:shop:item:1:v1"]), TestContext.Current.CancellationToken);

        one.Layers.Connected(true);

        Assert.Null(await one.FindAsync("1"));
    }

    [Theory]
    [InlineData("removed")]
    [InlineData("set")]
    [InlineData("set elsewhere")]
    public async Task An_old_value_that_was_on_its_way_while_its_key_changed_does_not_come_back(string how)
    {
        await one.SetAsync("1", "old");
        var (asked, arrive) = (new TaskCompletionSource(), new TaskCompletionSource());
        engine.OnTheWay = async _ =>
        {
            asked.TrySetResult();
            await arrive.Task;
        };
        var reader = two.FindAsync("1");
        await asked.Task;
        engine.OnTheWay = null;

        if (how == "removed")
            await two.Cache.RemoveAsync(CacheSelection.Of(CacheNode.Key("1")), TestContext.Current.CancellationToken);
        else
            await (how == "set" ? two : one).SetAsync("1", "new");
        arrive.SetResult();
        await reader;

        Assert.Equal(how == "removed" ? null : "new", await two.FindAsync("1"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_word_about_a_tag_that_was_on_its_way_while_it_was_removed_does_not_count(bool soon)
    {
        await one.SetAsync("1", "old", "red");
        var (asked, arrive) = (new TaskCompletionSource(), new TaskCompletionSource());
        engine.OnTheWay = async key =>
        {
            if (!key.Contains("~tag", StringComparison.Ordinal))
                return;
            asked.TrySetResult();
            await arrive.Task;
        };
        var reader = two.FindAsync("1");
        await asked.Task;
        engine.OnTheWay = null;

        if (soon)
            two.Layers.RemoveTagSoon("shop/red");
        else
            await two.Cache.RemoveAsync(CacheSelection.Tagged("red"), TestContext.Current.CancellationToken);
        arrive.SetResult();
        await reader;

        Assert.Null(await two.FindAsync("1"));
    }

    [Fact]
    public async Task Numbers_add_up_over_nodes()
    {
        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Task.Run(() => (i % 2 == 0 ? one : two).Cache.AddAsync(CacheNode.Key("hits")).AsTask())));

        Assert.Equal(("100", "100"), (await one.FindAsync("hits"), await two.FindAsync("hits")));
    }

    [Fact]
    public async Task What_only_the_farthest_level_has_is_put_into_the_nearer_ones()
    {
        var far = new FakeEngine(clock);
        var node = new CacheNode(clock, engine);
        node.Layers.Attach([new SharedLevel("near", engine, node.Options, clock, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance), new SharedLevel("far", far, node.Options, clock, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance)], null);
        await far.StoreAsync("nexus:shop:item:1:v1", new CacheRecord(CacheNode.Bytes("far"), TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(60), TimeSpan.Zero, []), null, TestContext.Current.CancellationToken);

        var found = await node.Cache.FindAsync(CacheNode.Key("1"), TestContext.Current.CancellationToken);

        Assert.Equal("far", found.Level);
        Assert.Contains("nexus:shop:item:1:v1", engine.Keys);
        Assert.Equal("memory", (await node.Cache.FindAsync(CacheNode.Key("1"), TestContext.Current.CancellationToken)).Level);
    }
}
