using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Testing;

namespace Nexus.Conformance.Events;

/// <summary>What delivery of durable events does, whatever stores them and whatever carries them. Derive, and name both; each test gets a whole node.</summary>
public abstract class EventDeliveryConformance : IAsyncLifetime
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(20);

    private readonly List<EventNode> _nodes = [];

    /// <summary>What counts messages of the transport; null where the database delivers.</summary>
    protected virtual CountedTransport? Transport => null;

    public virtual ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Chooses storage and transport.</summary>
    protected abstract void Configure(PluginTestOptions options);

    private async Task<EventNode> StartAsync(params (string Id, Action<IPluginBuilder, ConcurrentQueue<string>> Declare)[] plugins)
    {
        var node = await EventNode.StartAsync(Configure, plugins);
        _nodes.Add(node);
        await node.ConnectedAsync();
        return node;
    }

    private void AssertCarried(int least)
    {
        if (Transport is { } transport)
            Assert.True(transport.HandedOut >= least, $"the transport handed out {transport.HandedOut} messages, fewer than {least}");
    }

    private static Task Note(ConcurrentQueue<string> log, string line)
    {
        log.Enqueue(line);
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Each_group_whose_pattern_fits_handles_each_event_once()
    {
        var node = await StartAsync(
            ("mail", (p, log) => p.On("orders.*", (e, _) => Note(log, $"mail {e.Message.Key}"))),
            ("all", (p, log) => p.On("*", (e, _) => e.Message.Name is "orders.created" or "payments.failed" ? Note(log, $"all {e.Message.Key}") : Task.CompletedTask)),
            ("failed", (p, log) => p.On("*.failed", (e, _) => Note(log, $"failed {e.Message.Key}"))));

        await node.Events.PublishAsync([.. Enumerable.Range(0, 100).Select(i => new EventMessage { Name = i % 2 == 0 ? "orders.created" : "payments.failed", Key = $"{i}" })]);
        await node.LogsAsync(200);
        await Task.Delay(50);

        Assert.Equal(200, node.Log.Distinct().Count());
        Assert.Equal(200, node.Log.Count);
        Assert.Equal((50, 100, 50), (node.Log.Count(l => l.StartsWith("mail", StringComparison.Ordinal)), node.Log.Count(l => l.StartsWith("all", StringComparison.Ordinal)), node.Log.Count(l => l.StartsWith("failed", StringComparison.Ordinal))));
        AssertCarried(200);
    }

    [Fact]
    public async Task An_event_arrives_whole()
    {
        var arrived = new TaskCompletionSource<EventMessage>();
        var node = await StartAsync(("a", (p, _) => p.On("x.y", (e, _) =>
        {
            arrived.TrySetResult(e.Message);
            return Task.CompletedTask;
        })));
        var sent = new EventMessage
        {
            Name = "x.y",
            Data = """{"text":"ünï \" code","n":1.50,"deep":{"a":[1,2,null]}}"""u8.ToArray(),
            Key = "k/1",
            Priority = 7,
            CorrelationId = "c 1",
            OccurredAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero),
            ExpiresAt = new DateTimeOffset(2126, 1, 1, 0, 0, 0, TimeSpan.Zero),
            Headers = ImmutableDictionary<string, string>.Empty.Add("h", "ü"),
        };

        await node.Events.PublishAsync(sent);
        var got = await arrived.Task.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal(sent with { Data = default, Headers = got.Headers, Source = "nexus" }, got with { Data = default });
        Assert.Equal(sent.Data.ToArray(), got.Data.ToArray());
        Assert.Equal("ü", got.Headers["h"]);
    }

    [Fact]
    public async Task Events_of_a_key_are_handled_in_order_also_when_tries_fail()
    {
        var failures = new ConcurrentDictionary<string, bool>();
        var node = await StartAsync(("a", (p, log) => p.On("x.y", (e, _) =>
        {
            var line = $"{e.Message.Key}:{e.Message.Headers["n"]}";
            if (e.Message.Headers["n"].EndsWith('3') && failures.TryAdd(line, true))
                throw new InvalidOperationException("once");
            return Note(log, line);
        }, s => s with { RetryDelay = Short })));

        await node.Events.PublishAsync([.. Enumerable.Range(0, 60).Select(i => new EventMessage { Name = "x.y", Key = $"k{i % 3}", Headers = ImmutableDictionary<string, string>.Empty.Add("n", $"{i:00}") })]);
        await node.LogsAsync(60);

        foreach (var key in node.Log.GroupBy(l => l.Split(':')[0]))
            Assert.Equal(key.Order(StringComparer.Ordinal), key);
        Assert.Equal(60, node.Log.Distinct().Count());
        Assert.Equal(6, failures.Count);
    }

    [Fact]
    public async Task Of_those_that_wait_the_more_urgent_is_handled_first()
    {
        var gate = new TaskCompletionSource();
        var node = await StartAsync(("a", (p, log) => p.On("x.y", async (e, _) =>
        {
            if (e.Message.Headers["n"] == "first")
                await gate.Task;
            await Note(log, e.Message.Headers["n"]);
        })));
        EventMessage Event(string n, int priority) => new() { Name = "x.y", Priority = priority, Headers = ImmutableDictionary<string, string>.Empty.Add("n", n) };

        await node.Events.PublishAsync(Event("first", 1000));
        await EventNode.UntilAsync(() => ValueTask.FromResult(node.History.GetSubscribers().Single(s => s.Group == "a/x.y").Waiting == 1), "the first is at work");
        await node.Events.PublishAsync([Event("low", -5), Event("normal", 0), Event("high", 5)]);
        await EventNode.UntilAsync(() => ValueTask.FromResult(node.History.GetSubscribers().Single(s => s.Group == "a/x.y").Waiting == 4), "the others wait");
        gate.SetResult();
        await node.LogsAsync(4);

        Assert.Equal(["first", "high", "normal", "low"], node.Log);
    }

    [Fact]
    public async Task Groups_of_higher_priority_go_first_and_may_cancel_the_event_for_the_others()
    {
        var node = await StartAsync(
            ("low", (p, log) => p.On("x.*", (e, _) => Note(log, $"low {e.Message.Name}"), s => s with { Priority = 10 })),
            ("high", (p, log) => p.On("x.*", (e, _) =>
            {
                if (e.Message.Name == "x.stopped")
                    e.Cancel();
                return Note(log, $"high {e.Message.Name}");
            }, s => s with { Priority = 100 })),
            ("middle", (p, log) => p.On("x.*", (e, _) => Note(log, $"middle {e.Message.Name}"), s => s with { Priority = 50 })));

        var stopped = await node.PublishAsync("x.stopped");
        await node.StateAsync(stopped, "low/x.*", DeliveryState.Cancelled);
        await node.StateAsync(stopped, "middle/x.*", DeliveryState.Cancelled);
        await node.PublishAsync("x.free");
        await node.LogsAsync(4);

        Assert.Equal(["high x.stopped", "high x.free", "middle x.free", "low x.free"], node.Log);
        AssertCarried(2);
    }

    [Fact]
    public async Task Only_events_that_the_filter_wants_reach_the_handler()
    {
        var node = await StartAsync(("a", (p, log) => p.On("x.y", (e, _) => Note(log, e.Message.Key!), s => s with { Filter = new Filter.Compare("total", FilterOperator.Greater, System.Text.Json.JsonSerializer.SerializeToElement(100)) })));

        var small = await node.PublishAsync("x.y", "small", data: """{"total":5}""");
        await node.PublishAsync("x.y", "large", data: """{"total":500}""");
        await node.LogsAsync(1);
        await node.StateAsync(small, "a/x.y", DeliveryState.Done);

        Assert.Equal(["large"], node.Log);
    }

    [Fact]
    public async Task What_keeps_failing_becomes_a_dead_letter_after_growing_waits_and_can_be_replayed()
    {
        var works = false;
        var times = new ConcurrentQueue<long>();
        var node = await StartAsync(("a", (p, log) => p.On("x.y", (e, _) =>
        {
            times.Enqueue(System.Diagnostics.Stopwatch.GetTimestamp());
            return Volatile.Read(ref works) ? Note(log, $"try {e.Attempt}") : throw new InvalidOperationException("broken");
        }, s => s with { MaxAttempts = 3, RetryDelay = TimeSpan.FromMilliseconds(100) })));

        var id = await node.PublishAsync("x.y");
        await node.StateAsync(id, "a/x.y", DeliveryState.Dead);
        var dead = Assert.Single(await node.History.DeliveriesAsync(new DeliveryQuery(State: DeliveryState.Dead), CancellationToken.None));
        Volatile.Write(ref works, true);
        await node.History.DeliveriesAsync(new DeliveryQuery(State: DeliveryState.Dead, Group: "a/x.y", Replay: true), CancellationToken.None);
        await node.StateAsync(id, "a/x.y", DeliveryState.Done);

        Assert.Equal((3, "InvalidOperationException: broken"), (dead.Attempt, dead.LastError));
        Assert.Equal(["try 1"], node.Log);
        var waits = times.Zip(times.Skip(1), (a, b) => System.Diagnostics.Stopwatch.GetElapsedTime(a, b).TotalMilliseconds).ToList();
        Assert.True(waits[0] >= 95 && waits[1] >= 190, $"waits of {waits[0]:0} and {waits[1]:0} ms");
    }

    [Fact]
    public async Task A_slow_group_holds_up_no_other()
    {
        var gate = new TaskCompletionSource();
        var node = await StartAsync(
            ("slow", (p, _) => p.On("x.y", async (_, ct) => await gate.Task.WaitAsync(ct))),
            ("fast", (p, log) => p.On("x.y", (e, _) => Note(log, e.Message.Id.ToString()))));

        for (var i = 0; i < 6; i++)
            await node.Events.PublishAsync([.. Enumerable.Range(0, 100).Select(_ => new EventMessage { Name = "x.y" })]);
        await node.LogsAsync(600);

        Assert.Equal(600, node.Log.Distinct().Count());
        gate.SetResult();
    }

    [Fact]
    public async Task Events_wait_for_a_plugin_that_is_off()
    {
        var node = await StartAsync(("a", (p, log) => p.On("x.y", (e, _) => Note(log, e.Message.Key!))), ("b", (p, log) => p.On("x.y", (e, _) => Note(log, $"b {e.Message.Key}"))));

        await node.Plugins.ExecuteAsync(new PluginCommand.Disable("a"), null, CancellationToken.None);
        await node.PublishAsync("x.y", "1");
        await node.LogsAsync(1);
        await node.Plugins.ExecuteAsync(new PluginCommand.Enable("a"), null, CancellationToken.None);
        await node.PublishAsync("x.y", "2");
        await node.LogsAsync(4);

        Assert.Equal(["1", "2"], node.Log.Where(l => l[0] != 'b'));
    }

    [Fact]
    public async Task What_a_handler_writes_and_publishes_happens_once_however_often_it_is_tried()
    {
        var node = await StartAsync(("a", (p, log) => p
            .On("x.y", async (services, e, ct) =>
            {
                var documents = services.GetRequiredService<IDocuments>();
                var count = await documents.FindAsync("count", ct);
                await documents.CommitAsync([new DocumentWrite("count", ((int?)count?.Value ?? 0) + 1)], cancellationToken: ct);
                await services.GetRequiredService<IEvents>().PublishAsync(new EventMessage { Name = "a.done", Key = e.Message.Key }, cancellationToken: ct);
                if (e.Attempt < 3)
                    throw new InvalidOperationException("after writing");
            }, s => s with { RetryDelay = Short })
            .On("a.done", (e, _) => Note(log, e.Message.Key!))
            .On("a.counted", async (services, e, ct) => await Note(log, $"count {(int?)(await services.GetRequiredService<IDocuments>().FindAsync("count", ct))?.Value}"))));

        foreach (var key in (string[])["1", "2", "3"])
            await node.PublishAsync("x.y", key);
        await node.LogsAsync(3);

        Assert.Equal(["1", "2", "3"], node.Log.Order());
        Assert.Equal(3, (await node.History.ReadAsync(new EventQuery { Pattern = "a.done" }, CancellationToken.None)).Events.Length);
        await node.PublishAsync("a.counted");
        await node.LogsAsync(4);
        Assert.Equal("count 3", node.Log.Last());
    }

    [Fact]
    public async Task A_replay_reaches_its_group_alone_and_purged_events_are_gone()
    {
        var node = await StartAsync(("a", (p, log) => p.On("x.y", (e, _) => Note(log, $"a {e.Message.Key}"))), ("b", (p, log) => p.On("x.y", (e, _) => Note(log, $"b {e.Message.Key}"))));
        EventMessage At(int day) => new() { Name = "x.y", Key = $"{day}", OccurredAt = new DateTimeOffset(2026, 1, day, 0, 0, 0, TimeSpan.Zero) };
        var ids = await node.Events.PublishAsync([At(1), At(2), At(3)]);
        await node.LogsAsync(6);
        foreach (var id in ids)
            await node.StateAsync(id, "a/x.y", DeliveryState.Done);

        var second = new EventReplay("a/x.y", From: At(2).OccurredAt, To: At(3).OccurredAt);
        Assert.Equal(1, await node.History.ReplayAsync(second with { DryRun = true }, CancellationToken.None));
        Assert.Equal(1, await node.History.ReplayAsync(second, CancellationToken.None));
        await node.LogsAsync(7);
        foreach (var group in (string[])["a/x.y", "b/x.y"])
            await node.StateAsync(ids[1], group, DeliveryState.Done);

        Assert.Equal("a 2", node.Log.Last());
        Assert.Equal(2, await node.History.PurgeAsync(new EventPurge(At(3).OccurredAt), CancellationToken.None));
        Assert.Equal(["3"], (await node.History.ReadAsync(new EventQuery { Pattern = "x.y" }, CancellationToken.None)).Events.Select(e => e.Message.Key));
    }

    [Fact]
    public async Task A_batch_handler_gets_those_that_wait_up_to_its_size_and_one_that_cannot_be_handled_harms_no_other()
    {
        var gate = new TaskCompletionSource();
        var sizes = new ConcurrentQueue<int>();
        var node = await StartAsync(("a", (p, _) => p.OnBatch("x.y", 10, async (services, batch, ct) =>
        {
            sizes.Enqueue(batch.Length);
            if (batch[0].Message.Key == "first")
                await gate.Task;
            foreach (var one in batch)
                await services.GetRequiredService<IEvents>().PublishAsync(new EventMessage { Name = "a.done", Key = one.Message.Key }, cancellationToken: ct);
            if (batch.Any(b => b.Message.Key == "k7"))
                throw new InvalidOperationException("k7 is bad");
        }, s => s with { MaxAttempts = 2, RetryDelay = Short })));

        await node.PublishAsync("x.y", "first");
        await EventNode.UntilAsync(() => ValueTask.FromResult(!sizes.IsEmpty), "the first is at work");
        var ids = await node.Events.PublishAsync([.. Enumerable.Range(0, 25).Select(i => new EventMessage { Name = "x.y", Key = $"k{i}" })]);
        await EventNode.UntilAsync(() => ValueTask.FromResult(node.History.GetSubscribers().Single(s => s.Group == "a/x.y").Waiting == 26), "the others wait");
        gate.SetResult();
        for (var i = 0; i < ids.Length; i++)
            await node.StateAsync(ids[i], "a/x.y", i == 7 ? DeliveryState.Dead : DeliveryState.Done);

        Assert.Equal(10, sizes.Max());
        var done = (await node.History.ReadAsync(new EventQuery { Pattern = "a.done", Limit = 1000 }, CancellationToken.None)).Events.Select(e => e.Message.Key).ToList();
        Assert.Equal(["first", .. Enumerable.Range(0, 25).Where(i => i != 7).Select(i => $"k{i}")], done.Order(Comparer<string?>.Create((a, b) => Number(a).CompareTo(Number(b)))));

        static int Number(string? key) => key == "first" ? -1 : int.Parse(key![1..], System.Globalization.CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task An_event_that_expired_while_it_waited_is_not_handled()
    {
        var gate = new TaskCompletionSource();
        var node = await StartAsync(("a", (p, log) => p.On("x.y", async (e, _) =>
        {
            if (e.Message.Key == "first")
                await gate.Task;
            await Note(log, e.Message.Key!);
        })));

        await node.PublishAsync("x.y", "first");
        var late = await node.PublishAsync("x.y", "late", expires: TimeProvider.System.GetUtcNow().AddMilliseconds(300));
        await Task.Delay(400);
        gate.SetResult();
        await node.StateAsync(late, "a/x.y", DeliveryState.Expired);

        Assert.Equal(["first"], node.Log);
    }

    [Fact]
    public async Task A_single_event_does_not_wait_for_others()
    {
        var node = await StartAsync(("a", (p, log) => p.On("x.y", (e, _) => Note(log, e.Message.Key!))));
        await node.PublishAsync("x.y", "warm");
        await node.LogsAsync(1);
        // The fastest of a few rounds: the machine may stall in one.
        var (median, count) = (double.MaxValue, 1);
        for (var round = 0; round < 5 && median >= 250; round++)
        {
            var waits = new List<double>();
            for (var i = 0; i < 20; i++)
            {
                var clock = System.Diagnostics.Stopwatch.StartNew();
                await node.PublishAsync("x.y", $"{i}");
                await node.LogsAsync(++count);
                waits.Add(clock.Elapsed.TotalMilliseconds);
            }

            median = waits.Order().ElementAt(10);
        }

        Assert.True(median < 250, $"half of the events took {median:0} ms or more");
    }
}
