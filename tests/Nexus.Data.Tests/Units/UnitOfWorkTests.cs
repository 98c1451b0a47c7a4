using System.Collections.Immutable;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Data.Documents;
using Nexus.Data.Memory;
using Nexus.Data.Sql;
using Nexus.Data.Sqlite;
using Nexus.Data.Tests.Resources;
using Nexus.Data.Units;

namespace Nexus.Data.Tests.Units;

/// <summary>The shop's ports over a real engine: repositories, documents, SQL, events and the unit that makes their writes one.</summary>
internal sealed class ShopWithUnits : IAsyncDisposable
{
    private ShopWithUnits(StorageSet set)
    {
        Set = set;
        Shop = new Shop(storage: set.Records);
        All = new UnitsOfWork(() => set.Records);
        Unit = new PluginUnits(All, "shop");
        Documents = new PluginDocuments(set.Records, "shop", "plugins/business/shop", TimeProvider.System);
        Invoices = Shop.Services.GetRequiredService<IRepository<Invoice>>();
        Customers = Shop.Services.GetRequiredService<IRepository<Customer>>();
        Sql = set.Sql.Get("shop", CallContext.DefaultTenant);
    }

    public StorageSet Set { get; }

    public Shop Shop { get; }

    public UnitsOfWork All { get; }

    public IUnitOfWork Unit { get; }

    public PluginDocuments Documents { get; }

    public IRepository<Invoice> Invoices { get; }

    public IRepository<Customer> Customers { get; }

    public ISqlDatabase Sql { get; }

    public static async Task<ShopWithUnits> StartAsync(string engine)
    {
        var temporary = Directory.CreateTempSubdirectory("nexus-units-").FullName;
        IStorageEngine chosen = engine == "memory" ? new MemoryStorage(TimeProvider.System) : new SqliteStorage(TimeProvider.System);
        var shop = new ShopWithUnits(await chosen.OpenAsync(new StorageOptions(temporary), TestContext.Current.CancellationToken));
        var tables = shop.Shop.Resources.Select(r => r).ToImmutableArray();
        await using (var change = await shop.Set.Schema.BeginAsync(new SchemaRequest("shop", tables, [new SqlMigration(1, "1.sql", "CREATE TABLE line (text TEXT NOT NULL UNIQUE)")]), TestContext.Current.CancellationToken))
            await change.CommitAsync(TestContext.Current.CancellationToken);
        return shop;
    }

    public ValueTask<int> InsertAsync(string text) => Sql.WriteAsync((session, _) => session.ExecuteAsync("INSERT INTO line VALUES (@text)", new Dictionary<string, object?> { ["text"] = text }));

    public async Task<string[]> LinesAsync() => [.. (await Sql.QueryAsync("SELECT text FROM line ORDER BY text")).Select(r => (string)r["text"]!)];

    public async Task<string[]> EventsAsync() => [.. (await Set.Events.ReadAsync(new EventQuery(), TestContext.Current.CancellationToken)).Events.Select(e => e.Message.Name)];

    public ValueTask DisposeAsync() => Set.DisposeAsync();
}

public sealed class UnitOfWorkTests
{
    public static TheoryData<string> Engines => ["memory", "sqlite"];

