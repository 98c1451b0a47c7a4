using System.Collections.Concurrent;
using System.Text;
using Nexus.Kernel.Tests.Events;
using Nexus.Testing;

namespace Nexus.Kernel.Tests.Caching;

public sealed class WriteBehindTests
{
    private readonly FakeClock clock = new();
    private readonly ConcurrentQueue<string> written = new();
    private readonly CacheNode node;
    private Func<Task>? meanwhile;

    public WriteBehindTests() => node = new CacheNode(clock, configure: o => o.MaxEntries = 2);

    [Fact]
    public async Task A_value_is_read_at_once_and_written_after_the_interval_the_last_of_a_key_only()
    {
        await using var behind = Behind();
        await behind.StartAsync(TestContext.Current.CancellationToken);

        await SetAsync(behind, "1", "a");
        await SetAsync(behind, "1", "b");
        await SetAsync(behind, "2", "c");
        Assert.Equal(("b", 0, 2), (await FindAsync(behind, "1"), written.Count, behind.Pending));
        clock.Advance(TimeSpan.FromSeconds(1));

        await LayeredCacheTests.Until(() => Task.FromResult(written.Order().SequenceEqual(["item:1:v1=b", "item:2:v1=c"]) && behind.Pending == 0));
    }

    [Fact]
    public async Task What_the_cache_gave_up_before_it_was_written_is_still_read()
    {
        await using var behind = Behind();

        for (var i = 0; i < 10; i++)
            await SetAsync(behind, $"{i}", $"{i}");

        Assert.Equal(2, node.Layers.Memory.Count);
        for (var i = 0; i < 10; i++)
            Assert.Equal($"{i}", await FindAsync(behind, $"{i}"));
    }

    [Fact]
    public async Task A_write_that_fails_loses_nothing_and_does_not_overwrite_what_came_meanwhile()
    {
        await using var behind = Behind();
        await SetAsync(behind, "1", "a");
        await SetAsync(behind, "2", "b");
        meanwhile = async () =>
        {
            meanwhile = null;
            await SetAsync(behind, "1", "newer");
            throw new IOException("down");
        };

        await Assert.ThrowsAsync<IOException>(async () => await behind.FlushAsync(TestContext.Current.CancellationToken));
        Assert.Equal(("newer", 2), (await FindAsync(behind, "1"), behind.Pending));
        await behind.StopAsync(TestContext.Current.CancellationToken);

        Assert.Equal(["item:1:v1=newer", "item:2:v1=b"], written.Order());
    }

    [Fact]
    public async Task When_too_many_wait_the_next_one_waits_for_them()
    {
        await using var behind = Behind(most: 3);

        for (var i = 0; i < 4; i++)
            await SetAsync(behind, $"{i}", $"{i}");

        Assert.Equal((3, 1), (written.Count, behind.Pending));
    }

    private WriteBehind Behind(int most = 100) => new(node.Cache, new WriteBehindRules(async (writes, _) =>
    {
        if (meanwhile is { } work)
            await work();
        foreach (var (key, value) in writes)
            written.Enqueue($"{key}={Encoding.UTF8.GetString(value.Span)}");
    }, TimeSpan.FromSeconds(1)) { MaxPending = most }, clock, null);

    private static ValueTask SetAsync(WriteBehind behind, string id, string value) => behind.SetAsync(CacheNode.Key(id), CacheNode.Bytes(value), cancellationToken: TestContext.Current.CancellationToken);

    private static async Task<string> FindAsync(WriteBehind behind, string id) => Encoding.UTF8.GetString((await behind.FindAsync(CacheNode.Key(id), TestContext.Current.CancellationToken)).Value.Span);
}
