using System.Collections.Immutable;

namespace Nexus.Conformance;

public abstract partial class StorageConformance
{
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(1);

    private static EventMessage Event(string name, string? key = null, int priority = 0) => new() { Name = name, Key = key, Priority = priority, Data = "{\"x\":1}"u8.ToArray() };

    private Task DeclareGroupsAsync(params EventGroup[] groups) => Set.Events.DeclareAsync("crm", [.. groups], CancellationToken.None).AsTask();

    private Task<CommitResult> PublishAsync(params EventMessage[] events) => Records.CommitAsync(new WriteBatch { Events = [.. events] }, CancellationToken.None).AsTask();

    private async Task<ImmutableArray<EventDelivery>> ClaimAsync(params string[] groups) => await Set.Events.ClaimAsync(new DeliveryClaim([.. groups], 100, Lease, TimeSpan.Zero), CancellationToken.None);

    private Task SettleAsync(EventDelivery delivery, DeliveryState state = DeliveryState.Done, DateTimeOffset? retry = null, string? error = null) =>
        Set.Events.SettleAsync([new DeliverySettlement(delivery.Message.Id, delivery.Group, delivery.Fence, state, retry, error)], CancellationToken.None).AsTask();

    private static string[] Names(ImmutableArray<EventDelivery> deliveries) => [.. deliveries.Select(d => $"{d.Group}:{d.Message.Name}")];

    [Fact]
    public async Task An_event_is_stored_with_its_batch_or_not_at_all()
    {
        await CommitAsync(Put("a", "{}"));

        await Assert.ThrowsAsync<StorageConflictException>(() => Records.CommitAsync(new WriteBatch { Events = [Event("x.lost")], Writes = [Put("b", "{}"), Put("a", "{}")] }, CancellationToken.None).AsTask());
        await Records.CommitAsync(new WriteBatch { Events = [Event("x.kept")], Writes = [Put("c", "{}")] }, CancellationToken.None);

        Assert.Equal(["x.kept"], (await Set.Events.ReadAsync(new EventQuery(), CancellationToken.None)).Events.Select(e => e.Message.Name));
    }

    [Fact]
    public async Task An_event_is_read_back_whole()
    {
        var message = Event("orders.created", "k", 5) with { OccurredAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), Source = "crm", Tenant = "t2", CorrelationId = "c1", ExpiresAt = new DateTimeOffset(2126, 1, 1, 0, 0, 0, TimeSpan.Zero), Headers = ImmutableDictionary<string, string>.Empty.Add("h", "ü") };
        await PublishAsync(message);

        var read = (await Set.Events.ReadAsync(new EventQuery { Id = message.Id }, CancellationToken.None)).Events.Single().Message;