    [Theory, MemberData(nameof(Engines))]
    public async Task Repositories_documents_rows_and_events_commit_together(string engine)
    {
        await using var shop = await ShopWithUnits.StartAsync(engine);

        var id = await shop.Unit.RunAsync(async token =>
        {
            var customer = await shop.Customers.CreateAsync(new Customer("Ann"), token);
            await shop.Invoices.CreateAsync(new Invoice("A-1", 5, new DateOnly(2026, 1, 31)) { Customer = new Ref<Customer>(customer.Id) }, token);
            await shop.Documents.SetAsync("last", "A-1", token);
            await shop.InsertAsync("A-1");
            shop.All.TryPublish("shop", [new EventMessage { Name = "shop.sold" }]);
            Assert.Empty((await shop.Set.Events.ReadAsync(new EventQuery(), token)).Events);
            return customer.Id;
        }, TestContext.Current.CancellationToken);

        Assert.Equal("Ann", (await shop.Customers.GetAsync(id, TestContext.Current.CancellationToken)).Name);
        Assert.Equal(["A-1"], (await shop.Invoices.ListAsync(new ResourceQuery(), TestContext.Current.CancellationToken)).Records.Select(i => i.Number));
        Assert.Equal("A-1", await shop.Documents.GetAsync<string>("last", TestContext.Current.CancellationToken));
        Assert.Equal(["A-1"], await shop.LinesAsync());
        Assert.Equal(["shop.customers.created", "shop.invoices.created", "shop.sold"], await shop.EventsAsync());
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_failure_takes_back_every_write_of_the_unit(string engine)
    {
        await using var shop = await ShopWithUnits.StartAsync(engine);

        await Assert.ThrowsAsync<FormatException>(async () => await shop.Unit.RunAsync(async token =>
        {
            await shop.Customers.CreateAsync(new Customer("Ann"), token);
            await shop.Documents.SetAsync("last", "A-1", token);
            await shop.InsertAsync("A-1");
            shop.All.TryPublish("shop", [new EventMessage { Name = "shop.sold" }]);
            throw new FormatException();
        }, TestContext.Current.CancellationToken));

        Assert.Empty((await shop.Customers.ListAsync(new ResourceQuery(), TestContext.Current.CancellationToken)).Records);
        Assert.False(await shop.Documents.ExistsAsync("last", TestContext.Current.CancellationToken));
        Assert.Empty(await shop.LinesAsync());
        Assert.Empty(await shop.EventsAsync());
        Assert.Equal(1, await shop.InsertAsync("A-2"));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_row_that_the_main_file_refuses_is_not_in_the_sql_file_either(string engine)
    {
        await using var shop = await ShopWithUnits.StartAsync(engine);
        var token = TestContext.Current.CancellationToken;
        await shop.Documents.SetAsync("last", 1, token);

        var refused = await Assert.ThrowsAsync<StorageConflictException>(async () => await shop.Unit.RunAsync(async t =>
        {
            await shop.InsertAsync("row");
            await shop.Documents.CommitAsync([new DocumentWrite("last", 2, 1)], cancellationToken: t);
            await Elsewhere(() => shop.Documents.SetAsync("last", 3).AsTask());
        }, token));

        Assert.Equal(2, refused.CurrentRevision);
        Assert.Empty(await shop.LinesAsync());
        Assert.Equal(3, await shop.Documents.GetAsync<int>("last", token));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Eight_units_that_count_in_one_document_and_one_row_lose_no_count(string engine)
    {
        await using var shop = await ShopWithUnits.StartAsync(engine);
        var token = TestContext.Current.CancellationToken;
        await shop.InsertAsync("0");

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            for (var i = 0; i < 10; i++)
            {
                await shop.Unit.RunAsync(async t =>
                {
                    var found = await shop.Documents.FindAsync("count", t);
                    await shop.Documents.CommitAsync([new DocumentWrite("count", (found?.Value?.GetValue<int>() ?? 0) + 1, found?.Revision ?? 0)], cancellationToken: t);
                    await shop.Sql.WriteAsync((s, _) => s.ExecuteAsync("UPDATE line SET text=CAST(text AS INTEGER)+1"), t);
                }, token);
            }
        })));

