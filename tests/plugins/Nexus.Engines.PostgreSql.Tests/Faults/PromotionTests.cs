using System.Collections.Concurrent;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Tests.Faults;

public sealed class PromotionTests
{
    [Fact]
    public async Task Nothing_acknowledged_is_lost_when_the_primary_dies_and_a_standby_takes_over_and_the_node_follows_by_itself()
    {
        await using var primary = await PostgreSqlServer.StartAsync();
        var database = new NpgsqlConnectionStringBuilder(await primary.MakeDatabaseAsync());
        await using var standby = await PostgreSqlServer.StandbyOfAsync(primary);
        // A commit is acknowledged when the standby has it too: without that a promotion may lose the last ones.
        await primary.RunSqlAsync("ALTER SYSTEM SET synchronous_standby_names='*'");
        await primary.RunSqlAsync("SELECT pg_reload_conf()");
        await UntilAsync(async () => (long)(await primary.RunSqlAsync("SELECT count(*) FROM pg_stat_replication WHERE sync_state='sync'"))! == 1, "the standby never followed");
        database.Host = $"127.0.0.1:{primary.Port},127.0.0.1:{standby.Port}";
        await using var set = await Opened.OpenAsync(database.ConnectionString, null, ("readReplicas", "true"));
        await set.Events.DeclareAsync("crm", [new EventGroup("g", "*", 0)], CancellationToken.None);
        var acknowledged = new ConcurrentQueue<string>();
        var failures = new ConcurrentQueue<Exception>();
        using var stop = new CancellationTokenSource();
        var writing = Writers.RunAsync(set, "r", acknowledged.Enqueue, failures.Enqueue, stop.Token);

        await MoreAsync(acknowledged);
        await primary.KillAsync();
        Assert.Equal(HealthLevel.Unhealthy, (await set.CheckHealth(CancellationToken.None)).Status);
        await standby.PromoteAsync();
        await standby.RunSqlAsync("ALTER SYSTEM RESET synchronous_standby_names");
        await standby.RunSqlAsync("SELECT pg_reload_conf()");
        await MoreAsync(acknowledged);
        await stop.CancelAsync();
        await writing.WaitAsync(TimeSpan.FromSeconds(120), TestContext.Current.CancellationToken);

        Assert.All(failures, f => Assert.Equal(ErrorCodes.StorageUnavailable, Assert.IsType<NexusException>(f).Code));
        Assert.NotEmpty(failures);
        Assert.Equal(HealthLevel.Healthy, (await set.CheckHealth(CancellationToken.None)).Status);
        await Writers.CheckAsync(set, acknowledged);
        Assert.Equal(10, (await set.Events.ClaimAsync(new DeliveryClaim(["g"], 10, TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(60)), CancellationToken.None)).Length);
    }

    private static Task MoreAsync(ConcurrentQueue<string> acknowledged)
    {
        var goal = acknowledged.Count + 200;
        return UntilAsync(() => Task.FromResult(acknowledged.Count >= goal), "the writers stand still");
    }

    private static async Task UntilAsync(Func<Task<bool>> isSo, string otherwise)
    {
        for (var i = 0; !await isSo(); i++)
        {
            Assert.True(i < 6000, otherwise);
            await Task.Delay(20);
        }
    }
}
