using System.Collections.Immutable;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Engines.PostgreSql.Tests.Shards;

/// <summary>What a node does in the background for all databases: deliveries, tasks, the audit queue, the log of events, changes of other nodes.</summary>
public sealed class WorkTests : IAsyncLifetime
{
    private const string One = "globex", Two = "acme";

    private string _second = "";
    private string _first = "";
    private Databases _databases = null!;

    private StorageSet Set => _databases.Set;

    public async ValueTask InitializeAsync()
    {
        (_first, _second) = (await PostgreSqlServer.DatabaseAsync(), await PostgreSqlServer.DatabaseAsync());
        _databases = await Databases.OpenAsync(_first, ("beta", _second, [Two]));
        await Set.Events.DeclareAsync("crm", [new EventGroup("g", "*", 0)], CancellationToken.None);
    }

    public ValueTask DisposeAsync() => _databases.DisposeAsync();

    [Fact]
    public async Task Deliveries_of_all_databases_are_claimed_and_settled_where_they_lie()
    {
        // Several in one and none in the other, so that both have the same small fences and positions.
        await PublishAsync(One, "a.one");
        await PublishAsync(Two, "a.two");

        var claimed = await ClaimAsync(10);
        var (one, two) = (claimed.Single(d => d.Message.Tenant == One), claimed.Single(d => d.Message.Tenant == Two));
        Assert.NotEqual(one.Fence, two.Fence);
        // The handler's writes and its being done are one commit, in the database of the event.
        await Set.Records.CommitAsync(new WriteBatch { Writes = [Opened.Put("effect", "{}", tenant: Two)], Settlements = [Done(two)] }, CancellationToken.None);
        var crossing = await Assert.ThrowsAsync<NexusException>(() => Set.Records.CommitAsync(new WriteBatch { Writes = [Opened.Put("effect", "{}", tenant: Two)], Settlements = [Done(one)] }, CancellationToken.None).AsTask());
        await Set.Events.SettleAsync([Done(one), Done(two)], CancellationToken.None);

        Assert.Equal("SHARD_CROSSED", crossing.Code);
        Assert.Empty(await ClaimAsync(10));
        Assert.Equal([DeliveryState.Done, DeliveryState.Done], (await Set.Events.DeliveriesAsync(new DeliveryQuery(), CancellationToken.None)).Select(d => d.State));
        Assert.Equal((1L, 1L), (await Databases.CountAsync(_first, "SELECT count(*) FROM deliveries WHERE state=1"), await Databases.CountAsync(_second, "SELECT count(*) FROM deliveries WHERE state=1")));
        await Assert.ThrowsAsync<StorageConflictException>(() => Set.Records.CommitAsync(new WriteBatch { Writes = [Opened.Put("again", "{}", tenant: Two)], Settlements = [Done(two) with { Fence = two.Fence + 1 }] }, CancellationToken.None).AsTask());
    }

    [Theory]
    [InlineData(One)]
    [InlineData(Two)]
    public async Task A_claim_that_waits_is_woken_by_an_event_in_any_database(string tenant)
    {
        var claim = ClaimAsync(10, TimeSpan.FromMinutes(5));
        await Task.Delay(300);
        await PublishAsync(tenant, "a.b");

        // Long before the claim would give up.
        Assert.Equal(tenant, Assert.Single(await claim.WaitAsync(TimeSpan.FromSeconds(60))).Message.Tenant);
    }

    [Fact]
    public async Task No_more_is_claimed_than_asked_for_and_what_came_at_once_is_given_back_untried()
    {
        for (var round = 0; round < 8; round++)
        {
            var claim = ClaimAsync(1, TimeSpan.FromSeconds(60));
            await Task.Delay(50);
            await Task.WhenAll(PublishAsync(One, "a.one"), PublishAsync(Two, "a.two"));
            var first = Assert.Single(await claim);
            var second = Assert.Single(await ClaimAsync(1, TimeSpan.FromSeconds(60)));
            Assert.Equal((1, 1), (first.Attempt, second.Attempt));
            Assert.Equal([Two, One], new[] { first, second }.Select(d => d.Message.Tenant).Order());
            await Set.Events.SettleAsync([Done(first), Done(second)], CancellationToken.None);
        }
    }

