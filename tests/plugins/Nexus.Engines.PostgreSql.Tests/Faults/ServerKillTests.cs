using System.Collections.Concurrent;

namespace Nexus.Engines.PostgreSql.Tests.Faults;

public sealed class ServerKillTests
{
    [Fact]
    public async Task Nothing_acknowledged_is_lost_when_the_server_is_killed_under_load_and_the_node_recovers_by_itself()
    {
        await using var server = await PostgreSqlServer.StartAsync();
        await using var set = await Opened.OpenAsync(await server.MakeDatabaseAsync());
        await set.Events.DeclareAsync("crm", [new EventGroup("g", "*", 0)], CancellationToken.None);
        var acknowledged = new ConcurrentQueue<string>();
        var failures = new ConcurrentQueue<Exception>();
        using var stop = new CancellationTokenSource();
        var writing = Writers.RunAsync(set, "r", acknowledged.Enqueue, failures.Enqueue, stop.Token);

        for (var round = 0; round < 3; round++)
        {
            await UntilAsync(acknowledged, acknowledged.Count + 200);
            await server.KillAsync();
            var ill = await set.CheckHealth(CancellationToken.None);
            Assert.Equal(HealthLevel.Unhealthy, ill.Status);
            Assert.Contains($"127.0.0.1:{server.Port}", ill.Detail, StringComparison.Ordinal);
            await server.StartAgainAsync();
            await UntilAsync(acknowledged, acknowledged.Count + 200);
            Assert.Equal(HealthLevel.Healthy, (await set.CheckHealth(CancellationToken.None)).Status);
        }

        await stop.CancelAsync();
        await writing.WaitAsync(TimeSpan.FromSeconds(120));

        Assert.All(failures, f => Assert.Equal(ErrorCodes.StorageUnavailable, Assert.IsType<NexusException>(f).Code));
        Assert.NotEmpty(failures);
        await Writers.CheckAsync(set, acknowledged);
        // Waiting claims and notices came back too.
        var claim = await set.Events.ClaimAsync(new DeliveryClaim(["g"], 10, TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(60)), CancellationToken.None);
        Assert.Equal(10, claim.Length);
    }

    private static async Task UntilAsync(ConcurrentQueue<string> acknowledged, int count)
    {
        for (var i = 0; acknowledged.Count < count; i++)
        {
            Assert.True(i < 6000, $"the writers stand still at {acknowledged.Count} acknowledged commits");
            await Task.Delay(20);
        }
    }
}
