using Nexus.Testing;

namespace Nexus.Kernel.Tests.Events;

public sealed class DurableEventsTests
{
    [Fact]
    public async Task Of_waiting_events_the_higher_priority_goes_first_and_equals_in_order()
    {
        await using var host = new EventHost();
        host.Plugins.Start("a", p => p.On("x.y", (e, _) => Write(host, $"{e.Message.Priority}:{e.Message.Key}")));
        await host.DeclareAsync();
        for (var i = 0; i < 100; i++)
            await host.PublishAsync("x.y", priority: i % 10 == 0 ? 5 : 0, key: $"{i:00}");

        await host.StartAsync();
        await host.LogReaches(100);

        var expected = Enumerable.Range(0, 100).Where(i => i % 10 == 0).Select(i => $"5:{i:00}").Concat(Enumerable.Range(0, 100).Where(i => i % 10 != 0).Select(i => $"0:{i:00}"));
        Assert.Equal(expected, host.Log);
    }

    [Fact]
    public async Task Handlers_of_one_event_run_by_priority_and_cancel_settles_the_rest()
    {
        await using var host = new EventHost();
        foreach (var priority in (int[])[10, 100, 50])
        {
            host.Plugins.Start($"p{priority}", p => p.On("x.y", (e, _) =>
            {
                if (priority == 50)
                    e.Cancel();
                return Write(host, $"{priority}");
            }, s => s with { Priority = priority }));
        }

        await host.StartAsync();
        var id = await host.PublishAsync("x.y");

        await host.Settled(id, "p10/x.y", DeliveryState.Cancelled);
        Assert.Equal(["100", "50"], host.Log);
        Assert.Equal(1, host.EventLog.GetStatistics().Total.Cancelled);
    }

    [Fact]
    public async Task An_always_failing_handler_is_tried_after_1_2_and_4_seconds_then_dead_and_replayable()
    {
        await using var host = new EventHost();
        var works = false;
        host.Plugins.Start("a", p => p.On("x.y", async (e, _) =>
        {
            await Write(host, $"{(host.Clock.GetUtcNow() - new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)).TotalSeconds}s try {e.Attempt}");
            if (!works)
                throw new InvalidOperationException("broken");
        }, s => s with { MaxAttempts = 4 }));
        await host.StartAsync();

        var id = await host.PublishAsync("x.y");
        for (var i = 0; i < 3; i++)
        {
            await host.LogReaches(i + 1);
            await EventHost.Until(() => host.EventLog.GetStatistics().Total.Retried == i + 1);
            await host.Settling();
            Assert.Equal(host.Clock.GetUtcNow() + TimeSpan.FromSeconds(1 << i), host.Store.DueAt(id, "a/x.y"));
            host.Clock.Advance(TimeSpan.FromSeconds(1 << i));
        }

        await host.Settled(id, "a/x.y", DeliveryState.Dead);
        Assert.Equal(["0s try 1", "1s try 2", "3s try 3", "7s try 4"], host.Log);
        Assert.Equal("InvalidOperationException: broken", (await host.DeliveryAsync(id, "a/x.y")).LastError);
        works = true;
        Assert.Single(await host.EventLog.DeliveriesAsync(new DeliveryQuery(State: DeliveryState.Dead, Replay: true), default));
        await host.Settled(id, "a/x.y", DeliveryState.Done);
        Assert.Equal("7s try 1", host.Log.Last());
    }