        Assert.Equal(80, await shop.Documents.GetAsync<int>("count", token));
        Assert.Equal(["80"], await shop.LinesAsync());
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_unit_sees_what_it_wrote_and_others_do_not(string engine)
    {
        await using var shop = await ShopWithUnits.StartAsync(engine);
        var token = TestContext.Current.CancellationToken;

        await shop.Unit.RunAsync(async t =>
        {
            var customer = await shop.Customers.CreateAsync(new Customer("Ann"), t);
            var renamed = await shop.Customers.UpdateAsync(customer with { Name = "Anna" }, t);
            await shop.Documents.SetAsync("a.b", 0, t);
            await shop.InsertAsync("x");
            Assert.Equal((2L, "Anna"), (renamed.Revision, (await shop.Customers.GetAsync(customer.Id, t)).Name));
            Assert.Equal(0, await shop.Documents.GetAsync<int?>("a/b", t));
            Assert.Equal(["x"], await shop.LinesAsync());
            await Elsewhere(async () =>
            {
                Assert.Null(await shop.Customers.FindAsync(customer.Id));
                Assert.Null(await shop.Documents.FindAsync("a/b"));
                Assert.Empty(await shop.LinesAsync());
            });

            await shop.Documents.DeleteAsync("a.b", t);
            Assert.False(await shop.Documents.ExistsAsync("a.b", t));
        }, token);

        Assert.Equal("Anna", Assert.Single((await shop.Customers.ListAsync(new ResourceQuery(), token)).Records).Name);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Writes_of_another_plugin_and_what_runs_on_behind_the_unit_are_not_part_of_it(string engine)
    {
        await using var shop = await ShopWithUnits.StartAsync(engine);
        var token = TestContext.Current.CancellationToken;
        var other = new PluginDocuments(shop.Set.Records, "mail", "plugins/business/mail", TimeProvider.System);
        var go = new TaskCompletionSource();
        Task? behind = null;

        await shop.Unit.RunAsync(async t =>
        {
            await shop.Documents.SetAsync("mine", 1, t);
            behind = Task.Run(async () =>
            {
                await go.Task;
                await shop.Documents.SetAsync("behind", 3, t);
            }, t);
        }, token);
        go.SetResult();
        await behind!;
        await Assert.ThrowsAsync<FormatException>(async () => await shop.Unit.RunAsync(async t =>
        {
            await other.SetAsync("theirs", 2, t);
            throw new FormatException();
        }, token));

        Assert.Equal(3, await shop.Documents.GetAsync<int>("behind", token));
        Assert.Equal(2, await other.GetAsync<int>("theirs", token));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task What_still_runs_of_a_unit_that_was_given_up_cannot_write(string engine)
    {
        await using var shop = await ShopWithUnits.StartAsync(engine);
        using var limit = new CancellationTokenSource();
        var go = new TaskCompletionSource();
        Exception? late = null;

        var unit = shop.Unit.RunAsync(async _ =>
        {
            await shop.InsertAsync("x");
            await limit.CancelAsync();
            late = await Record.ExceptionAsync(async () => await shop.Documents.SetAsync("late", 1));
            await go.Task;
        }, limit.Token).AsTask();
        await shop.InsertAsync("y").AsTask().WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        go.SetResult();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => unit);

        Assert.Equal(ErrorCodes.Conflict, Assert.IsType<NexusException>(late).Code);
        Assert.Equal(["y"], await shop.LinesAsync());
        Assert.False(await shop.Documents.ExistsAsync("late", TestContext.Current.CancellationToken));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task An_aggregate_over_several_resources_is_stored_whole_or_refused_by_its_version(string engine)
    {
        await using var shop = await ShopWithUnits.StartAsync(engine);
        var token = TestContext.Current.CancellationToken;
        var customer = await shop.Customers.CreateAsync(new Customer("Ann"), token);
        var stale = customer;
        await shop.Customers.UpdateAsync(customer with { Name = "Anna" }, token);

        var refused = await Assert.ThrowsAsync<NexusException>(async () => await shop.Unit.RunAsync(async t =>
        {
            await shop.Invoices.CreateAsync(new Invoice("A-1", 5, new DateOnly(2026, 1, 31)) { Customer = new Ref<Customer>(stale.Id) }, t);
            await shop.Customers.UpdateAsync(stale with { Name = "Annie" }, t);
        }, token));

        Assert.Equal(ErrorCodes.PreconditionFailed, refused.Code);
        Assert.Empty((await shop.Invoices.ListAsync(new ResourceQuery(), token)).Records);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task Ten_thousand_records_are_one_commit_or_none(string engine)
    {
        await using var shop = await ShopWithUnits.StartAsync(engine);
        var token = TestContext.Current.CancellationToken;

        var refused = await Record.ExceptionAsync(async () => await shop.Unit.RunAsync(async t =>
        {
            for (var i = 0; i < 10_000; i++)
                await shop.Customers.CreateAsync(new Customer(i < 9_999 ? $"customer {i}" : new string('x', 51)), t);
        }, token));
        Assert.Equal(0L, (await shop.Customers.ListAsync(new ResourceQuery { Count = true }, token)).Total);
        await shop.Unit.RunAsync(async t =>
        {
            for (var i = 0; i < 10_000; i++)
                await shop.Customers.CreateAsync(new Customer($"customer {i}"), t);
        }, token);

        Assert.Equal(ErrorCodes.ValidationError, Assert.IsType<NexusException>(refused).Code);
        Assert.Equal(10_000L, (await shop.Customers.ListAsync(new ResourceQuery { Count = true }, token)).Total);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_settlement_is_committed_with_the_writes_and_a_lost_lease_takes_them_back(string engine)
    {
        await using var shop = await ShopWithUnits.StartAsync(engine);
        var token = TestContext.Current.CancellationToken;
        await shop.Set.Events.DeclareAsync("shop", [new EventGroup("g", "x.y", 0)], token);
        await shop.Set.Records.CommitAsync(new WriteBatch { Events = [new EventMessage { Name = "x.y" }] }, token);
        var claim = new DeliveryClaim(["g"], 1, TimeSpan.Zero, TimeSpan.FromSeconds(20));
        var lost = Settlement(await shop.Set.Events.ClaimAsync(claim, token));
        var held = Settlement(await shop.Set.Events.ClaimAsync(claim, token));

        await Assert.ThrowsAsync<StorageConflictException>(async () => await shop.All.HandleAsync("shop", [lost], async t => await shop.InsertAsync("lost"), token));
        await Assert.ThrowsAsync<StorageConflictException>(async () => await shop.All.HandleAsync("shop", [lost], t => shop.Documents.SetAsync("lost", 1, t), token));
        Assert.False(await shop.All.HandleAsync("shop", [held], _ => ValueTask.CompletedTask, token));
        Assert.True(await shop.All.HandleAsync("shop", [held], async t => await shop.InsertAsync("held"), token));

        Assert.Equal(["held"], await shop.LinesAsync());
        Assert.False(await shop.Documents.ExistsAsync("lost", token));
        Assert.Equal(DeliveryState.Done, Assert.Single(await shop.Set.Events.DeliveriesAsync(new DeliveryQuery(), token)).State);
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task A_try_that_was_settled_otherwise_cannot_commit_any_more(string engine)
    {
        await using var shop = await ShopWithUnits.StartAsync(engine);
        var token = TestContext.Current.CancellationToken;
        await shop.Set.Events.DeclareAsync("shop", [new EventGroup("g", "x.y", 0)], token);
        await shop.Set.Records.CommitAsync(new WriteBatch { Events = [new EventMessage { Name = "x.y" }] }, token);
        var held = Settlement(await shop.Set.Events.ClaimAsync(new DeliveryClaim(["g"], 1, TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(20)), token));
        await shop.Set.Events.SettleAsync([held with { State = DeliveryState.Dead, Error = "too late" }], token);

        await Assert.ThrowsAsync<StorageConflictException>(async () => await shop.All.HandleAsync("shop", [held], t => shop.Documents.SetAsync("late", 1, t), token));

        Assert.False(await shop.Documents.ExistsAsync("late", token));
    }

    [Theory, MemberData(nameof(Engines))]
    public async Task In_a_host_the_ports_of_a_plugin_meet_in_one_unit(string engine)
    {
        var folder = Directory.CreateTempSubdirectory("nexus-units-").FullName;
        var token = TestContext.Current.CancellationToken;
        var settings = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["database:type"] = engine, ["database:directory"] = folder }).Build();
        await using (var host = new ServiceCollection().AddLogging().AddNexusData(settings).BuildServiceProvider())
        {
            var set = await StorageOpener.OpenAsync(host, token);
            var ports = new ServiceCollection();
            foreach (var room in host.GetServices<IPluginPorts>())
                room.Add(ports, new PluginPortContext(new PluginManifest { Name = "shop", Version = "1.0.0", Category = PluginCategory.Business, Description = "Shop.", Entry = "" }, 1, null, new FakeGeneration(host)));
            await using var plugin = ports.BuildServiceProvider();
            var (documents, sql) = (plugin.GetRequiredService<IDocuments>(), plugin.GetRequiredService<ISqlDatabase>());
            await sql.WriteAsync((session, _) => session.ExecuteAsync("CREATE TABLE line (text TEXT)"), token);

            await plugin.GetRequiredService<IUnitOfWork>().RunAsync(async t =>
            {
                await sql.WriteAsync((session, _) => session.ExecuteAsync("INSERT INTO line VALUES ('x')"), t);
                await documents.SetAsync("last", "x", t);
                Assert.True(host.GetRequiredService<IUnitsOfWork>().TryPublish("shop", [new EventMessage { Name = "shop.sold" }]));
            }, token);

            Assert.Equal("x", await documents.GetAsync<string>("last", token));
            Assert.Single(await sql.QueryAsync("SELECT text FROM line", cancellationToken: token));
            Assert.Single((await set.Events.ReadAsync(new EventQuery(), token)).Events);
        }

        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_unit_that_a_crash_cut_off_between_its_two_files_is_completed_once_before_anything_is_served()
    {
        var folder = Directory.CreateTempSubdirectory("nexus-units-").FullName;
        var token = TestContext.Current.CancellationToken;
        var batch = new WriteBatch
        {
            Writes = [new RecordWrite { Key = new RecordKey("default", "documents", "count"), Record = new StoredRecord { Id = "count", Revision = 1, Json = "1"u8.ToArray() } }],
            Events = [new EventMessage { Name = "x.y" }],
        };
        await using (var before = await new SqliteStorage(TimeProvider.System).OpenAsync(new StorageOptions(folder), token))
        {
            var file = (SqlFile)before.Sql.Get("shop", "default");
            var hold = await SqlHold.TakeAsync(file);
            file.Writer.Run("CREATE TABLE line (text TEXT)");
            file.Remember(hold.Id, batch);
            hold.Decide();
        }

        for (var start = 0; start < 2; start++)
        {
            await using var after = await new SqliteStorage(TimeProvider.System).OpenAsync(new StorageOptions(folder), token);
            Assert.Equal(1, (await after.Records.FindAsync(new RecordKey("default", "documents", "count"), token))!.Revision);
            Assert.Equal("x.y", Assert.Single((await after.Events.ReadAsync(new EventQuery(), token)).Events).Message.Name);
        }

        Directory.Delete(folder, recursive: true);
    }

    // Another caller's flow: nothing of the unit is ambient there.
    private static async Task Elsewhere(Func<Task> work)
    {
        Task other;
        using (ExecutionContext.SuppressFlow())
            other = Task.Run(work);
        await other;
    }

    private static DeliverySettlement Settlement(ImmutableArray<EventDelivery> claimed) =>
        new(claimed[0].Message.Id, claimed[0].Group, claimed[0].Fence, DeliveryState.Done);
}
