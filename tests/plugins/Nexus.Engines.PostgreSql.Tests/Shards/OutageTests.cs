namespace Nexus.Engines.PostgreSql.Tests.Shards;

/// <summary>A database that does not answer.</summary>
public sealed class OutageTests
{
    [Fact]
    public async Task Work_of_the_others_goes_on_and_that_of_its_own_tenants_waits()
    {
        var first = await PostgreSqlServer.DatabaseAsync();
        await using var server = await PostgreSqlServer.StartAsync();
        await using var databases = await Databases.OpenAsync(first, ("beta", await server.MakeDatabaseAsync(), ["acme"]));
        var set = databases.Set;
        await set.Events.DeclareAsync("crm", [new EventGroup("g", "*", 0)], CancellationToken.None);
        await CommitAsync(set, "acme", "before");
        await server.KillAsync();

        // A plugin that starts meanwhile declares its groups; the database hears of them when it is back.
        await set.Events.DeclareAsync("shop", [new EventGroup("h", "*", 0)], CancellationToken.None);
        Assert.Equal("STORAGE_UNAVAILABLE", (await Assert.ThrowsAsync<NexusException>(() => CommitAsync(set, "acme", "meanwhile"))).Code);
        await CommitAsync(set, "globex", "meanwhile");
        Assert.Equal(["g", "h"], await HandledAsync(set, 2));
        var task = Assert.Single(await set.Tasks!.ClaimAsync(new TaskClaim("w", [new TaskCapacity("crm.report", 9, 3)], 10, TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(60)), CancellationToken.None));
        var entry = Assert.Single(await set.Audit.ReadAsync(0, 10, CancellationToken.None));
        Assert.Equal(("globex", "globex"), (task.Tenant, entry.Entry.Tenant));
        Assert.Equal(1, (await set.Tasks.CountAsync(null, TaskState.Started, CancellationToken.None)).Single().Count);
        Assert.Equal(task.Id, Assert.Single(await set.Tasks.ListAsync(new TaskQuery { Ids = [task.Id] }, CancellationToken.None)).Id);
        Assert.Equal("STORAGE_UNAVAILABLE", (await Assert.ThrowsAsync<NexusException>(async () => await set.Tasks.ListAsync(new TaskQuery { Ids = [task.Id, Guid.NewGuid()] }, CancellationToken.None))).Code);
        Assert.True((await set.Tasks.ChangeAsync(TaskChange.Cancel, new TaskQuery { Ids = [task.Id] }, CancellationToken.None)).Single().CancelRequested);
        var health = await set.CheckHealth(CancellationToken.None);
        Assert.Equal(HealthLevel.Degraded, health.Status);
        Assert.Contains($"The database beta does not serve, and its tenants are refused; the others are served. The PostgreSQL server at 127.0.0.1:{server.Port}", health.Detail, StringComparison.Ordinal);
        Assert.Equal("STORAGE_UNAVAILABLE", (await Assert.ThrowsAsync<NexusException>(async () => await set.Schema.BeginAsync(new SchemaRequest("shop", [], []), CancellationToken.None))).Code);

        await server.StartAgainAsync();
        Assert.Equal(["g"], await HandledAsync(set, 1));
        await CommitAsync(set, "acme", "after");
        Assert.Equal(["g", "h"], await HandledAsync(set, 2));
        Assert.Equal(HealthLevel.Healthy, (await set.CheckHealth(CancellationToken.None)).Status);
        await set.Audit.RemoveAsync(entry.Position, CancellationToken.None);
        await set.Audit.WaitAsync(entry.Position, CancellationToken.None).AsTask().WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(["before", "after"], (await set.Audit.ReadAsync(entry.Position, 10, CancellationToken.None)).Select(e => e.Entry.Action));
    }

    [Fact]
    public async Task Without_the_platforms_own_database_the_storage_is_down()
    {
        await using var server = await PostgreSqlServer.StartAsync();
        await using var databases = await Databases.OpenAsync(await server.MakeDatabaseAsync(), ("beta", await PostgreSqlServer.DatabaseAsync(), ["acme"]));
        await server.KillAsync();

        Assert.Equal(HealthLevel.Unhealthy, (await databases.Set.CheckHealth(CancellationToken.None)).Status);
    }

    private static Task<CommitResult> CommitAsync(StorageSet set, string tenant, string action) => set.Records.CommitAsync(new WriteBatch
    {
        Events = [new EventMessage { Name = "a.b", Tenant = tenant, OccurredAt = TimeProvider.System.GetUtcNow() }],
        Tasks = [new TaskEntry { Task = "crm.report", Tenant = tenant, DueAt = TimeProvider.System.GetUtcNow().AddSeconds(-1) }],
        Audit = [new AuditEntry { At = DateTimeOffset.UnixEpoch, Tenant = tenant, Actor = "ada", Action = action }],
    }, CancellationToken.None).AsTask();

    /// <summary>Claims and settles so many deliveries; the groups that had them.</summary>
    private static async Task<string[]> HandledAsync(StorageSet set, int count)
    {
        var groups = new List<string>();
        for (var i = 0; groups.Count < count; i++)
        {
            Assert.True(i < 45, "deliveries do not come");
            foreach (var delivery in await set.Events.ClaimAsync(new DeliveryClaim(["g", "h"], 10, TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(2)), CancellationToken.None))
            {
                groups.Add(delivery.Group);
                await set.Events.SettleAsync([new DeliverySettlement(delivery.Message.Id, delivery.Group, delivery.Fence, DeliveryState.Done)], CancellationToken.None);
            }
        }

        return [.. groups.Order()];
    }
}