    [Fact]
    public async Task Tasks_of_all_databases_are_claimed_shown_counted_and_ended()
    {
        foreach (var tenant in new[] { One, Two, One, Two })
            await Set.Records.CommitAsync(new WriteBatch { Tasks = [NewTask(tenant)] }, CancellationToken.None);
        var store = Set.Tasks!;

        Assert.Equal(4, (await store.CountAsync(null, TaskState.Pending, CancellationToken.None)).Single().Count);
        Assert.Equal(2, (await store.CountAsync(Two, TaskState.Pending, CancellationToken.None)).Single().Count);
        // Of one name no more than is free, over all databases.
        var taken = await store.ClaimAsync(new TaskClaim("w", [new TaskCapacity("crm.report", 3, 3)], 10, TimeSpan.FromMinutes(1), TimeSpan.Zero), CancellationToken.None);
        Assert.Equal(3, taken.Length);
        var two = taken.First(t => t.Tenant == Two);
        await store.BeatAsync([.. taken.Select(t => new TaskBeat(t.Id, t.Fence, 50, "half"))], TimeSpan.FromMinutes(1), CancellationToken.None);
        Assert.All(await store.ListAsync(new TaskQuery { Ids = [.. taken.Select(t => t.Id)] }, CancellationToken.None), t => Assert.Equal((50, taken.Single(o => o.Id == t.Id).Fence), (t.Percent, t.Fence)));
        await Set.Records.CommitAsync(new WriteBatch { Writes = [Opened.Put("effect", "{}", tenant: Two)], TaskSettlements = [new TaskSettlement(two.Id, two.Fence, TaskState.Success)] }, CancellationToken.None);
        await store.SettleAsync([.. taken.Where(t => t != two).Select(t => new TaskSettlement(t.Id, t.Fence, TaskState.Success))], CancellationToken.None);
        var ended = await store.ListAsync(new TaskQuery { State = TaskState.Success }, CancellationToken.None);

        Assert.Equal(taken.Select(t => t.Id).Order(), ended.Select(t => t.Id).Order());
        Assert.Equal(3, (await store.PurgeAsync(new TaskPurge(TimeProvider.System.GetUtcNow().AddDays(1)), CancellationToken.None)).Length);
    }

    [Fact]
    public async Task Tasks_of_all_databases_are_paged_newest_first()
    {
        var ids = new List<Guid>();
        for (var i = 0; i < 9; i++)
        {
            var task = NewTask(i % 3 == 0 ? One : Two) with { CreatedAt = DateTimeOffset.UnixEpoch.AddSeconds(i) };
            await Set.Records.CommitAsync(new WriteBatch { Tasks = [task] }, CancellationToken.None);
            ids.Insert(0, task.Id);
        }

        var (seen, before) = (new List<Guid>(), (Guid?)null);
        while (seen.Count < 20 && await Set.Tasks!.ListAsync(new TaskQuery { Limit = 2, Before = before }, CancellationToken.None) is { IsEmpty: false } page)
        {
            seen.AddRange(page.Select(t => t.Id));
            before = page[^1].Id;
        }

        Assert.Equal(ids, seen);
    }

