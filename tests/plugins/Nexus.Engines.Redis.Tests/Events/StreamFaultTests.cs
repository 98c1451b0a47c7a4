using Nexus.Conformance.Events;
using Nexus.Engines.PostgreSql.Tests;
using Nexus.Testing;

namespace Nexus.Engines.Redis.Tests.Events;

/// <summary>What becomes of events when Redis fails. The database has them all.</summary>
public sealed class StreamFaultTests
{
    private const int Count = 1200;

    [Theory]
    [InlineData("emptied")]
    [InlineData("killed")]
    public async Task Redis_emptied_or_killed_under_load_loses_nothing_and_has_no_effect_happen_twice(string fault)
    {
        await using var server = await RedisServer.StartAsync();
        await using var node = await EventNode.StartAsync(options => Sqlite(options, server), EffectLoad.Plugin);
        await node.ConnectedAsync();
        PluginHealth? said = null;

        await EffectLoad.PublishAsync(Count, async () =>
        {
            if (fault == "emptied")
            {
                await server.CommandAsync("FLUSHALL");
                return;
            }

            await server.KillAsync();
            await EventNode.UntilAsync(async () => (said = await node.HealthAsync()).Status == HealthLevel.Degraded, "health says so");
            await server.StartAgainAsync();
        }, node);
        await EffectLoad.OnceEachAsync(node, Count);
        await node.ConnectedAsync();

        Assert.Equal(fault == "killed", said is not null);
    }

    [Fact]
    public async Task What_a_node_had_taken_when_it_died_is_taken_up_by_another_by_a_later_number()
    {
        await using var server = await RedisServer.StartAsync();
        var transport = new CountedTransport(() => new RedisPlugin());
        await using var node = await EventNode.StartAsync(options => Sqlite(options, server, transport, "5m"), EffectLoad.Plugin);
        await node.ConnectedAsync();
        await EffectLoad.PublishAsync(20, () => Task.CompletedTask, node);
        await EffectLoad.OnceEachAsync(node, 20);

        var stolen = "";
        for (var n = 100; n < 400 && stolen.Length == 0; n++)
        {
            // Another reader of the group, that never shows life.
            var steal = server.CommandAsync("XREADGROUP", "GROUP", "nexus", "dead", "COUNT", "10", "BLOCK", "500", "STREAMS", await KeyAsync(server), ">");
            await node.Events.PublishAsync(new EventMessage { Name = "load.asked", Headers = System.Collections.Immutable.ImmutableDictionary<string, string>.Empty.Add("n", $"{n}") });
            stolen = (await steal).Contains("event", StringComparison.Ordinal) ? $"{n}" : "";
        }

        await EventNode.UntilAsync(() => ValueTask.FromResult(node.Log.Contains(stolen)), $"the stolen {stolen} is handled");
        await EffectLoad.OnceEachAsync(node, node.Log.Distinct().Count());
    }

    [Fact]
    public async Task What_was_read_for_a_living_node_whose_connection_broke_before_the_answer_is_taken_up_by_it_again()
    {
        await using var server = await RedisServer.StartAsync();
        await using var node = await EventNode.StartAsync(options => Sqlite(options, server, lease: "5m"), EffectLoad.Plugin);
        await node.ConnectedAsync();
        await EffectLoad.PublishAsync(20, () => Task.CompletedTask, node);
        await EffectLoad.OnceEachAsync(node, 20);
        var key = await KeyAsync(server);
        var reader = (await server.CommandAsync("--raw", "XINFO", "CONSUMERS", key, "nexus")).Split('\n')[1];

        var stolen = "";
        for (var n = 100; n < 400 && stolen.Length == 0; n++)
        {
            // The same reader, as Redis sees it: the node itself never gets this answer.
            var steal = server.CommandAsync("XREADGROUP", "GROUP", "nexus", reader, "COUNT", "10", "BLOCK", "500", "STREAMS", key, ">");
            await node.Events.PublishAsync(new EventMessage { Name = "load.asked", Headers = System.Collections.Immutable.ImmutableDictionary<string, string>.Empty.Add("n", $"{n}") });
            stolen = (await steal).Contains("event", StringComparison.Ordinal) ? $"{n}" : "";
        }

        await EventNode.UntilAsync(() => ValueTask.FromResult(node.Log.Contains(stolen)), $"the stolen {stolen} is handled");
        await EffectLoad.OnceEachAsync(node, node.Log.Distinct().Count());
        await EventNode.UntilAsync(async () => await server.CommandAsync("--raw", "XLEN", key) == "0", "the stream is empty");
    }

    [Fact]
    public async Task Two_nodes_on_one_database_and_one_redis_share_the_work_and_handle_each_event_once()
    {
        await using var server = await RedisServer.StartAsync();
        var database = await PostgreSqlServer.DatabaseAsync();
        void Configure(PluginTestOptions options)
        {
            options.UsePostgreSql(database);
            options.UseRedis(server);
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
    public async Task A_cluster_of_three_carries_deliveries_each_group_on_the_server_of_its_slot()
    {
        await using var cluster = await RedisCluster.StartAsync();
        var transport = new CountedTransport(() => new RedisPlugin());
        await using var node = await EventNode.StartAsync(options => Sqlite(options, cluster.Nodes[0], transport), EffectLoad.Plugin, ("second", (p, log) => p.On("load.*", (e, _) =>
        {
            log.Enqueue($"second {e.Message.Name}");
            return Task.CompletedTask;
        })), ("third", (p, log) => p.On("*.done", (e, _) =>
        {
            log.Enqueue($"third {e.Message.Name}");
            return Task.CompletedTask;
        })));
        await node.ConnectedAsync();

        await EffectLoad.PublishAsync(100, () => Task.CompletedTask, node);
        await EffectLoad.OnceEachAsync(node, 100);
        await node.LogsAsync(400);

        Assert.InRange(node.Log.Count, 400, 440);
        Assert.True(transport.HandedOut >= 400, $"the cluster handed out {transport.HandedOut}");
    }

    [Fact]
    public async Task What_cannot_be_read_is_put_aside_and_acknowledged_messages_leave_nothing_behind()
    {
        await using var server = await RedisServer.StartAsync();
        await using var node = await EventNode.StartAsync(options => Sqlite(options, server), EffectLoad.Plugin);
        await node.ConnectedAsync();
        await EffectLoad.PublishAsync(20, () => Task.CompletedTask, node);
        var key = await KeyAsync(server);

        await server.CommandAsync("XADD", key, "*", "event", "not json");
        await EffectLoad.PublishAsync(20, () => Task.CompletedTask, node);
        await EventNode.UntilAsync(async () => await server.CommandAsync("--raw", "XLEN", "nexus:events:stream:dead:letters") == "1", "it is put aside");

        await EventNode.UntilAsync(() => ValueTask.FromResult(node.Log.Count >= 40), "the others are handled");
        await EventNode.UntilAsync(async () => await server.CommandAsync("--raw", "XLEN", key) == "0", "the stream is empty");
    }

    private static async Task<string> KeyAsync(RedisServer server) => (await server.CommandAsync("--raw", "--scan", "--pattern", "nexus:events:stream:*asked*normal")).Trim();

    private static void Sqlite(PluginTestOptions options, RedisServer server, CountedTransport? transport = null, string lease = "3s")
    {
        options.Settings["database:type"] = "sqlite";
        options.Settings["events:lease"] = lease;
        options.UseRedis(server, transport is null ? null : () => transport);
    }
}
