using System.Text;
using Nexus.Conformance.Events;
using Nexus.Engines.PostgreSql.Tests;
using Nexus.Testing;
using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;

namespace Nexus.Engines.RabbitMq.Tests.Faults;

/// <summary>What becomes of events when the broker fails. The database has them all.</summary>
public sealed class BrokerTests
{
    private const int Count = 1200;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_broker_killed_under_load_and_started_again_with_or_without_its_data_loses_nothing_and_has_no_effect_happen_twice(bool emptied)
    {
        await using var broker = await RabbitMqServer.StartAsync();
        await using var node = await EventNode.StartAsync(options => Sqlite(options, broker), EffectLoad.Plugin);
        await node.ConnectedAsync();
        PluginHealth? said = null;

        await EffectLoad.PublishAsync(Count, async () =>
        {
            await broker.KillAsync();
            await EventNode.UntilAsync(async () => (said = await node.HealthAsync()).Status == HealthLevel.Degraded, "health says so");
            if (emptied)
                broker.Empty();
            await broker.StartAgainAsync();
        }, node);
        await EffectLoad.OnceEachAsync(node, Count);
        await node.ConnectedAsync();

        Assert.Contains("RabbitMQ at 127.0.0.1", said!.Detail, StringComparison.Ordinal);
        Assert.Contains("from the database", said.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_broker_events_are_delivered_from_the_database_and_through_it_once_it_is_there()
    {
        await using var broker = await RabbitMqServer.StartAsync();
        await broker.KillAsync();
        var transport = new CountedTransport(() => new RabbitMqPlugin());
        await using var node = await EventNode.StartAsync(options => Sqlite(options, broker, transport), EffectLoad.Plugin);

        await EffectLoad.PublishAsync(60, () => Task.CompletedTask, node);
        await EffectLoad.OnceEachAsync(node, 60);
        Assert.Equal(0, transport.HandedOut);
        await broker.StartAgainAsync();
        await node.ConnectedAsync();

        await EventNode.UntilAsync(async () =>
        {
            await node.PublishAsync("load.asked.again");
            await node.Events.PublishAsync(new EventMessage { Name = "load.asked", Headers = System.Collections.Immutable.ImmutableDictionary<string, string>.Empty.Add("n", Guid.NewGuid().ToString()) });
            return transport.HandedOut > 0;
        }, "the broker carries again");
    }

    [Fact]
    public async Task Two_nodes_on_one_database_and_one_broker_share_the_work_and_handle_each_event_once()
    {
        var broker = await RabbitMqServer.SharedAsync();
        var database = await PostgreSqlServer.DatabaseAsync();
        var prefix = $"t{Guid.NewGuid():n}";
        void Configure(PluginTestOptions options)
        {
            options.UsePostgreSql(database);
            options.UseRabbitMq(broker, prefix: prefix);
        }

        await using var one = await EventNode.StartAsync(Configure, EffectLoad.Plugin);
        await using var two = await EventNode.StartAsync(Configure, EffectLoad.Plugin);
        await one.ConnectedAsync();
        await two.ConnectedAsync();

        await EffectLoad.PublishAsync(Count, () => Task.CompletedTask, one, two);
        await EffectLoad.OnceEachAsync(one, Count);

        EffectLoad.Shared(Count, one, two);
    }

    [Fact]
    public async Task Tasks_that_wait_at_a_worker_without_room_are_another_ones_to_run()
    {
        var broker = await RabbitMqServer.SharedAsync();
        var database = await PostgreSqlServer.DatabaseAsync();
        var prefix = $"t{Guid.NewGuid():n}";
        using var gate = new SemaphoreSlim(0);
        Task<EventNode> StartAsync(bool isHeld) => EventNode.StartAsync(
            options =>
            {
                options.UsePostgreSql(database);
                options.UseRabbitMq(broker, prefix: prefix);
                options.Settings["tasks:transport"] = "rabbitmq";
                options.Settings["tasks:concurrency"] = "1";
                // No reservation ends meanwhile: what one node keeps comes to another because it is let go.
                options.Settings["tasks:lease"] = "10m";
            },
            ("jobs", (p, log) => p.AddTask("note", async (c, ct) =>
            {
                if (isHeld) await gate.WaitAsync(ct);
                log.Enqueue(Encoding.UTF8.GetString(c.Input.Span));
            })));
        await using var busy = await StartAsync(isHeld: true);
        await busy.ConnectedAsync("tasks");
        var tasks = busy.Services.GetRequiredService<ITasks>();
        await tasks.EnqueueAsync([.. Enumerable.Range(0, 6).Select(n => new NewTask("jobs.note") { Input = Encoding.UTF8.GetBytes($"{n}") })]);
        await EventNode.UntilAsync(async () => (await tasks.ListAsync(new TaskQuery { State = TaskState.Started })).Length == 1, "one runs");

        await using var free = await StartAsync(isHeld: false);
        await free.LogsAsync(5);
        gate.Release(6);
        await busy.LogsAsync(1);

        Assert.Equal(["0", "1", "2", "3", "4", "5"], free.Log.Concat(busy.Log).Order());
        Assert.Single(busy.Log);
    }

    [Fact]
    public async Task What_cannot_be_read_goes_to_the_queue_of_dead_letters_and_holds_up_nothing()
    {
        var broker = await RabbitMqServer.SharedAsync();
        var prefix = $"t{Guid.NewGuid():n}";
        await using var node = await EventNode.StartAsync(options =>
        {
            options.Settings["database:type"] = "sqlite";
            options.UseRabbitMq(broker, prefix: prefix);
        }, EffectLoad.Plugin);
        await node.ConnectedAsync();
        await using var connection = await new ConnectionFactory { Uri = new Uri(broker.Address) }.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();

        await EffectLoad.PublishAsync(20, () => Task.CompletedTask, node);
        foreach (var text in (string[])["not json", "{}", """{"v":99}"""])
            await channel.BasicPublishAsync("", $"{prefix}.events/load/load.asked", mandatory: true, new BasicProperties(), Encoding.UTF8.GetBytes(text), CancellationToken.None);
        await EffectLoad.PublishAsync(20, () => Task.CompletedTask, node);
        await EventNode.UntilAsync(async () => await channel.MessageCountAsync($"{prefix}.events.dead") == 3, "three are put aside");

        await EventNode.UntilAsync(() => ValueTask.FromResult(node.Log.Count >= 40), "the others are handled");
        Assert.Equal("not json", Encoding.UTF8.GetString((await channel.BasicGetAsync($"{prefix}.events.dead", autoAck: true))!.Body.Span));
    }

    [Fact]
    public async Task Messages_of_a_connection_that_broke_are_taken_up_by_a_later_number()
    {
        var broker = await RabbitMqServer.SharedAsync();
        var prefix = $"t{Guid.NewGuid():n}";
        var group = $"{prefix}.events/load/load.asked";
        await using var connection = await new ConnectionFactory { Uri = new Uri(broker.Address) }.CreateConnectionAsync();
        await using var node = await EventNode.StartAsync(options =>
        {
            options.Settings["database:type"] = "sqlite";
            options.UseRabbitMq(broker, prefix: prefix);
        }, EffectLoad.Plugin);
        await node.ConnectedAsync();
        await EffectLoad.PublishAsync(20, () => Task.CompletedTask, node);
        await EffectLoad.OnceEachAsync(node, 20);

        // Another node that takes what is sent to the group, and dies with it.
        var dies = await connection.CreateChannelAsync();
        var taken = new TaskCompletionSource();
        var consumer = new RabbitMQ.Client.Events.AsyncEventingBasicConsumer(dies);
        consumer.ReceivedAsync += (_, _) =>
        {
            taken.TrySetResult();
            return Task.CompletedTask;
        };
        await dies.BasicConsumeAsync(group, autoAck: false, consumer);
        await node.Events.PublishAsync([.. Enumerable.Range(100, 40).Select(n => new EventMessage { Name = "load.asked", Headers = System.Collections.Immutable.ImmutableDictionary<string, string>.Empty.Add("n", $"{n}") })]);
        await taken.Task.WaitAsync(TimeSpan.FromSeconds(60));
        await dies.CloseAsync();

        await EffectLoad.OnceEachAsync(node, 60);
    }

    private static void Sqlite(PluginTestOptions options, RabbitMqServer broker, CountedTransport? transport = null)
    {
        options.Settings["database:type"] = "sqlite";
        options.Settings["events:lease"] = "3s";
        options.UseRabbitMq(broker, transport is null ? null : () => transport);
    }
}
