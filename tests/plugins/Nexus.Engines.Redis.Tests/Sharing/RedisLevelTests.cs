using System.Text;
using Nexus.Engines.Redis.Connections;
using Nexus.Engines.Redis.Sharing;

namespace Nexus.Engines.Redis.Tests.Sharing;

/// <summary>The ports over one real server, and where it matters over a cluster.</summary>
public sealed class RedisLevelTests
{
    private const string Key = "nexus:shop:item:1:v1";

    [Fact]
    public async Task What_is_stored_is_found_with_its_times_and_tags_and_seen_by_redis_cli()
    {
        await using var server = await RedisServer.StartAsync();
        await using var client = Client(server.Address);
        var level = new RedisLevel(client);

        await level.StoreAsync(Key, Record("ünïcode", 60, 30, new CacheTag("shop/red", "a"), new CacheTag("resource:shop.orders", "")), null, Wait.Token);
        var found = (await level.FindAsync(Key, TimeSpan.Zero, Wait.Token)).Record!;

        Assert.Equal("ünïcode", Encoding.UTF8.GetString(found.Value.Span));
        Assert.InRange(found.Life.TotalSeconds, 55, 60);
        Assert.Equal((60, 30), (found.Whole.TotalSeconds, found.Stale.TotalSeconds));
        Assert.Equal([new CacheTag("shop/red", "a"), new CacheTag("resource:shop.orders", "")], found.Tags.AsEnumerable());
        Assert.Equal(Key, await server.CommandAsync("--scan"));
        Assert.Equal("ünïcode", await server.CommandAsync("--raw", "HGET", Key, "value"));
        Assert.InRange(int.Parse(await server.CommandAsync("--raw", "PTTL", Key), System.Globalization.CultureInfo.InvariantCulture), 80_000, 90_000);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("null")]
    public async Task What_looks_like_nothing_is_a_value(string value)
    {
        await using var server = await RedisServer.StartAsync();
        await using var client = Client(server.Address);
        var level = new RedisLevel(client);

        await level.StoreAsync(Key, Record(value, 60, 0), null, Wait.Token);

        Assert.Equal(value, Encoding.UTF8.GetString((await level.FindAsync(Key, TimeSpan.FromSeconds(1), Wait.Token)).Record!.Value.Span));
    }

