using System.Collections.Concurrent;

namespace Nexus.Engines.PostgreSql.Tests.Nodes;

/// <summary>Two nodes on one database.</summary>
public sealed class TwoNodesTests : IAsyncLifetime
{
    private StorageSet _one = null!;
    private StorageSet _two = null!;

    public async ValueTask InitializeAsync()
    {
        var address = await PostgreSqlServer.DatabaseAsync();
        // Both at once: who comes second finds the tables that the first one makes.
        var opened = await Task.WhenAll(Opened.OpenAsync(address), Opened.OpenAsync(address));
        (_one, _two) = (opened[0], opened[1]);
    }

    public async ValueTask DisposeAsync()
    {
        await _one.DisposeAsync();
        await _two.DisposeAsync();
    }

    [Fact]
    public async Task A_commit_of_one_is_read_by_the_other_and_conflicts_with_its_writes()
    {
        await _one.CommitAsync(Opened.Put("a", "1"));

        Assert.NotNull(await _two.Records.FindAsync(new RecordKey(CallContext.DefaultTenant, "crm.people", "a"), CancellationToken.None));
        Assert.Equal(1, (await Assert.ThrowsAsync<StorageConflictException>(() => _two.CommitAsync(Opened.Put("a", "2")))).CurrentRevision);
    }

    [Fact]
    public async Task Of_many_writers_on_two_nodes_one_wins_each_revision()
    {
        await _one.CommitAsync(Opened.Put("counter", "0"));
        var key = new RecordKey(CallContext.DefaultTenant, "crm.people", "counter");

        async Task AddAsync(StorageSet set)
        {
            while (true)
            {
                var current = (await set.Records.FindAsync(key, CancellationToken.None))!;
                try
                {
                    await set.CommitAsync(Opened.Put("counter", $"{int.Parse(current.Json.Span, System.Globalization.CultureInfo.InvariantCulture) + 1}", expected: current.Revision));
                    return;
                }
                catch (StorageConflictException)
                {
                    // Another one was first.
                }
            }
        }

        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(() => AddAsync(i % 2 == 0 ? _one : _two))));

        Assert.Equal("40", System.Text.Encoding.UTF8.GetString((await _two.Records.FindAsync(key, CancellationToken.None))!.Json.Span));
    }

    [Fact]
    public async Task An_event_wakes_a_claim_on_the_other_node()
    {
        await _one.Events.DeclareAsync("crm", [new EventGroup("g", "*", 0)], CancellationToken.None);
        var claim = _one.Events.ClaimAsync(new DeliveryClaim(["g"], 10, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5)), CancellationToken.None).AsTask();
        await _two.Records.CommitAsync(new WriteBatch { Events = [new EventMessage { Name = "a.b" }] }, CancellationToken.None);

        // Long before the claim would give up.
        Assert.Single(await claim.WaitAsync(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public async Task Each_event_is_claimed_once_over_both_nodes_and_read_in_the_order_of_positions()
    {
        const int events = 600;
        await _one.Events.DeclareAsync("crm", [new EventGroup("g", "*", 0)], CancellationToken.None);
        var claimed = new ConcurrentBag<Guid>();
        var seen = new List<long>();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(240));
        var writers = Enumerable.Range(0, 6).Select(w => Task.Run(async () =>
        {
            for (var i = 0; i < events / 6; i++)
                await (w % 2 == 0 ? _one : _two).Records.CommitAsync(new WriteBatch { Events = [new EventMessage { Name = "a.b" }] }, CancellationToken.None);
        }));
        var handlers = Enumerable.Range(0, 6).Select(h => Task.Run(async () =>
        {
            var set = h % 2 == 0 ? _one : _two;
            while (claimed.Count < events && !limit.IsCancellationRequested)
            {
                var taken = await set.Events.ClaimAsync(new DeliveryClaim(["g"], 7, TimeSpan.FromMinutes(1), TimeSpan.FromMilliseconds(200)), CancellationToken.None);
                foreach (var delivery in taken)
                    claimed.Add(delivery.Message.Id);
                await set.Events.SettleAsync([.. taken.Select(d => new DeliverySettlement(d.Message.Id, d.Group, d.Fence, DeliveryState.Done))], CancellationToken.None);
            }
        }));
        // Whoever follows the positions while nodes commit must meet every event: none may become visible behind it.
        var reader = Task.Run(async () =>
        {
            for (var after = 0L; seen.Count < events && !limit.IsCancellationRequested;)
            {
                var page = await _two.Events.ReadAsync(new EventQuery { AfterSequence = after, Limit = 50, MaxWait = TimeSpan.FromMilliseconds(200) }, CancellationToken.None);
                seen.AddRange(page.Events.Select(e => e.Sequence));
                after = page.LastSequence;
            }
        });

        await Task.WhenAll([.. writers, .. handlers, reader]);

        Assert.Equal((events, events), (claimed.Count, claimed.Distinct().Count()));
        Assert.Equal(events, seen.Count);
    }

    [Fact]
    public async Task A_node_writes_the_words_of_search_fields_that_another_declared()
    {
        await _two.CommitAsync(Opened.Put("old", """{"title":"winter coat"}"""));
        await _one.DeclareAsync([], "title");

        var query = new RecordQuery { Tenant = CallContext.DefaultTenant, Table = "crm.people", Search = "coat" };
        for (var i = 0; ; i++)
        {
            // The notice of the declaration takes its own time.
            await _two.CommitAsync(Opened.Put($"new{i}", """{"title":"summer coat"}"""));
            if ((await _one.Records.QueryAsync(query, CancellationToken.None)).Records.Any(r => r.Id == $"new{i}"))
                break;
            Assert.True(i < 900, "the declaration of one node never reached the other");
            await Task.Delay(50);
        }

        Assert.Contains("old", (await _two.Records.QueryAsync(query, CancellationToken.None)).Records.Select(r => r.Id));
    }

    [Fact]
    public async Task Both_bring_the_same_migrations_at_once_and_they_run_once()
    {
        SqlMigration[] migrations = [new(1, "0001.sql", "CREATE TABLE accounts (id INTEGER PRIMARY KEY); INSERT INTO accounts VALUES (1);"), new(2, "0002.sql", "INSERT INTO accounts VALUES (2);")];

        async Task BringAsync(StorageSet set)
        {
            await using var change = await set.Schema.BeginAsync(new SchemaRequest("ledger", [], [.. migrations]), CancellationToken.None);
            await change.CommitAsync(CancellationToken.None);
        }

        await Task.WhenAll(BringAsync(_one), BringAsync(_two));

        Assert.Equal([1L, 2L], (await _two.Sql.Get("ledger", CallContext.DefaultTenant).QueryAsync("SELECT id FROM accounts ORDER BY id")).Select(r => r["id"]));
    }
}
