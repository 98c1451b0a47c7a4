using System.Globalization;
using System.Text;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Engines.PostgreSql.Tests.Shards;

/// <summary>A tenant is moved while nodes serve it.</summary>
public sealed class MoveTests
{
    [Fact]
    public async Task Everything_of_a_tenant_lies_in_the_other_database_afterwards_and_nothing_in_the_first()
    {
        await using var place = await Place.OpenAsync();
        var (one, _) = (place.One, place.Two);
        await FillAsync(one, "acme", 300);
        await FillAsync(one, "globex", 20);
        var before = await ContentsAsync(one, "acme");

        var done = await place.MovedAsync("acme", "beta");

        Assert.True(done is { Rows: > 900, ClosedMilliseconds: > 0 }, $"{done}");
        Assert.Equal(before, await ContentsAsync(one, "acme"));
        Assert.Equal(before, await ContentsAsync(place.Two, "acme"));
        Assert.Equal((1, 1), (one.Records.ShardOf("acme"), place.Two.Records.ShardOf("acme")));
        foreach (var sql in Traces("acme"))
            Assert.Equal((0L, sql), (await Databases.CountAsync(place.First, sql), sql));
        foreach (var sql in Traces("globex"))
            Assert.True(await Databases.CountAsync(place.First, sql) > 0, sql);
        Assert.Equal(0, await Databases.CountAsync(place.Second, "SELECT (SELECT count(*) FROM arriving_events)+(SELECT count(*) FROM arriving_tasks)+(SELECT count(*) FROM arriving_deliveries)+(SELECT count(*) FROM tenant_marks)"));
    }

    [Fact]
    public async Task Under_load_no_acknowledged_write_is_lost_or_doubled_none_fails_and_no_read_is_old()
    {
        await using var place = await Place.OpenAsync();
        await FillAsync(place.One, "acme", 2000);
        using var ending = new CancellationTokenSource();
        var load = new Load(place);
        var running = load.RunAsync(ending.Token);

        foreach (var to in new[] { "beta", "default", "beta" })
            await place.MovedAsync("acme", to);

        await ending.CancelAsync();
        await running;
        Assert.Empty(load.Failures);
        Assert.Equal(0, load.Refused);
        Assert.True(load.Acknowledged.Count > 100, $"{load.Acknowledged.Count} writes");
        await load.CheckAsync();
    }

    [Fact]
    public async Task A_node_that_knows_nothing_of_the_move_can_neither_write_nor_read_what_was_left()
    {
        await using var place = await Place.OpenAsync();
        await FillAsync(place.One, "acme", 10);
        await using var apart = await Opened.OpenAsync(place.First);
        Assert.NotNull(await apart.Records.FindAsync(new RecordKey("acme", "crm.people", "p1"), CancellationToken.None));
        var leased = await apart.Tasks!.ClaimAsync(new TaskClaim("apart", [new TaskCapacity("crm.report", 1, 3)], 1, TimeSpan.FromMinutes(1), TimeSpan.Zero), CancellationToken.None);

        await place.MovedAsync("acme", "beta");

        var refused = new List<Exception?>
        {
            await Record.ExceptionAsync(async () => await apart.CommitAsync(Opened.Put("new", "{}", tenant: "acme"))),
            await Record.ExceptionAsync(async () => await apart.Records.FindAsync(new RecordKey("acme", "crm.people", "p1"), CancellationToken.None)),
            await Record.ExceptionAsync(async () => await apart.Records.CommitAsync(new WriteBatch { Events = [new EventMessage { Name = "crm.people.created", Tenant = "acme" }] }, CancellationToken.None)),
            await Record.ExceptionAsync(async () => await apart.Records.CommitAsync(new WriteBatch { Tasks = [new TaskEntry { Task = "crm.report", Tenant = "acme" }] }, CancellationToken.None)),
            await Record.ExceptionAsync(async () => await apart.Sql.Get("crm", "acme").WriteAsync((session, _) => session.ExecuteAsync("INSERT INTO notes VALUES (0,'x')"))),
            await Record.ExceptionAsync(async () => await apart.Sql.Get("crm", "acme").QueryAsync("SELECT 1")),
            await Record.ExceptionAsync(async () => await apart.Blobs.Get("crm", "acme").PutAsync(new MemoryStream([1]))),
            await Record.ExceptionAsync(async () => await apart.Events.ReadAsync(new EventQuery { Tenant = "acme" }, CancellationToken.None)),
        };

        Assert.All(refused, e => Assert.Equal(("acme", "STORAGE_UNAVAILABLE"), ((e as TenantAwayException)?.Tenant, (e as NexusException)?.Code)));
        await Assert.ThrowsAsync<StorageConflictException>(() => apart.Records.CommitAsync(new WriteBatch { TaskSettlements = [new TaskSettlement(leased[0].Id, leased[0].Fence, TaskState.Success)] }, CancellationToken.None).AsTask());
        Assert.Empty(await apart.Tasks.ClaimAsync(new TaskClaim("apart", [new TaskCapacity("crm.report", 100, 3)], 100, TimeSpan.FromMinutes(1), TimeSpan.Zero), CancellationToken.None));
        foreach (var sql in Traces("acme"))
            Assert.Equal((0L, sql), (await Databases.CountAsync(place.First, sql), sql));
    }

