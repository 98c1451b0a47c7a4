using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Conformance.Events;
using Nexus.Conformance.Tasks;
using Nexus.Engines.PostgreSql.Tests;
using Nexus.Testing;

namespace Nexus.Engines.Redis.Tests.Events;

public sealed class Redis_streams_over_sqlite_carry_tasks : TaskDeliveryConformance
{
    private readonly CountedTransport transport = new(() => new RedisPlugin());
    private RedisServer server = null!;

    protected override CountedTransport? Transport => transport;

    public override async ValueTask InitializeAsync() => server = await RedisServer.StartAsync();

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await server.DisposeAsync();
    }

    protected override void Configure(PluginTestOptions options)
    {
        options.Settings["database:type"] = "sqlite";
        options.UseRedis(server, () => transport);
        options.Settings["tasks:transport"] = "redis";
    }
}

/// <summary>Tasks that wait in Redis, and what becomes of them when nodes or Redis end.</summary>
public sealed class RedisTaskTests
{
    private const int Count = 200;

    [Theory]
    [InlineData("a restart of the node")]
    [InlineData("an emptied Redis")]
    [InlineData("a killed Redis")]
    public async Task Tasks_that_wait_in_Redis_are_each_run_once_after(string what)
    {
        await using var server = await RedisServer.StartAsync();
        var database = await PostgreSqlServer.DatabaseAsync();
        await using (var asking = await StartAsync(server, database, isWorker: false))
        {
            await asking.Services.GetRequiredService<ITasks>().EnqueueAsync([.. Enumerable.Range(0, Count).Select(n => new NewTask("jobs.note") { Input = Encoding.UTF8.GetBytes($"{n}"), MaxRetries = 0 })]);
            await EventNode.UntilAsync(async () => await WaitingAsync(server) == Count, "all wait in Redis");
        }

        if (what == "an emptied Redis")
            await server.CommandAsync("FLUSHALL");
        if (what == "a killed Redis")
            await server.KillAsync();
        await using var working = await StartAsync(server, database, isWorker: true);
        if (what == "a killed Redis")
        {
            await EventNode.UntilAsync(async () => (await working.HealthAsync("tasks")) is { Status: HealthLevel.Degraded } said && said.Detail!.Contains("Tasks are taken from the database", StringComparison.Ordinal), "health says so");
            await working.LogsAsync(Count / 2);
            await server.StartAgainAsync();
        }

        await working.LogsAsync(Count);
        var tasks = working.Services.GetRequiredService<ITasks>();
        await EventNode.UntilAsync(async () => (await tasks.ListAsync(new TaskQuery { State = TaskState.Success, Limit = 1000 })).Length == Count, "all are done");

        Assert.Equal(Enumerable.Range(0, Count).Select(n => $"{n}").Order(), working.Log.Order());
        Assert.All(await tasks.ListAsync(new TaskQuery { Limit = 1000 }), t => Assert.Equal(1, t.Attempt));
    }

    [Fact]
    public async Task What_Redis_did_not_take_is_given_back_and_run_from_the_database_at_once()
    {
        await using var server = await RedisServer.StartAsync();
        var database = await PostgreSqlServer.DatabaseAsync();
        await using var node = await StartAsync(server, database, isWorker: true, lease: "10m");
        await node.ConnectedAsync("tasks");

        await server.KillAsync();
        await node.Services.GetRequiredService<ITasks>().EnqueueAsync([.. Enumerable.Range(0, 50).Select(n => new NewTask("jobs.note") { Input = Encoding.UTF8.GetBytes($"{n}"), MaxRetries = 0 })]);
        await node.LogsAsync(50);

        Assert.Equal(50, node.Log.Distinct().Count());
    }

    private static async Task<long> WaitingAsync(RedisServer server)
    {
        var waiting = 0L;
        foreach (var key in (await server.CommandAsync("--raw", "--scan", "--pattern", "nexus:tasks:stream:*")).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            waiting += long.Parse(await server.CommandAsync("--raw", "XLEN", key.Trim()), System.Globalization.CultureInfo.InvariantCulture);
        return waiting;
    }

    private static async Task<EventNode> StartAsync(RedisServer server, string database, bool isWorker, string lease = "5s") => await EventNode.StartAsync(
        options =>
        {
            options.UsePostgreSql(database);
            options.UseRedis(server);
            options.Settings["tasks:transport"] = "redis";
            options.Settings["tasks:worker"] = isWorker ? "true" : "false";
            // A reservation that Redis lost ends with it.
            options.Settings["tasks:lease"] = lease;
        },
        ("jobs", (p, log) => p.AddTask("note", (c, _) =>
        {
            log.Enqueue(Encoding.UTF8.GetString(c.Input.Span));
            return Task.CompletedTask;
        })));
}