    [Fact]
    public async Task A_hanging_handler_is_timed_out_and_holds_up_its_own_group_only()
    {
        await using var host = new EventHost();
        var entered = new TaskCompletionSource();
        host.Plugins.Start("hangs", p => p.On("x.y", (_, _) =>
        {
            entered.TrySetResult();
            return new TaskCompletionSource().Task;
        }, s => s with { MaxAttempts = 1, Timeout = TimeSpan.FromSeconds(10) }));
        host.Plugins.Start("works", p => p.On("x.y", (e, _) => Write(host, e.Message.Name)));
        await host.StartAsync();

        var id = await host.PublishAsync("x.y");
        await host.PublishAsync("x.y");
        await host.LogReaches(2);

        // Its time limit begins when it is called; a clock moved before that passes it by.
        await entered.Task.WaitAsync(TimeSpan.FromSeconds(60));
        host.Clock.Advance(TimeSpan.FromSeconds(10));

        await host.Settled(id, "hangs/x.y", DeliveryState.Dead);
        Assert.Contains("time limit of 00:00:10", (await host.DeliveryAsync(id, "hangs/x.y")).LastError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plugin_that_was_off_gets_its_events_when_it_is_back()
    {
        await using var host = new EventHost();
        void Configure(IPluginBuilder p) => p.On("orders.created", (e, _) => Write(host, $"reserve {e.Message.Key}"));
        host.Plugins.Start("inventory", Configure);
        await host.StartAsync();

        host.Plugins.Stop("inventory");
        await host.PublishAsync("orders.created", key: "o1");
        await host.PublishAsync("orders.created", key: "o2");
        Assert.Empty(host.Log);
        host.Plugins.Start("inventory", Configure);
        await host.LogReaches(2);

        Assert.Equal(["reserve o1", "reserve o2"], host.Log);
    }

    [Fact]
    public async Task A_swap_in_the_middle_hands_over_to_the_new_generation()
    {
        await using var host = new EventHost();
        var first = host.Plugins.Start("a", p => p.On("x.y", async (_, ct) =>
        {
            await Write(host, "old");
            await Task.Delay(Timeout.Infinite, ct);
        }));
        await host.StartAsync();

        var id = await host.PublishAsync("x.y");
        await host.LogReaches(1);
        host.Plugins.Start("a", p => p.On("x.y", (e, _) => Write(host, $"new try {e.Attempt}")));
        first.Draining = true;
        await host.PublishAsync("x.y");
        first.Abort();
        await host.LogReaches(3);

        await host.Settled(id, "a/x.y", DeliveryState.Done);
        Assert.Equal(["old", "new try 1", "new try 1"], host.Log);
        await EventHost.Until(() => first.Leases == 0);
    }

    [Fact]
    public async Task Events_of_a_key_stay_in_order_while_one_of_them_is_retried()
    {
        await using var host = new EventHost();
        host.Plugins.Start("a", p => p.On("x.y", async (e, _) =>
        {
            await Write(host, $"{e.Message.Key}{e.Message.Priority} {e.Attempt}");
            if (e.Message.Key == "k" && e.Attempt == 1 && e.Message.Priority == 1)
                throw new InvalidOperationException();
        }));
        await host.StartAsync();

        await host.Events.PublishAsync([
            new EventMessage { Name = "x.y", Key = "k", Priority = 1 },
            new EventMessage { Name = "x.y", Key = "k", Priority = 2 },
            new EventMessage { Name = "x.y", Key = "z", Priority = 0 }]);
        await host.LogReaches(2);
        await host.Settling();
        host.Clock.Advance(TimeSpan.FromSeconds(1));
        await host.LogReaches(4);

        Assert.Equal(["k1 1", "z0 1", "k1 2", "k2 1"], host.Log);
    }

    [Fact]
    public async Task Expired_events_are_not_delivered()
    {
        await using var host = new EventHost();
        host.Plugins.Start("a", p => p.On("x.y", (e, _) => Write(host, e.Message.Name)));
        await host.DeclareAsync();
        var id = await host.Events.PublishAsync(new EventMessage { Name = "x.y", ExpiresAt = host.Clock.GetUtcNow().AddSeconds(5) });
        host.Clock.Advance(TimeSpan.FromSeconds(6));

        await host.StartAsync();
        await host.Settled(id, "a/x.y", DeliveryState.Expired);

        Assert.Empty(host.Log);
        Assert.StartsWith("EVENT_EXPIRED", (await host.DeliveryAsync(id, "a/x.y")).LastError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_crash_between_handling_and_settling_redelivers_once()
    {
        var clock = new FakeClock();
        var store = new FakeEventStore(clock) { LosesSettlements = true };
        Guid id;
        await using (var dies = new EventHost(store, clock))
        {
            dies.Plugins.Start("a", p => p.On("x.y", (_, _) => Write(dies, "first")));
            await dies.StartAsync();
            id = await dies.PublishAsync("x.y");
            await dies.LogReaches(1);
        }

        store.LosesSettlements = false;
        await using var host = new EventHost(store, clock);
        host.Plugins.Start("a", p => p.On("x.y", (e, _) => Write(host, $"again try {e.Attempt}")));
        await host.StartAsync();
        Assert.Empty(host.Log);
        clock.Advance(TimeSpan.FromMinutes(2));
        await host.Settled(id, "a/x.y", DeliveryState.Done);
        clock.Advance(TimeSpan.FromMinutes(2));

        Assert.Equal(["again try 2"], host.Log);
    }

    [Fact]
    public async Task A_handler_that_commits_with_the_settlement_has_its_effect_once()
    {
        var clock = new FakeClock();
        var store = new FakeEventStore(clock) { LosesSettlements = true };
        void Configure(IPluginBuilder p) => p.On("x.y", async (e, ct) =>
        {
            var write = new RecordWrite { Key = new RecordKey("default", "documents", "effect") };
            await store.CommitAsync(new WriteBatch { Writes = [write], Settlements = [e.Settlement!] }, ct);
            throw new InvalidOperationException("failed after its commit");
        });
        await using (var dies = new EventHost(store, clock))
        {
            dies.Plugins.Start("a", Configure);
            await dies.StartAsync();
            await dies.PublishAsync("x.y");
            await EventHost.Until(() => dies.EventLog.GetStatistics().Total.Failed == 1);
        }

        store.LosesSettlements = false;
        await using var host = new EventHost(store, clock);
        host.Plugins.Start("a", Configure);
        await host.StartAsync();
        clock.Advance(TimeSpan.FromMinutes(5));
        await host.PublishAsync("x.y");
        // The handler fails after its commit, so the count comes after the commit is seen.
        await EventHost.Until(() => store.Committed.Count == 2 && host.EventLog.GetStatistics().Total.Failed > 0);

        Assert.Equal(1, host.EventLog.GetStatistics().Total.Failed);
    }

    [Fact]
    public async Task Two_dispatchers_on_one_store_handle_each_delivery_once()
    {
        var clock = new FakeClock();
        var store = new FakeEventStore(clock);
        await using var one = new EventHost(store, clock);
        await using var two = new EventHost(store, clock);
        foreach (var host in (EventHost[])[one, two])
        {
            host.Plugins.Start("a", p => p.On("x.*", (e, _) => Write(host, e.Message.Id.ToString())));
            await host.StartAsync();
        }

        var ids = await Task.WhenAll(Enumerable.Range(0, 500).Select(i => one.PublishAsync("x.y", key: $"{i % 7}").AsTask()));
        await EventHost.Until(() => one.Log.Count + two.Log.Count >= 500);

        Assert.Equal(ids.Select(i => i.ToString()).Order(), one.Log.Concat(two.Log).Order());
    }

    [Theory]
    [InlineData(100)]
    public async Task Whatever_the_interleaving_each_event_is_handled_and_each_key_in_order(int rounds)
    {
        for (var seed = 0; seed < rounds; seed++)
        {
            var random = new Random(seed);
            var flaky = new Random(seed);
            await using var host = new EventHost(options: o => o.ClaimLimit = 1 + random.Next(8));
            void Configure(IPluginBuilder p) => p.On("x.y", async (e, _) =>
            {
                if (flaky.Next(4) == 0)
                    await Task.Yield();
                if (flaky.Next(5) == 0)
                    throw new InvalidOperationException();
                await Write(host, $"{e.Message.Key}:{e.Message.Headers["n"]}");
            }, s => s with { MaxAttempts = 100, RetryDelay = TimeSpan.FromMilliseconds(10) });
            host.Plugins.Start("a", Configure);
            await host.StartAsync();

            for (var n = 0; n < 30; n++)
            {
                await host.Events.PublishAsync(new EventMessage { Name = "x.y", Key = $"k{random.Next(3)}", Priority = random.Next(3), Headers = System.Collections.Immutable.ImmutableDictionary<string, string>.Empty.Add("n", $"{n:00}") });
                if (random.Next(6) == 0)
                    host.Plugins.Start("a", Configure);
                if (random.Next(3) == 0)
                    host.Clock.Advance(TimeSpan.FromMilliseconds(random.Next(50)));
            }

            // The clock moves only while nothing is at work here: else leases and time limits end under handlers that a busy machine holds up.
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            while (host.Log.Count < 30)
            {
                Assert.False(limit.IsCancellationRequested, $"seed {seed}: {string.Join(' ', host.Log)}");
                await host.Settling();
                host.Clock.Advance(TimeSpan.FromSeconds(1));
            }

            Assert.Equal(30, host.Log.Distinct().Count());
            foreach (var key in host.Log.GroupBy(l => l.Split(':')[0]))
                Assert.Equal(key.Order(StringComparer.Ordinal), key);
        }
    }

    [Fact]
    public async Task An_idle_dispatcher_asks_the_store_once_in_thirty_seconds()
    {
        await using var host = new EventHost();
        host.Plugins.Start("a", p => p.On("x.y", (e, _) => Write(host, e.Message.Name)));
        await host.StartAsync();
        await EventHost.Until(() => host.Store.Claims > 0);
        var before = host.Store.Claims;

        await host.PublishAsync("x.y");
        await host.LogReaches(1);
        await host.Settling();
        for (var i = 0; i < 29; i++)
            host.Clock.Advance(TimeSpan.FromSeconds(1));

        Assert.InRange(host.Store.Claims - before, 1, 6);
    }

    private static Task Write(EventHost host, string line)
    {
        host.Log.Enqueue(line);
        return Task.CompletedTask;
    }
}