    [Fact]
    public async Task A_reader_of_events_goes_on_behind_what_it_has_read_and_followers_of_the_log_are_told_nothing_twice()
    {
        await using var place = await Place.OpenAsync();
        await FillAsync(place.One, "acme", 30);
        var all = (await place.One.Set.Events.ReadAsync(new EventQuery { Tenant = "acme", Limit = 100 }, CancellationToken.None)).Events;
        var tail = (await place.Two.Set.Events.Logs[1].ReadAsync(new EventQuery { IsTail = true, Limit = 100 }, CancellationToken.None)).LastSequence;

        await place.MovedAsync("acme", "beta");
        await place.Two.Set.Records.CommitAsync(new WriteBatch { Events = [new EventMessage { Name = "crm.people.created", Tenant = "acme", Key = "last" }] }, CancellationToken.None);

        var rest = (await place.Two.Set.Events.ReadAsync(new EventQuery { Tenant = "acme", AfterSequence = all[9].Sequence, Limit = 100 }, CancellationToken.None)).Events;
        Assert.Equal([.. all.Skip(10).Select(e => e.Message.Id)], rest.SkipLast(1).Select(e => e.Message.Id));
        Assert.Equal("last", rest[^1].Message.Key);
        var again = (await place.Two.Set.Events.ReadAsync(new EventQuery { Tenant = "acme", AfterSequence = rest[4].Sequence, Limit = 100 }, CancellationToken.None)).Events;
        Assert.Equal(rest.Skip(5).Select(e => e.Sequence), again.Select(e => e.Sequence));
        var told = new List<StoredEvent>();
        long after;
        do
        {
            after = tail;
            var page = await place.Two.Set.Events.Logs[1].ReadAsync(new EventQuery { IsTail = true, AfterSequence = after, Limit = 10 }, CancellationToken.None);
            told.AddRange(page.Events);
            tail = page.LastSequence;
        }
        while (tail != after);

        Assert.Equal(["last"], told.Select(e => e.Message.Key));
    }