    [Fact]
    public async Task Of_many_who_miss_one_gets_the_claim_until_it_stores_or_its_time_is_over()
    {
        await using var server = await RedisServer.StartAsync();
        await using var client = Client(server.Address);
        var level = new RedisLevel(client);

        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => level.FindAsync(Key, TimeSpan.FromSeconds(30), Wait.Token).AsTask()));
        var winner = Assert.Single(answers, a => a.Claim is not null);
        Assert.Equal(99, answers.Count(a => a.IsClaimed));
        Assert.True(await level.StoreAsync(Key, Record("mine", 60, 0), winner.Claim, Wait.Token));
        Assert.False(await level.StoreAsync(Key, Record("late", 60, 0), winner.Claim, Wait.Token));

        var brief = await level.FindAsync("nexus:shop:item:2:v1", TimeSpan.FromMilliseconds(50), Wait.Token);
        await Wait.UntilAsync(async () => (await level.FindAsync("nexus:shop:item:2:v1", TimeSpan.FromSeconds(30), Wait.Token)).Claim is { } second && second != brief.Claim, "the claim of a dead node ends");
    }

    [Fact]
    public async Task Who_lost_the_claim_by_a_removal_stores_nothing()
    {
        await using var server = await RedisServer.StartAsync();
        await using var client = Client(server.Address);
        var level = new RedisLevel(client);
        var claim = (await level.FindAsync(Key, TimeSpan.FromSeconds(30), Wait.Token)).Claim;

        await level.RemoveAsync(new CacheRemoval([Key]), Wait.Token);

        Assert.False(await level.StoreAsync(Key, Record("old", 60, 0), claim, Wait.Token));
        Assert.Null((await level.FindAsync(Key, TimeSpan.Zero, Wait.Token)).Record);
    }

    [Fact]
    public async Task An_entry_past_its_life_is_stale_and_then_gone()
    {
        await using var server = await RedisServer.StartAsync();
        await using var client = Client(server.Address);
        var level = new RedisLevel(client);
        await level.StoreAsync(Key, new CacheRecord("old"u8.ToArray(), TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(400), []), null, Wait.Token);

        await Wait.UntilAsync(async () => (await level.FindAsync(Key, TimeSpan.Zero, Wait.Token)).Record is { Life.Ticks: <= 0 }, "stale");
        await Wait.UntilAsync(async () => (await level.FindAsync(Key, TimeSpan.Zero, Wait.Token)).Record is null, "gone");

        Assert.Equal("0", await server.CommandAsync("--raw", "EXISTS", Key));
    }

    [Fact]
    public async Task A_pattern_removes_only_matches_on_every_server_of_a_cluster()
    {
        await using var cluster = await RedisCluster.StartAsync();
        await using var client = Client(cluster.Nodes[1].Address);
        var level = new RedisLevel(client);
        for (var i = 0; i < 100; i++)
            await level.StoreAsync($"nexus:shop:item:{i}:v1", Record($"{i}", 60, 0), null, Wait.Token);
        await level.StoreAsync("nexus:bank:item:1:v1", Record("kept", 60, 0), null, Wait.Token);

        var state = await level.LookAsync(Wait.Token);
        var removed = await level.RemoveAsync(new CacheRemoval([], "nexus:shop:*"), Wait.Token);

        Assert.Equal((101L, 100L), (state.Entries, removed));
        Assert.NotNull((await level.FindAsync("nexus:bank:item:1:v1", TimeSpan.Zero, Wait.Token)).Record);
    }

    [Fact]
    public async Task A_hundred_parallel_additions_add_up_and_end_with_their_life()
    {
        await using var server = await RedisServer.StartAsync();
        await using var client = Client(server.Address);
        var level = new RedisLevel(client);

        await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => level.AddAsync(Key, 1, TimeSpan.FromSeconds(60), Wait.Token).AsTask()));
        await level.StoreAsync("nexus:shop:item:text:v1", Record("text", 60, 0), null, Wait.Token);

        Assert.Equal(95, await level.AddAsync(Key, -5, TimeSpan.FromSeconds(60), Wait.Token));
        Assert.Equal(3, await level.AddAsync("nexus:shop:item:text:v1", 3, TimeSpan.FromSeconds(60), Wait.Token));
        Assert.Equal("95", Encoding.UTF8.GetString((await level.FindAsync(Key, TimeSpan.Zero, Wait.Token)).Record!.Value.Span));
    }

    [Fact]
    public async Task A_cluster_that_loses_a_master_serves_all_keys_again_from_its_replica()
    {
        await using var cluster = await RedisCluster.StartAsync(replicas: 1);
        await using var client = Client(cluster.Nodes[0].Address);
        var level = new RedisLevel(client);
        for (var i = 0; i < 60; i++)
            await level.StoreAsync($"nexus:shop:item:{i}:v1", Record($"{i}", 600, 0), null, Wait.Token);
        await Wait.UntilAsync(async () => (await Task.WhenAll(cluster.Nodes.Select(n => n.CommandAsync("DBSIZE")))).Sum(s => int.Parse(s.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture)) == 120, "the replicas have all");

        await cluster.Nodes[0].KillAsync();

        await Wait.UntilAsync(async () =>
        {
            for (var i = 0; i < 60; i++)
            {
                try
                {
                    if ((await level.FindAsync($"nexus:shop:item:{i}:v1", TimeSpan.Zero, Wait.Token)).Record is null)
                        return false;
                }
                catch (RedisException)
                {
                    return false;
                }
            }
            return true;
        }, "every key is found");
    }

    [Fact]
    public async Task A_lease_has_one_holder_and_a_token_that_grows()
    {
        await using var server = await RedisServer.StartAsync();
        await using var client = Client(server.Address);
        var leases = new RedisLeases(client);

        var all = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => leases.TryAcquireAsync("schedule 1", TimeSpan.FromSeconds(30), Wait.Token).AsTask()));
        var first = Assert.Single(all, l => l is not null)!;
        Assert.True(await leases.RenewAsync(first, TimeSpan.FromSeconds(30), Wait.Token));
        Assert.True(await leases.ReleaseAsync(first, Wait.Token));
        Assert.False(await leases.RenewAsync(first, TimeSpan.FromSeconds(30), Wait.Token));
        var second = (await leases.TryAcquireAsync("schedule 1", TimeSpan.FromMilliseconds(30), Wait.Token))!;
        Lease? third = null;
        await Wait.UntilAsync(async () => (third = await leases.TryAcquireAsync("schedule 1", TimeSpan.FromSeconds(30), Wait.Token)) is not null, "the lease of a dead holder ends");
        await server.CommandAsync("FLUSHALL");
        var fourth = (await leases.TryAcquireAsync("schedule 1", TimeSpan.FromSeconds(30), Wait.Token))!;

        Assert.True(first.Token < second.Token && second.Token < third!.Token && third.Token < fourth.Token, $"{first.Token} {second.Token} {third!.Token} {fourth.Token}");
        Assert.False(await leases.ReleaseAsync(second, Wait.Token));
    }

    [Fact]
    public async Task A_bucket_is_shared_by_all_who_count_and_fills_again()
    {
        await using var server = await RedisServer.StartAsync();
        await using var one = Client(server.Address);
        await using var two = Client(server.Address);
        RedisLimits[] nodes = [new(one), new(two)];
        var take = new SharedTake("user:ada lovelace", 20, TimeSpan.FromSeconds(60), TimeSpan.Zero);

        var verdicts = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => nodes[i % 2].TakeAsync(take, Wait.Token).AsTask()));
        var patient = await nodes[0].TakeAsync(take with { Patience = TimeSpan.FromSeconds(10) }, Wait.Token);
        var brief = take with { Key = "brief", Requests = 1, Window = TimeSpan.FromMilliseconds(100) };
        Assert.True((await nodes[0].TakeAsync(brief, Wait.Token)).Allowed);

        Assert.Equal(20, verdicts.Count(v => v.Allowed));
        Assert.All(verdicts.Where(v => !v.Allowed), v => Assert.InRange(v.Wait.TotalSeconds, 0.1, 3));
        Assert.Equal(19, verdicts.Max(v => v.Remaining));
        Assert.True(patient.Allowed && patient.Wait > TimeSpan.Zero);
        await Wait.UntilAsync(async () => (await nodes[1].TakeAsync(brief, Wait.Token)).Allowed, "the bucket fills");
        Assert.Equal("nexus:cache:~limit:user%3Aada%20lovelace:bucket", (await server.CommandAsync("--scan")).Split('\n').Single(k => k.Contains("user", StringComparison.Ordinal)));
    }

    private static RedisClient Client(string text) => new(RedisSettings.Parse(text + ",connectTimeout=60000,answerTimeout=60000"), TimeProvider.System);

    private static CacheRecord Record(string value, double life, double stale, params CacheTag[] tags) =>
        new(Encoding.UTF8.GetBytes(value), TimeSpan.FromSeconds(life), TimeSpan.FromSeconds(life), TimeSpan.FromSeconds(stale), [.. tags]);
}
