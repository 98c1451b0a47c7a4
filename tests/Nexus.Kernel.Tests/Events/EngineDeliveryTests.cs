using System.Collections.Immutable;
using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Kernel.Tests.Events;

/// <summary>Delivery over the engines that ship.</summary>
public sealed class EngineDeliveryTests : IDisposable
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(20);
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-events-").FullName;

    public static TheoryData<string> Engines => ["memory", "sqlite"];

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory, MemberData(nameof(Engines))]
    public async Task Every_group_gets_its_events_in_order_and_failures_are_retried_then_dead(string engine)
    {
        await using var node = await EngineNode.StartAsync(engine, folder, n =>
        {
            n.Plugins.Start("good", p => p.On("orders.*", (e, _) => Write(n, e.Message.Key!), s => s with { RetryDelay = Short }));
            n.Plugins.Start("bad", p => p.On("*.created", (_, _) => throw new InvalidOperationException("broken"), s => s with { RetryDelay = Short, MaxAttempts = 3 }));
        });

        var ids = await node.Events.PublishAsync([.. Enumerable.Range(0, 50).Select(i => new EventMessage { Name = "orders.created", Key = $"{i:00}" })]);
        await EventHost.Until(() => node.Log.Count == 50);
        foreach (var id in ids)
            await node.StateBecomes(id, "bad/*.created", DeliveryState.Dead);

        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"{i:00}"), node.Log);
        var total = node.EventLog.GetStatistics().ByName["orders.created"];
        Assert.Equal((50, 50, 150, 100, 50), (total.Published, total.Delivered, total.Failed, total.Retried, total.Dead));
        Assert.Equal("InvalidOperationException: broken", (await node.EventLog.DeliveriesAsync(new DeliveryQuery(ids[0], DeliveryState.Dead), default))[0].LastError);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Several_nodes_on_one_store_handle_each_delivery_once(string engine)
    {
        await using var one = await EngineNode.StartAsync(engine, folder, Configure);
        await using var two = await EngineNode.StartAsync(engine, folder, Configure, one.Storage);
        static void Configure(EngineNode n) => n.Plugins.Start("a", p => p.On("x.y", (e, _) => Write(n, e.Message.Id.ToString())));

        var ids = await one.Events.PublishAsync([.. Enumerable.Range(0, 300).Select(i => new EventMessage { Name = "x.y", Key = $"{i % 9}" })]);
        await EventHost.Until(() => one.Log.Count + two.Log.Count >= 300);

        Assert.Equal(ids.Select(i => i.ToString()).Order(), one.Log.Concat(two.Log).Order());
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task What_a_handler_publishes_is_stored_with_its_delivery_being_done_or_not_at_all(string engine)
    {
        await using var node = await EngineNode.StartAsync(engine, folder, n => n.Plugins.Start("a", p => p.On("x.y", async (e, _) =>
        {
            Assert.True(n.Services.GetRequiredService<IUnitsOfWork>().TryPublish("a", [new EventMessage { Name = "a.done", Tenant = e.Message.Tenant }]));
            await Write(n, $"try {e.Attempt}");
            if (e.Attempt < 3)
                throw new InvalidOperationException("after publishing");
        }, s => s with { RetryDelay = Short })));

        var id = await node.Events.PublishAsync(new EventMessage { Name = "x.y" });
        await node.StateBecomes(id, "a/x.y", DeliveryState.Done);

        Assert.Single((await node.EventLog.ReadAsync(new EventQuery { Pattern = "a.done" }, default)).Events);
        Assert.Equal(["try 1", "try 2", "try 3"], node.Log);
        await EventHost.Until(() => node.EventLog.GetStatistics().Total is { Delivered: 1, Failed: 2 });
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_handler_that_commits_with_its_settlement_has_its_effect_once(string engine)
    {
        await using var node = await EngineNode.StartAsync(engine, folder, n => n.Plugins.Start("a", p => p.On("x.y", async (e, ct) =>
        {
            var record = new StoredRecord { Id = "effect", Revision = e.Attempt, Json = "{}"u8.ToArray() };
            await n.Storage.Records.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = new RecordKey("default", "documents", "effect"), Record = record }], Settlements = [e.Settlement!] }, ct);
            await Write(n, "effect");
            throw new InvalidOperationException("failed after its commit");
        }, s => s with { RetryDelay = Short })));

        var id = await node.Events.PublishAsync(new EventMessage { Name = "x.y" });
        await node.StateBecomes(id, "a/x.y", DeliveryState.Done);
        await EventHost.Until(() => node.EventLog.GetStatistics().Total.Failed == 1);
        var later = await node.Events.PublishAsync(new EventMessage { Name = "x.y" });
        await node.StateBecomes(later, "a/x.y", DeliveryState.Done);
        await EventHost.Until(() => node.EventLog.GetStatistics().Total.Failed == 2);

        Assert.Equal(["effect", "effect"], node.Log);
    }

    [Fact]
    public async Task Events_that_were_waiting_at_the_end_of_a_process_are_delivered_by_the_next()
    {
        ImmutableArray<Guid> ids;
        await using (var first = await EngineNode.StartAsync("sqlite", folder, n => n.Plugins.Start("a", p => p.On("x.y", (e, _) => Write(n, e.Message.Key!)))))
        {
            first.Plugins.Stop("a");
            ids = await first.Events.PublishAsync([.. Enumerable.Range(0, 10).Select(i => new EventMessage { Name = "x.y", Key = $"{i}", OccurredAt = new DateTimeOffset(2026, 1, 1 + i, 0, 0, 0, TimeSpan.Zero) })]);
            Assert.Empty(first.Log);
        }

        await using var second = await EngineNode.StartAsync("sqlite", folder, n => n.Plugins.Start("a", p => p.On("x.y", (e, _) => Write(n, e.Message.Key!))));
        await EventHost.Until(() => second.Log.Count == 10);
        Assert.Equal(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], second.Log);
        Assert.Equal(ids, (await second.EventLog.ReadAsync(new EventQuery(), default)).Events.Select(e => e.Message.Id));

        await second.StateBecomes(ids[9], "a/x.y", DeliveryState.Done);
        var day = new EventReplay("a/x.y", From: new DateTimeOffset(2026, 1, 3, 0, 0, 0, TimeSpan.Zero), To: new DateTimeOffset(2026, 1, 4, 0, 0, 0, TimeSpan.Zero));
        Assert.Equal(1, await second.EventLog.ReplayAsync(day with { DryRun = true }, default));
        Assert.Equal(1, await second.EventLog.ReplayAsync(day, default));
        await EventHost.Until(() => second.Log.Count == 11);
        Assert.Equal("2", second.Log.Last());
        await second.StateBecomes(ids[2], "a/x.y", DeliveryState.Done);
        var old = new EventPurge(new DateTimeOffset(2026, 1, 6, 0, 0, 0, TimeSpan.Zero));
        Assert.Equal(5, await second.EventLog.PurgeAsync(old with { DryRun = true }, default));
        Assert.Equal(5, await second.EventLog.PurgeAsync(old, default));
        Assert.Equal(5, (await second.EventLog.ReadAsync(new EventQuery(), default)).Events.Length);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_generation_that_drains_hands_its_events_back_without_losing_a_try(string engine)
    {
        FakeGeneration? first = null;
        await using var node = await EngineNode.StartAsync(engine, folder, n => first = n.Plugins.Start("a", p => p.On("x.y", async (_, ct) =>
        {
            await Write(n, "old");
            await Task.Delay(Timeout.Infinite, ct);
        })));

        var id = await node.Events.PublishAsync(new EventMessage { Name = "x.y" });
        await EventHost.Until(() => node.Log.Count == 1);
        node.Plugins.Start("a", p => p.On("x.y", (e, _) => Write(node, $"new try {e.Attempt}")));
        first!.Abort();
        await node.StateBecomes(id, "a/x.y", DeliveryState.Done);

        Assert.Equal(["old", "new try 1"], node.Log);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Throughput_and_latency_are_told(string engine)
    {
        const int count = 2000;
        await using var node = await EngineNode.StartAsync(engine, folder, n => n.Plugins.Start("a", p => p.On("x.y", (_, _) => Write(n, ""))));

        var start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, 32).Select(async _ =>
        {
            for (var i = 0; i < count / 32; i++)
                await node.Events.PublishAsync(new EventMessage { Name = "x.y" });
        }));
        var published = Stopwatch.GetElapsedTime(start);
        await EventHost.Until(() => node.Log.Count >= count / 32 * 32);
        var delivered = Stopwatch.GetElapsedTime(start);
        var one = Stopwatch.GetTimestamp();
        await node.Events.PublishAsync(new EventMessage { Name = "x.y" });
        await EventHost.Until(() => node.Log.Count >= (count / 32 * 32) + 1);

        TestContext.Current.TestOutputHelper?.WriteLine($"{engine}: {count / published.TotalSeconds:F0} durable publishes/s from 32 callers, {count / delivered.TotalSeconds:F0} delivered/s, one event from publish to handler {Stopwatch.GetElapsedTime(one).TotalMilliseconds:F1} ms");
    }

    private static Task Write(EngineNode node, string line)
    {
        node.Log.Enqueue(line);
        return Task.CompletedTask;
    }
}