    [Fact]
    public async Task A_move_that_is_cancelled_before_its_switch_leaves_the_tenant_where_it_was_and_nothing_in_the_other_database()
    {
        await using var place = await Place.OpenAsync();
        var moves = place.One.Services.GetRequiredService<ITenantMoves>();
        await FillAsync(place.One, "acme", 300);
        var before = await ContentsAsync(place.One, "acme");

        TenantMove cancelled;
        await using (var hold = new Hold(place))
        {
            await hold.AtAsync("landing");
            await moves.StartAsync("acme", "beta", CancellationToken.None);
            await hold.ReachedAsync("landing", moves);
            cancelled = await moves.CancelAsync("acme", CancellationToken.None);
            Assert.Equal(TenantMoveState.Undoing, (await moves.CancelAsync("acme", CancellationToken.None)).State);
        }

        var ended = await Place.EndAsync(moves, "acme");
        Assert.Equal((TenantMoveState.Undoing, TenantMoveState.Failed, "It was cancelled."), (cancelled.State, ended.State, ended.Error));
        Assert.Equal((before, 0), (await ContentsAsync(place.One, "acme"), place.One.Records.ShardOf("acme")));
        foreach (var sql in Traces("acme"))
            Assert.Equal((0L, sql), (await Databases.CountAsync(place.Second, sql), sql));
        await place.One.Set.CommitAsync(Opened.Put("after", "{}", tenant: "acme"));
        Assert.Equal("RESOURCE_NOT_FOUND", (await Assert.ThrowsAsync<NexusException>(() => moves.CancelAsync("acme", CancellationToken.None).AsTask())).Code);
    }

    [Fact]
    public async Task A_move_that_nobody_has_begun_is_cancelled_too()
    {
        await using var place = await Place.OpenAsync(isStarted: false);
        var moves = place.One.Services.GetRequiredService<ITenantMoves>();
        await FillAsync(place.One, "acme", 5);
        await moves.StartAsync("acme", "beta", CancellationToken.None);
        await moves.CancelAsync("acme", CancellationToken.None);

        await place.Two.StartAsync();

        Assert.Equal((TenantMoveState.Failed, 0L), await Place.EndAsync(moves, "acme") is var ended ? (ended.State, ended.Rows) : default);
        Assert.Equal(0, place.Two.Records.ShardOf("acme"));
    }

    [Fact]
    public async Task What_was_switched_is_not_cancelled()
    {
        await using var place = await Place.OpenAsync();
        var moves = place.One.Services.GetRequiredService<ITenantMoves>();
        await FillAsync(place.One, "acme", 300);
        await moves.StartAsync("acme", "beta", CancellationToken.None);
        // What is removed after the switch waits for followers first.
        await Hold.UntilAsync(async () => (await moves.ListAsync(CancellationToken.None)).Any(m => m.State == TenantMoveState.Cleaning));

        var refused = await Assert.ThrowsAsync<RuleViolationException>(() => moves.CancelAsync("acme", CancellationToken.None).AsTask());

        Assert.Contains("lies in beta already", refused.Message, StringComparison.Ordinal);
        Assert.Equal(TenantMoveState.Done, (await Place.EndAsync(moves, "acme")).State);
    }

    [Fact]
    public async Task What_cannot_be_copied_leaves_the_tenant_where_it_was_and_served()
    {
        await using var place = await Place.OpenAsync();
        await FillAsync(place.One, "acme", 10);
        await place.One.Set.Sql.Get("crm", "acme").WriteAsync((session, _) => session.ExecuteAsync("CREATE TABLE beside (id integer)"));
        var before = await ContentsAsync(place.One, "acme");

        var ended = await place.MoveAsync("acme", "beta");

        Assert.Equal(TenantMoveState.Failed, ended.State);
        Assert.Contains("is not what the plugin's migrations make of it: table beside (id integer)", ended.Error, StringComparison.Ordinal);
        Assert.Equal(before, await ContentsAsync(place.Two, "acme"));
        await place.Two.Set.CommitAsync(Opened.Put("after", "{}", tenant: "acme"));
        foreach (var sql in Traces("acme"))
            Assert.Equal((0L, sql), (await Databases.CountAsync(place.Second, sql), sql));
        await place.One.Set.Sql.Get("crm", "acme").WriteAsync((session, _) => session.ExecuteAsync("DROP TABLE beside"));
        await place.MovedAsync("acme", "beta");
    }