    [Fact]
    public async Task Audit_entries_of_all_databases_are_read_removed_and_waited_for()
    {
        var queue = Set.Audit;
        foreach (var (tenant, action) in new[] { (One, "a1"), (Two, "b1"), (Two, "b2"), (One, "a2") })
            await AuditAsync(tenant, action);

        var read = await queue.ReadAsync(0, 3, CancellationToken.None);
        Assert.Equal(["a1", "a2", "b1"], read.Select(e => e.Entry.Action));
        await AuditAsync(One, "a3");
        await queue.RemoveAsync(read[^1].Position, CancellationToken.None);
        var rest = await queue.ReadAsync(read[^1].Position, 10, CancellationToken.None);
        Assert.Equal(["a3", "b2"], rest.Select(e => e.Entry.Action));
        await queue.RemoveAsync(rest[^1].Position, CancellationToken.None);
        Assert.Empty(await queue.ReadAsync(rest[^1].Position, 10, CancellationToken.None));
        foreach (var tenant in new[] { One, Two })
        {
            var waiting = queue.WaitAsync(rest[^1].Position, CancellationToken.None).AsTask();
            await Task.Delay(100);
            Assert.False(waiting.IsCompleted);
            await AuditAsync(tenant, "next");
            await waiting.WaitAsync(TimeSpan.FromSeconds(60));
            var next = Assert.Single(await queue.ReadAsync(rest[^1].Position, 10, CancellationToken.None));
            await queue.RemoveAsync(next.Position, CancellationToken.None);
        }
    }

    [Fact]
    public async Task Each_log_has_its_own_order_and_a_tenant_goes_on_where_it_was()
    {
        for (var i = 0; i < 3; i++)
        {
            await PublishAsync(One, $"a.one{i}");
            await PublishAsync(Two, $"a.two{i}");
        }

        async Task<EventPage> ReadAsync(EventQuery query) => await Set.Events.ReadAsync(query, CancellationToken.None);
        static string Names(EventPage page) => string.Join(' ', page.Events.Select(e => e.Message.Name));
        var mine = await ReadAsync(new EventQuery { Tenant = Two, Limit = 2 });
        Assert.Equal("a.two0 a.two1", Names(mine));
        Assert.Equal("a.two2", Names(await ReadAsync(new EventQuery { Tenant = Two, AfterSequence = mine.LastSequence })));
        Assert.Equal("a.two2", Names(await Set.Events.Logs[1].ReadAsync(new EventQuery { AfterSequence = mine.LastSequence }, CancellationToken.None)));
        Assert.Equal(2, Set.Events.Logs.Length);
        Assert.Equal("a.one0 a.one1 a.one2", Names(await Set.Events.Logs[0].ReadAsync(new EventQuery(), CancellationToken.None)));
        // A browser reads positions as doubles.
        Assert.All(mine.Events, e => Assert.InRange(e.Sequence, 1, 1L << 53));
        Assert.Equal(mine.Events[0].Message.Id, (await ReadAsync(new EventQuery { Id = mine.Events[0].Message.Id })).Events.Single().Message.Id);
        var (all, after) = (new List<string>(), 0L);
        // Four pages: the last one is empty.
        for (var page = await ReadAsync(new EventQuery { Limit = 2 }); !page.Events.IsEmpty && all.Count < 8; page = await ReadAsync(new EventQuery { Limit = 2, AfterSequence = after }))
            (all, after) = ([.. all, .. page.Events.Select(e => e.Message.Name)], page.LastSequence);
        Assert.Equal(["a.one0", "a.one1", "a.one2", "a.two0", "a.two1", "a.two2"], all);
        Assert.Equal("a.two2 a.one2 a.two1", Names(await ReadAsync(new EventQuery { Newest = true, Limit = 3 })));
        Assert.Equal("a.two2", Names(await ReadAsync(new EventQuery { Near = Two, Newest = true, Limit = 1 })));
        await Set.Events.DeclareAsync("crm", [], CancellationToken.None);
        Assert.Equal(3, await Set.Events.PurgeAsync(new EventPurge(TimeProvider.System.GetUtcNow().AddDays(1), Tenant: One, DryRun: true), CancellationToken.None));
    }

