using System.Collections.Immutable;
using Microsoft.Extensions.Logging.Abstractions;
using Nexus.Data.Memory;
using Nexus.Data.Sharding;

namespace Nexus.Data.Tests.Sharding;

public sealed class TurnsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(300);

    [Fact]
    public async Task A_database_that_hangs_is_waited_for_once_and_what_it_brings_late_is_given_back_untried()
    {
        var (first, second) = (await OpenAsync(), await OpenAsync());
        var hanging = new Hanging(second.Events);
        second = second with { Events = hanging, CheckHealth = _ => ValueTask.FromResult(hanging.Hangs ? new PluginHealth(HealthLevel.Unhealthy) : PluginHealth.Healthy) };
        var shards = new Shards([new Shard(0, "default", first), new Shard(1, "beta", second)], new Dictionary<string, int> { ["acme"] = 1 }, TimeProvider.System, (_, _) => ValueTask.FromResult("default"));
        using var turns = new Turns(shards, TimeProvider.System, NullLogger.Instance, Patience);
        var events = new ShardedEvents(shards, turns);
        await events.DeclareAsync("crm", [new EventGroup("g", "*", 0)], TestContext.Current.CancellationToken);
        foreach (var tenant in new[] { "acme", "globex" })
            await shards.Of(tenant).Set.Records.CommitAsync(new WriteBatch { Events = [new EventMessage { Name = "a.b", Tenant = tenant }] }, TestContext.Current.CancellationToken);
        hanging.Hangs = true;

        Assert.Equal("globex", Assert.Single(await ClaimAsync(events, TimeSpan.Zero)).Message.Tenant);
        Assert.Empty(await ClaimAsync(events, TimeSpan.FromMilliseconds(50)));
        Assert.Empty(await ClaimAsync(events, TimeSpan.Zero));
        Assert.Equal(1, hanging.Asked);
        hanging.Hangs = false;

        // Given back by who claimed it first, it comes with its first try.
        var late = Assert.Single(await UntilAsync(events));
        Assert.Equal(("acme", 1), (late.Message.Tenant, late.Attempt));
        await second.Records.CommitAsync(new WriteBatch { Settlements = [new DeliverySettlement(late.Message.Id, "g", Shard.In(late.Fence), DeliveryState.Done)] }, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task When_none_answers_the_failure_is_told()
    {
        var set = await OpenAsync();
        var shards = new Shards([new Shard(0, "default", set)], new Dictionary<string, int>(), TimeProvider.System, (_, _) => ValueTask.FromResult("default"));
        using var turns = new Turns(shards, TimeProvider.System, NullLogger.Instance, Patience);

        var failure = await Assert.ThrowsAsync<NexusException>(async () => await turns.TryAsync(shards.First, () => throw new NexusException(ErrorCodes.StorageUnavailable, "gone"), 0));

        Assert.Equal("gone", failure.Message);
        Assert.Empty(turns.Next());
    }

    private static async Task<StorageSet> OpenAsync() => await new MemoryStorage(TimeProvider.System, () => false).OpenAsync(new StorageOptions(Path.GetTempPath()), TestContext.Current.CancellationToken);

    private static async Task<ImmutableArray<EventDelivery>> ClaimAsync(ShardedEvents events, TimeSpan wait) => await events.ClaimAsync(new DeliveryClaim(["g"], 10, TimeSpan.FromMinutes(1), wait), TestContext.Current.CancellationToken);

    private static async Task<ImmutableArray<EventDelivery>> UntilAsync(ShardedEvents events)
    {
        for (var i = 0; i < 1200; i++)
        {
            if (await ClaimAsync(events, TimeSpan.FromMilliseconds(50)) is { IsEmpty: false } claimed)
                return claimed;
        }

        return [];
    }

    /// <summary>Events of which a claim does not come back until the database does.</summary>
    private sealed class Hanging(IEventStore inner) : IEventStore
    {
        private int _asked;

        public volatile bool Hangs;

        public int Asked => _asked;

        public async ValueTask<ImmutableArray<EventDelivery>> ClaimAsync(DeliveryClaim claim, CancellationToken cancellationToken)
        {
            if (Hangs)
                Interlocked.Increment(ref _asked);
            // As a server does whose answer alone is lost: the claim was made.
            var claimed = await inner.ClaimAsync(claim, cancellationToken);
            while (Hangs)
                await Task.Delay(10, CancellationToken.None);
            return claimed;
        }

        public ValueTask DeclareAsync(string plugin, ImmutableArray<EventGroup> groups, CancellationToken cancellationToken) => inner.DeclareAsync(plugin, groups, cancellationToken);

        public ValueTask SettleAsync(ImmutableArray<DeliverySettlement> settlements, CancellationToken cancellationToken) => inner.SettleAsync(settlements, cancellationToken);

        public ValueTask<EventPage> ReadAsync(EventQuery query, CancellationToken cancellationToken) => inner.ReadAsync(query, cancellationToken);

        public ValueTask<ImmutableArray<EventDelivery>> DeliveriesAsync(DeliveryQuery query, CancellationToken cancellationToken) => inner.DeliveriesAsync(query, cancellationToken);

        public ValueTask<ReplayProgress> LookAsync(EventReplay replay, CancellationToken cancellationToken) => inner.LookAsync(replay, cancellationToken);

        public ValueTask<long> ReplayAsync(EventReplay replay, CancellationToken cancellationToken) => inner.ReplayAsync(replay, cancellationToken);

        public ValueTask<long> PurgeAsync(EventPurge purge, CancellationToken cancellationToken) => inner.PurgeAsync(purge, cancellationToken);
    }
}