        Assert.Equal(message with { Data = default, Headers = read.Headers }, read with { Data = default });
        Assert.Equal(message.Data.ToArray(), read.Data.ToArray());
        Assert.Equal("ü", read.Headers["h"]);
    }

    [Fact]
    public async Task Each_declared_group_gets_each_matching_event_once()
    {
        await PublishAsync(Event("orders.before"));
        await DeclareGroupsAsync(new EventGroup("mail", "orders.*", 0), new EventGroup("all", "*", 0), new EventGroup("failed", "*.failed", 0));
        await PublishAsync(Event("orders.created"), Event("payments.failed"));

        Assert.Equal(["all:orders.created", "all:payments.failed", "failed:payments.failed", "mail:orders.created"], Names(await ClaimAsync("mail", "all", "failed")).Order());
        Assert.Empty(await ClaimAsync("mail", "all", "failed"));
    }

    [Fact]
    public async Task Deliveries_come_by_priority_of_the_event_then_age_then_priority_of_the_group()
    {
        await DeclareGroupsAsync(new EventGroup("low", "*", 1), new EventGroup("high", "*", 9));
        await PublishAsync(Event("e.first"), Event("e.second"), Event("e.urgent", priority: 7));

        Assert.Equal(["high:e.urgent", "low:e.urgent", "high:e.first", "low:e.first", "high:e.second", "low:e.second"], Names(await ClaimAsync("low", "high")));
    }

    [Fact]
    public async Task Of_one_key_only_the_oldest_unsettled_is_delivered()
    {
        await DeclareGroupsAsync(new EventGroup("g", "*", 0));
        await PublishAsync(Event("k.one", "k"), Event("k.two", "k"), Event("other.one", "o"), Event("free.one"));

        var first = await ClaimAsync("g");
        Assert.Equal(["g:k.one", "g:other.one", "g:free.one"], Names(first));
        Assert.Empty(await ClaimAsync("g"));
        await SettleAsync(first[0]);

        Assert.Equal(["g:k.two"], Names(await ClaimAsync("g")));
    }

    [Fact]
    public async Task A_lost_lease_is_due_again_and_its_old_settlement_passes_over()
    {
        await DeclareGroupsAsync(new EventGroup("g", "*", 0));
        await PublishAsync(Event("a.b"));
        var first = (await ClaimAsync("g")).Single();
        Clock.Advance(Lease + TimeSpan.FromSeconds(1));
        var second = (await ClaimAsync("g")).Single();

        await SettleAsync(first);
        Assert.Equal(DeliveryState.Pending, (await Set.Events.DeliveriesAsync(new DeliveryQuery(first.Message.Id), CancellationToken.None)).Single().State);
        await Assert.ThrowsAsync<StorageConflictException>(() => Records.CommitAsync(new WriteBatch { Writes = [Put("late", "{}")], Settlements = [new DeliverySettlement(first.Message.Id, "g", first.Fence, DeliveryState.Done)] }, CancellationToken.None).AsTask());
        await Records.CommitAsync(new WriteBatch { Writes = [Put("intime", "{}")], Settlements = [new DeliverySettlement(second.Message.Id, "g", second.Fence, DeliveryState.Done)] }, CancellationToken.None);
        await SettleAsync(second, DeliveryState.Dead);

        Assert.Equal((2, 1), (second.Attempt, first.Attempt));
        Assert.Equal((null, true), (await FindAsync("late"), await FindAsync("intime") is not null));
        Assert.Equal(DeliveryState.Done, (await Set.Events.DeliveriesAsync(new DeliveryQuery(first.Message.Id), CancellationToken.None)).Single().State);
    }

    [Fact]
    public async Task A_retry_waits_for_its_time_and_a_dead_letter_for_its_replay()
    {
        await DeclareGroupsAsync(new EventGroup("g", "*", 0));
        await PublishAsync(Event("a.b"));
        await SettleAsync((await ClaimAsync("g")).Single(), DeliveryState.Pending, Clock.GetUtcNow().AddSeconds(30), "boom");
        Assert.Empty(await ClaimAsync("g"));
        Clock.Advance(TimeSpan.FromSeconds(31));
        var retried = (await ClaimAsync("g")).Single();
        await SettleAsync(retried, DeliveryState.Dead, error: "boom again");
        Assert.Empty(await ClaimAsync("g"));

        var dead = (await Set.Events.DeliveriesAsync(new DeliveryQuery(State: DeliveryState.Dead, Group: "g", Replay: true), CancellationToken.None)).Single();

        Assert.Equal((2, "boom", "boom again", DeliveryState.Dead), (retried.Attempt, retried.LastError, dead.LastError, dead.State));
        Assert.Equal(1, (await ClaimAsync("g")).Single().Attempt);
    }

    [Fact]
    public async Task An_expired_event_is_not_delivered()
    {
        await DeclareGroupsAsync(new EventGroup("g", "*", 0));
        var message = Event("a.b") with { ExpiresAt = Clock.GetUtcNow().AddSeconds(5) };
        await PublishAsync(message);
        Clock.Advance(TimeSpan.FromSeconds(6));

        Assert.Empty(await ClaimAsync("g"));
        Assert.Equal(DeliveryState.Expired, (await Set.Events.DeliveriesAsync(new DeliveryQuery(message.Id), CancellationToken.None)).Single().State);
    }

    [Fact]
    public async Task A_group_that_is_no_longer_declared_is_dropped()
    {
        await DeclareGroupsAsync(new EventGroup("gone", "*", 0), new EventGroup("stays", "*", 0));
        await PublishAsync(Event("a.b"));
        await DeclareGroupsAsync(new EventGroup("stays", "*", 0));
        await Set.Events.DeclareAsync("other", [], CancellationToken.None);

        Assert.Equal(["stays:a.b"], Names(await ClaimAsync("gone", "stays")));
    }

    [Fact]
    public async Task A_waiting_claim_returns_when_an_event_comes()
    {
        await DeclareGroupsAsync(new EventGroup("g", "*", 0));
        var claim = Set.Events.ClaimAsync(new DeliveryClaim(["g"], 10, Lease, TimeSpan.FromMinutes(5)), CancellationToken.None).AsTask();
        await PublishAsync(Event("a.b"));

        Assert.Single(await claim.WaitAsync(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public async Task Cancelling_a_waiting_claim_ends_the_wait()
    {
        using var stop = new CancellationTokenSource();
        var claim = Set.Events.ClaimAsync(new DeliveryClaim(["g"], 10, Lease, TimeSpan.FromMinutes(20)), stop.Token).AsTask();
        await stop.CancelAsync();

        Assert.Empty(await claim.WaitAsync(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public async Task Concurrent_claims_never_share_a_delivery()
    {
        await DeclareGroupsAsync(new EventGroup("g", "*", 0));
        await PublishAsync([.. Enumerable.Range(0, 200).Select(_ => Event("a.b"))]);

        var claims = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(async () => await Set.Events.ClaimAsync(new DeliveryClaim(["g"], 17, Lease, TimeSpan.Zero), CancellationToken.None))));

        var ids = claims.SelectMany(c => c).Select(d => d.Message.Id).ToList();
        Assert.Equal((200, 200), (ids.Count, ids.Distinct().Count()));
    }

    [Fact]
    public async Task Events_are_replayed_to_a_group_and_purged_once_nobody_waits()
    {
        var old = Event("orders.created") with { OccurredAt = Clock.GetUtcNow().AddDays(-9) };
        await PublishAsync(old, Event("orders.paid"), Event("users.created"));
        await DeclareGroupsAsync(new EventGroup("g", "orders.*", 0));

        Assert.Equal(2, await Set.Events.ReplayAsync(new EventReplay("g", DryRun: true), CancellationToken.None));
        Assert.Empty(await ClaimAsync("g"));
        Assert.Equal(1, await Set.Events.ReplayAsync(new EventReplay("g", To: Clock.GetUtcNow().AddDays(-1)), CancellationToken.None));
        Assert.Equal(0, await Set.Events.PurgeAsync(new EventPurge(Clock.GetUtcNow().AddDays(-1)), CancellationToken.None));
        await SettleAsync((await ClaimAsync("g")).Single());
        Assert.Equal(1, await Set.Events.PurgeAsync(new EventPurge(Clock.GetUtcNow().AddDays(-1), DryRun: true), CancellationToken.None));
        Assert.Equal(1, await Set.Events.PurgeAsync(new EventPurge(Clock.GetUtcNow().AddDays(-1)), CancellationToken.None));

        Assert.Equal(["orders.paid", "users.created"], (await Set.Events.ReadAsync(new EventQuery(), CancellationToken.None)).Events.Select(e => e.Message.Name));
    }

    [Fact]
    public async Task A_replay_waits_spreads_its_events_and_tells_how_far_it_is()
    {
        await DeclareGroupsAsync(new EventGroup("g", "orders.*", 0));
        await PublishAsync([.. Enumerable.Range(0, 3).Select(n => Event($"orders.n{n}")), Event("users.created")]);
        foreach (var delivery in await ClaimAsync("g"))
            await SettleAsync(delivery, delivery.Message.Name == "orders.n1" ? DeliveryState.Dead : DeliveryState.Done);
        Assert.Equal(new ReplayProgress(3, 0, 1), await Set.Events.LookAsync(new EventReplay("g"), CancellationToken.None));

        Assert.Equal(1, await Set.Events.ReplayAsync(new EventReplay("g") { OnlyDead = true, DryRun = true }, CancellationToken.None));
        Assert.Equal(3, await Set.Events.ReplayAsync(new EventReplay("g") { Delay = TimeSpan.FromHours(1), Spacing = TimeSpan.FromHours(1) }, CancellationToken.None));
        Assert.Equal(new ReplayProgress(3, 3, 0), await Set.Events.LookAsync(new EventReplay("g"), CancellationToken.None));
        Assert.Empty(await ClaimAsync("g"));
        for (var n = 0; n < 3; n++)
        {
            Clock.Advance(TimeSpan.FromHours(1));
            var due = Assert.Single(await ClaimAsync("g"));
            Assert.Equal($"orders.n{n}", due.Message.Name);
            await SettleAsync(due);
            Assert.Equal(new ReplayProgress(3, 2 - n, 0), await Set.Events.LookAsync(new EventReplay("g"), CancellationToken.None));
        }

        Assert.Equal(new ReplayProgress(1, 0, 0), await Set.Events.LookAsync(new EventReplay("g", "orders.n2"), CancellationToken.None));
        await Assert.ThrowsAsync<NexusException>(async () => await Set.Events.LookAsync(new EventReplay("nobody"), CancellationToken.None));
    }

    [Fact]
    public async Task A_purge_of_one_tenant_leaves_the_events_of_others()
    {
        await PublishAsync(Event("a.one") with { Tenant = "t1" });
        await PublishAsync(Event("a.two") with { Tenant = "t2" });
        var later = Clock.GetUtcNow().AddDays(1);

        Assert.Equal(1, await Set.Events.PurgeAsync(new EventPurge(later, DryRun: true, Tenant: "t1"), CancellationToken.None));
        Assert.Equal(1, await Set.Events.PurgeAsync(new EventPurge(later, Tenant: "t1"), CancellationToken.None));

        Assert.Equal(["a.two"], (await Set.Events.ReadAsync(new EventQuery(), CancellationToken.None)).Events.Select(e => e.Message.Name));
    }

    [Fact]
    public async Task Events_are_read_by_pattern_position_and_correlation()
    {
        await PublishAsync(Event("a.one") with { CorrelationId = "c" }, Event("b.one"), Event("a.two"));
        var all = (await Set.Events.ReadAsync(new EventQuery { Limit = 2 }, CancellationToken.None));

        async Task<string> Read(EventQuery query) => string.Join(' ', (await Set.Events.ReadAsync(query, CancellationToken.None)).Events.Select(e => e.Message.Name));
        Assert.Equal("a.two", await Read(new EventQuery { AfterSequence = all.LastSequence }));
        Assert.Equal("a.one a.two", await Read(new EventQuery { Pattern = "a.*" }));
        Assert.Equal("a.two b.one a.one", await Read(new EventQuery { Newest = true }));
        Assert.Equal("a.one", await Read(new EventQuery { CorrelationId = "c" }));
    }
}