    [Fact]
    public async Task A_change_of_a_platform_document_of_any_tenant_is_told_to_other_nodes()
    {
        await using var other = await Databases.OpenAsync(_first, ("beta", _second, [Two]));
        await _databases.StartAsync();
        var told = new System.Collections.Concurrent.ConcurrentQueue<DocumentChange>();
        using var following = _databases.Services.GetRequiredService<IChanges>().Follow("core/", (change, _) =>
        {
            told.Enqueue(change);
            return Task.CompletedTask;
        });

        foreach (var tenant in new[] { One, Two })
            await other.Set.CommitAsync(Opened.Put("core/roles/clerk", "{}", IStorage.Documents, tenant));

        for (var i = 0; told.Count < 2 && i < 1200; i++)
            await Task.Delay(50);
        Assert.Equal([(Two, "core/roles/clerk"), (One, "core/roles/clerk")], told.Select(t => (t.Tenant, t.Path!)).Order());
        Assert.Equal(1L, await Databases.CountAsync(_second, "SELECT count(*) FROM \"nexus.changes\""));
    }

    [Fact]
    public async Task Rows_and_records_of_a_tenant_are_one_unit_in_its_database_and_those_of_another_are_refused()
    {
        await using var change = await Set.Schema.BeginAsync(new SchemaRequest("crm", [], [new SqlMigration(1, "0001.sql", "CREATE TABLE t (id integer);")]), CancellationToken.None);
        await change.CommitAsync(CancellationToken.None);
        var ports = new ServiceCollection();
        foreach (var room in _databases.Services.GetServices<IPluginPorts>())
            room.Add(ports, new PluginPortContext(new PluginManifest { Name = "crm", Version = "1.0.0", Category = PluginCategory.Custom, Description = "Customers.", Entry = "" }, 1, null, null!));
        await using var plugin = ports.BuildServiceProvider();
        var (units, rows, documents) = (plugin.GetRequiredService<IUnitOfWork>(), plugin.GetRequiredService<ISqlDatabase>(), plugin.GetRequiredService<IDocuments>());

        async Task<bool> WriteAsync(string tenant, int id) => await units.RunAsync(async token =>
        {
            CallContext.Current = CallContext.System with { Tenant = Two };
            await rows.WriteAsync((session, _) => session.ExecuteAsync($"INSERT INTO t VALUES ({id})"), token);
            CallContext.Current = CallContext.System with { Tenant = tenant };
            await documents.CommitAsync([new DocumentWrite($"d{id}", id)], cancellationToken: token);
            return true;
        });

        await WriteAsync(Two, 1);
        Assert.Equal("SHARD_CROSSED", (await Assert.ThrowsAsync<NexusException>(() => WriteAsync(One, 2))).Code);

        Assert.Equal([1L], (await Set.Sql.Get("crm", Two).QueryAsync("SELECT id FROM t")).Select(r => r["id"]));
        Assert.Equal((0L, 1L), (await Databases.CountAsync(_first, "SELECT count(*) FROM documents"), await Databases.CountAsync(_second, "SELECT count(*) FROM documents")));
    }

    private static DeliverySettlement Done(EventDelivery delivery) => new(delivery.Message.Id, delivery.Group, delivery.Fence, DeliveryState.Done);

    private static TaskEntry NewTask(string tenant) => new() { Task = "crm.report", Tenant = tenant, CreatedAt = TimeProvider.System.GetUtcNow(), DueAt = TimeProvider.System.GetUtcNow().AddSeconds(-1) };

    private Task<CommitResult> PublishAsync(string tenant, string name) => Set.Records.CommitAsync(new WriteBatch { Events = [new EventMessage { Name = name, Tenant = tenant, OccurredAt = TimeProvider.System.GetUtcNow() }] }, CancellationToken.None).AsTask();

    private Task<CommitResult> AuditAsync(string tenant, string action) => Set.Records.CommitAsync(new WriteBatch { Audit = [new AuditEntry { At = DateTimeOffset.UnixEpoch, Tenant = tenant, Actor = "ada", Action = action }] }, CancellationToken.None).AsTask();

    private async Task<ImmutableArray<EventDelivery>> ClaimAsync(int limit, TimeSpan wait = default) => await Set.Events.ClaimAsync(new DeliveryClaim(["g"], limit, TimeSpan.FromMinutes(1), wait), CancellationToken.None);
}