    [Fact]
    public async Task A_moved_tenant_is_found_at_the_next_start_whatever_the_configuration_named_before()
    {
        string first, second;
        await using (var place = await Place.OpenAsync())
        {
            (first, second) = (place.First, place.Second);
            await FillAsync(place.One, "acme", 3);
            await place.MovedAsync("acme", "beta");
        }

        await using (var old = await Databases.OpenAsync(first, ("beta", second, ["initech"])))
            Assert.NotNull(await old.Records.FindAsync(new RecordKey("acme", "crm.people", "p1"), CancellationToken.None));
        await using (var named = await Databases.OpenAsync(first, ("beta", second, ["initech", "acme"])))
            Assert.NotNull(await named.Records.FindAsync(new RecordKey("acme", "crm.people", "p1"), CancellationToken.None));
        var third = await PostgreSqlServer.DatabaseAsync();
        var wrong = await Assert.ThrowsAsync<NexusException>(() => Databases.OpenAsync(first, ("beta", second, ["initech"]), ("gamma", third, ["acme"])));
        Assert.Contains("The tenant acme lies in beta, and the configuration says gamma", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_move_is_refused_with_the_way_out()
    {
        await using var place = await Place.OpenAsync();
        var moves = place.One.Services.GetRequiredService<ITenantMoves>();
        async Task<string> RefusedAsync(string tenant, string shard) => (await Assert.ThrowsAnyAsync<NexusException>(() => moves.StartAsync(tenant, shard, CancellationToken.None).AsTask())).Message;

        Assert.Contains("No database is called delta; there are default, beta", await RefusedAsync("acme", "delta"), StringComparison.Ordinal);
        Assert.Contains("lies in default already", await RefusedAsync("acme", "default"), StringComparison.Ordinal);
        Assert.Contains("Nothing is stored of a tenant acme", await RefusedAsync("acme", "beta"), StringComparison.Ordinal);
        Assert.Contains("The default tenant is the node's own", await RefusedAsync("default", "beta"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task After_a_database_was_added_the_fewest_tenants_move_and_then_none()
    {
        var (first, second) = (await PostgreSqlServer.DatabaseAsync(), await PostgreSqlServer.DatabaseAsync());
        await using (var alone = await Databases.OpenAsync(first))
        {
            foreach (var tenant in new[] { "t1", "t2", "t3", "t4", "t5" })
                await alone.Set.CommitAsync(Opened.Put("a", "{}", tenant: tenant));
        }

        await using var node = await Databases.OpenAsync(first, ("beta", second, []));
        await node.StartAsync();
        var moves = node.Services.GetRequiredService<ITenantMoves>();
        var plan = await moves.PlanAsync(bySize: false, CancellationToken.None);
        Assert.Equal(["t1 default beta 1", "t2 default beta 1"], plan.Select(p => $"{p.Tenant} {p.From} {p.To} {p.Records}"));
        foreach (var move in plan)
            await moves.StartAsync(move.Tenant, move.To, CancellationToken.None);
        Assert.Empty(await moves.PlanAsync(bySize: false, CancellationToken.None));
        foreach (var move in plan)
            Assert.Equal(TenantMoveState.Done, (await Place.EndAsync(moves, move.Tenant)).State);

        Assert.Empty(await moves.PlanAsync(bySize: false, CancellationToken.None));
        Assert.Equal((3L, 2L), (await Databases.CountAsync(first, "SELECT count(*) FROM \"crm.people\""), await Databases.CountAsync(second, "SELECT count(*) FROM \"crm.people\"")));
    }

    /// <summary>Counts of what a tenant has in a database.</summary>
    internal static string[] Traces(string tenant) =>
    [
        $"SELECT count(*) FROM \"crm.people\" WHERE tenant='{tenant}'", $"SELECT count(*) FROM events WHERE tenant='{tenant}'", $"SELECT count(*) FROM tasks WHERE tenant='{tenant}'",
        $"SELECT count(*) FROM own_databases WHERE tenant='{tenant}'", $"SELECT count(*) FROM blobs WHERE tenant='{tenant}'", $"SELECT count(*) FROM deliveries d JOIN events e ON e.seq=d.seq WHERE e.tenant='{tenant}'",
    ];

    /// <summary>Gives a tenant something of each kind.</summary>
    internal static async Task FillAsync(Databases databases, string tenant, int count)
    {
        await databases.Set.Events.DeclareAsync("crm", [new EventGroup("crm#mail", "crm.people.*", 0)], CancellationToken.None);
        for (var i = 0; i < count; i += 100)
        {
            await databases.Set.Records.CommitAsync(new WriteBatch
            {
                Writes = [.. Enumerable.Range(i, Math.Min(100, count - i)).Select(n => Opened.Put($"p{n}", $$"""{"id":"p{{n}}","name":"Ada {{n}}"}""", tenant: tenant))],
                Events = [.. Enumerable.Range(i, Math.Min(100, count - i)).Select(n => new EventMessage { Name = "crm.people.created", Tenant = tenant, Data = Encoding.UTF8.GetBytes($"{n}") })],
                Tasks = [new TaskEntry { Task = "crm.report", Tenant = tenant }],
            }, CancellationToken.None);
        }

        await databases.Set.Sql.Get("crm", tenant).WriteAsync((session, _) => session.ExecuteManyAsync("INSERT INTO notes (id,text) VALUES (@id,@text)", ["id", "text"], Enumerable.Range(1, count).Select(n => new object?[] { (long)n, $"note {n}" })));
        await databases.Set.Blobs.Get("crm", tenant).PutAsync(new MemoryStream(Encoding.UTF8.GetBytes($"a blob of {tenant}")));
        await databases.Set.Blobs.Get("crm", tenant).PutAsync(new MemoryStream(new byte[600_000]));
    }

    /// <summary>All that can be read of a tenant, as one text.</summary>
    internal static async Task<string> ContentsAsync(Databases databases, string tenant)
    {
        var text = new StringBuilder();
        string? cursor = null;
        do
        {
            var page = await databases.Records.QueryAsync(new RecordQuery { Tenant = tenant, Table = "crm.people", Limit = 500, Cursor = cursor }, CancellationToken.None);
            foreach (var record in page.Records)
                text.Append(CultureInfo.InvariantCulture, $"{record.Id} {record.Revision} {Encoding.UTF8.GetString(record.Json.Span)}\n");
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        foreach (var one in (await databases.Set.Events.ReadAsync(new EventQuery { Tenant = tenant, Limit = 10000 }, CancellationToken.None)).Events)
            text.Append(CultureInfo.InvariantCulture, $"{one.Message.Id} {one.Message.Name}\n");
        foreach (var delivery in (await databases.Set.Events.DeliveriesAsync(new DeliveryQuery { Tenant = tenant, Limit = 10000 }, CancellationToken.None)).OrderBy(d => d.Message.Id))
            text.Append(CultureInfo.InvariantCulture, $"{delivery.Message.Id} {delivery.Group} {delivery.State} {delivery.Attempt}\n");
        foreach (var task in (await databases.Set.Tasks!.ListAsync(new TaskQuery { Tenant = tenant, Limit = 10000 }, CancellationToken.None)).OrderBy(t => t.Id))
            text.Append(CultureInfo.InvariantCulture, $"{task.Id} {task.State} {task.Attempt}\n");
        foreach (var row in await databases.Set.Sql.Get("crm", tenant).QueryAsync("SELECT id,text FROM notes ORDER BY id"))
            text.Append(CultureInfo.InvariantCulture, $"{row["id"]} {row["text"]}\n");
        await foreach (var blob in databases.Set.Blobs.ListAsync(null, tenant))
        {
            await using var content = await databases.Set.Blobs.Get(blob.Owner, tenant).OpenAsync(blob.Sha256);
            using var memory = new MemoryStream();
            await content!.CopyToAsync(memory);
            text.Append(CultureInfo.InvariantCulture, $"{blob.Sha256} {memory.Length}\n");
        }

        return text.ToString();
    }
}
