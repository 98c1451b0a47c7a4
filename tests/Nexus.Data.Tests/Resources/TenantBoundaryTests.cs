using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Nexus.Data.Documents;
using Nexus.Data.Memory;
using Nexus.Data.Resources;
using Nexus.Data.Sqlite;

namespace Nexus.Data.Tests.Resources;

/// <summary>Two tenants with callers of the same names do everything at once, with each other's ids, keys, cursors and hashes.</summary>
public sealed class TenantBoundaryTests : IAsyncLifetime
{
    private const int Workers = 16;
    private static readonly string[] Tenants = ["t1", "t2"];

    private static readonly Caller[] Callers =
    [
        new("ann", "Ann", ["red"], []), new("bob", "Bob", ["red"], []), new("cid", "Cid", ["blue"], []),
        new("dora", "Dora", [], []), new("eve", "Eve", ["red"], []), new("fred", "Fred", ["blue"], []),
    ];

    private readonly string folder = Directory.CreateTempSubdirectory("nexus-tenants-").FullName;
    private readonly ConcurrentDictionary<string, ImmutableHashSet<(string Owner, string? Team)>> made = new();
    private readonly ConcurrentBag<string> cursors = [];
    private readonly ConcurrentDictionary<string, string> blobs = new();
    private readonly int[] done = new int[20];
    private StorageSet set = null!;
    private Shop shop = null!;
    private PluginDocuments documents = null!;
    private string[] ids = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await set.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("memory", 30_000)]
    [InlineData("sqlite", 100_000)]
    public async Task Of_very_many_random_operations_no_read_or_write_crosses_a_boundary(string engine, int operations)
    {
        IStorageEngine chosen = engine == "memory" ? new MemoryStorage(TimeProvider.System) : new SqliteStorage(TimeProvider.System);
        set = await chosen.OpenAsync(new(folder), default);
        shop = new Shop(storage: set.Records, authorization: new Policy());
        documents = new PluginDocuments(set.Records, "shop", "plugins/business/shop", TimeProvider.System);
        await using (var change = await set.Schema.BeginAsync(new("shop", shop.Resources, [new SqlMigration(1, "1.sql", "CREATE TABLE note (tenant TEXT NOT NULL)")]), default))
        {
            await change.CommitAsync(default);
        }

        await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(async () =>
        {
            var random = new Random(worker);
            for (int i = 0; i < operations / Workers; i++)
            {
                var context = new CallContext(Callers[random.Next(Callers.Length)], Tenants[random.Next(2)], "test");
                CallContext.Current = context;
                await OperateAsync(context, random);
            }
        })));

        Assert.All(done.Take(13), (count, i) => Assert.True(count > operations / 1000, $"operation {i} had an effect {count} times only"));
        foreach (string tenant in Tenants)
        {
            foreach (var record in await AllAsync(tenant, "shop.invoices"))
            {
                AssertOwn(tenant, record);
                var writer = Json.Of(record).GetProperty("big").GetInt64();
                Assert.Equal(tenant, Tenants[writer / 100]);
                Assert.True(RecordAccess.Covers(new AccessDecision(Policy.ScopeOf(Callers[writer % 100].Id, "update"), ""), Callers[writer % 100], record) || record.Revision == 1, $"{Callers[writer % 100].Id} changed {Encoding.UTF8.GetString(record.Json.Span)}");
            }

            Assert.All(await AllAsync(tenant, IStorage.Documents), d => Assert.Equal($"\"{tenant}\"", Encoding.UTF8.GetString(d.Json.Span)));
        }
    }

    private async Task OperateAsync(CallContext context, Random random)
    {
        var call = shop.Call(context.Caller) with { Context = context };
        string id = AnyId(random);
        switch (random.Next(13))
        {
            case 0 or 1:
                if (await shop.Operations.FindAsyncOrNull(call, id) is { } found)
                {
                    AssertVisible(context, found);
                    Count(0);
                }

                break;
            case 2 or 3:
                await ListAsync(call, random);
                break;
            case 4:
                await CreateAsync(call, random);
                break;
            case 5:
                // One who may keeps the tables small.
                await ChangeAsync(call with { Context = context with { Caller = Callers[3] } }, [new() { Kind = ChangeKind.Delete, Id = id }], false, 13);
                break;
            case 6:
                await ChangeAsync(call, [Merge(context, id, random)], false, 2);
                break;
            case 7:
                await ChangeAsync(call, [new() { Kind = ChangeKind.Replace, Id = id, Body = Body(context, random), ExpectedRevision = random.Next(2) == 0 ? null : random.Next(1, 4) }], false, 3);
                break;
            case 8:
                await ChangeAsync(call, [new() { Kind = ChangeKind.Delete, Id = id }], false, 4);
                break;
            case 9:
                await ChangeAsync(call, [new() { Kind = ChangeKind.Action, Action = "send", Id = id, Body = "{}"u8.ToArray() }], false, 5);
                break;
            case 10:
                bool atomic = random.Next(2) == 0;
                await ChangeAsync(call, [.. Enumerable.Range(0, random.Next(2, 5)).Select(_ => Merge(context, AnyId(random), random)).DistinctBy(c => c.Id)], atomic, 6);
                break;
            case 11:
                await PortsAsync(context, random);
                break;
            default:
                await ReferAsync(call, random);
                break;
        }
    }

    private async Task ListAsync(ResourceCall call, Random random)
    {
        string owner = Callers[random.Next(Callers.Length)].Id;
        var filter = random.Next(6) switch
        {
            0 => $$"""{"owner":"{{owner}}"}""",
            1 => $$$"""{"$or":[{"owner":"{{{owner}}}"},{"team":"red"},{"id":"{{{AnyId(random)}}}"}]}""",
            2 => $$$"""{"$not":{"owner":"{{{owner}}}"}}""",
            3 => """{"number":{"$prefix":"T"}}""",
            4 => """{"number":{"$in":["T' OR '1'='1","x'); DROP TABLE \"shop.invoices\"; --"]}}""",
            _ => null,
        };
        try
        {
            var page = await shop.Operations.ListAsync(call, new()
            {
                Filter = filter is null ? null : FilterJson.Parse(filter),
                Search = random.Next(5) == 0 ? (random.Next(2) == 0 ? "T1" : "t2") : null,
                Sort = random.Next(3) == 0 ? [new("total", random.Next(2) == 0)] : [],
                Limit = random.Next(1, 12),
                Offset = random.Next(4) == 0 ? random.Next(5) : 0,
                Count = random.Next(3) == 0,
                Cursor = random.Next(6) == 0 && cursors.TryPeek(out string? cursor) ? cursor : null,
            }, default);
            Assert.All(page.Records, r => AssertVisible(call.Context, r));
            if (filter is not null && filter.Contains("DROP", StringComparison.Ordinal))
            {
                Assert.Empty(page.Records);
            }

            Count(page.Records.Length > 0 ? 1 : 19);
            if (page.NextCursor is { } next && random.Next(20) == 0)
            {
                cursors.Add(next);
            }
        }
        catch (NexusException e) when (e.Code is ErrorCodes.CursorInvalid or ErrorCodes.PermissionDenied)
        {
            // A cursor of another list, or a caller without any permission.
        }
    }

    private async Task CreateAsync(ResourceCall call, Random random)
    {
        var context = call.Context;
        // Few keys for all, so that every caller meets keys and requests of all others.
        bool keyed = random.Next(3) == 0;
        var change = new ResourceChange { Kind = ChangeKind.Create, Body = Body(context, keyed ? new Random(7) : random), Id = random.Next(10) == 0 ? AnyId(random) : null };
        if (change.Id is { } asked)
        {
            // Known before it is there: another may find it at once.
            Know(context, asked);
        }

        if (keyed)
        {
            change = change with { Id = null };
            call = call with { Idempotency = new($"key {random.Next(200)}", "f") };
        }

        var result = (await shop.Operations.ChangeAsync(call, [change], atomic: false, default))[0];
        if (result.Record is not { } record)
        {
            Assert.Contains(result.Error!.Code, new[] { ErrorCodes.Conflict, ErrorCodes.PermissionDenied, ErrorCodes.IdempotencyConflict });
            return;
        }

        Assert.Equal((context.Caller.Id, context.Caller.Teams.FirstOrDefault()), (record.Owner, record.Team));
        AssertOwn(context.Tenant, record);
        Know(context, record.Id);
        if (made.Count % 16 == 0)
        {
            ids = [.. made.Keys.TakeLast(400).Select(k => k[3..])];
        }

        Count(result.Replayed ? 7 : 8);
    }

    private async Task ChangeAsync(ResourceCall call, ResourceChange[] changes, bool atomic, int operation)
    {
        var results = await shop.Operations.ChangeAsync(call, [.. changes], atomic, default);
        for (int i = 0; i < changes.Length; i++)
        {
            if (results[i].Error is { } error)
            {
                Assert.Contains(error.Code, new[] { ErrorCodes.ResourceNotFound, ErrorCodes.PermissionDenied, ErrorCodes.PreconditionFailed, ErrorCodes.Conflict });
                if (error.Code == ErrorCodes.PermissionDenied && Policy.ScopeOf(call.Context.Caller.Id, "update") != AccessScope.None)
                {
                    // Told apart from not found only for a record that the caller may read.
                    Assert.True(made.TryGetValue($"{call.Context.Tenant}/{changes[i].Id}", out var denied) && denied.Any(d => Covers("read", call.Context.Caller, d)));
                }

                continue;
            }

            Assert.True(made.TryGetValue($"{call.Context.Tenant}/{changes[i].Id}", out var known), "a record of another tenant was changed");
            Assert.True(known.Any(k => Covers("update", call.Context.Caller, k)), $"{call.Context.Caller.Id} changed a record of {string.Join(' ', known)}");
            if (results[i].Record is { } record)
            {
                AssertOwn(call.Context.Tenant, record);
            }

            Count(operation);
        }
    }

    private async Task PortsAsync(CallContext context, Random random)
    {
        string path = $"shared.note{random.Next(30)}";
        await documents.SetAsync(path, context.Tenant);
        Assert.Equal(context.Tenant, await documents.GetAsync<string>($"shared.note{random.Next(30)}") ?? context.Tenant);
        Assert.All((await documents.QueryAsync(new() { Limit = 5 })).Documents, d => Assert.Equal(context.Tenant, d.Value!.GetValue<string>()));
        Count(9);

        var mine = set.Blobs.Get("shop", context.Tenant);
        if (random.Next(4) == 0)
        {
            using var content = new MemoryStream(Encoding.UTF8.GetBytes($"{context.Tenant} {random.Next(50)}"));
            var blob = await mine.PutAsync(content);
            blobs[blob.Sha256] = context.Tenant;
        }

        foreach (var (hash, tenant) in blobs.Take(3))
        {
            await using var stream = await mine.OpenAsync(hash);
            Assert.Equal(tenant == context.Tenant, stream is not null);
            Count(10);
        }

        var sql = set.Sql.Get("shop", context.Tenant);
        if (random.Next(4) == 0)
        {
            await sql.WriteAsync(async (session, _) =>
            {
                session.Publish(new EventMessage { Name = "shop.noted" });
                return await session.ExecuteAsync("INSERT INTO note VALUES (@t)", new Dictionary<string, object?> { ["t"] = context.Tenant });
            });
        }

        Assert.All(await sql.QueryAsync("SELECT DISTINCT tenant FROM note"), r => Assert.Equal(context.Tenant, r["tenant"]));
        var events = await set.Events.ReadAsync(new EventQuery { Tenant = context.Tenant, Newest = true, Limit = 5 }, default);
        Assert.All(events.Events, e =>
        {
            Assert.Equal(context.Tenant, e.Message.Tenant);
            Assert.DoesNotContain($"T{3 - int.Parse(context.Tenant[1..], CultureInfo.InvariantCulture)}-", Encoding.UTF8.GetString(e.Message.Data.Span), StringComparison.Ordinal);
        });
        Count(11);
    }

    /// <summary>A customer of this caller is referred to by any other: only who may see it can.</summary>
    private async Task ReferAsync(ResourceCall call, Random random)
    {
        var customer = (await shop.Operations.ChangeAsync(shop.Call(call.Context.Caller, "customers") with { Context = call.Context }, [new() { Kind = ChangeKind.Create, Body = "{\"name\":\"c\"}"u8.ToArray() }], atomic: false, default))[0];
        if (customer.Record is not { } target)
        {
            return;
        }

        var context = new CallContext(Callers[random.Next(Callers.Length)], Tenants[random.Next(2)], "test");
        var body = System.Text.Json.Nodes.JsonNode.Parse(Body(context, random).Span)!;
        body["customer"] = target.Id;
        var result = (await shop.Operations.ChangeAsync(call with { Context = context }, [new() { Kind = ChangeKind.Create, Body = JsonSerializer.SerializeToUtf8Bytes(body) }], atomic: false, default))[0];
        bool visible = context.Tenant == call.Context.Tenant && RecordAccess.Covers(new AccessDecision(Policy.ScopeOf(context.Caller.Id, "read"), ""), context.Caller, target);
        if (result.Record is { } record)
        {
            Assert.True(visible, $"{context.Caller.Id} of {context.Tenant} referred to a customer of {call.Context.Caller.Id} of {call.Context.Tenant}");
            Know(context, record.Id);
            Count(12);
        }
        else
        {
            Assert.Contains(result.Error!.Code, visible ? [ErrorCodes.PermissionDenied] : new[] { ErrorCodes.ValidationError, ErrorCodes.PermissionDenied });
        }
    }

    private static ResourceChange Merge(CallContext context, string id, Random random) => new()
    {
        Kind = ChangeKind.Merge,
        Id = id,
        Body = Encoding.UTF8.GetBytes($$"""{"big":{{Writer(context)}},"total":{{random.Next(100)}}}"""),
        ExpectedRevision = random.Next(3) == 0 ? random.Next(1, 4) : null,
    };

    private static ReadOnlyMemory<byte> Body(CallContext context, Random random) =>
        Encoding.UTF8.GetBytes($$"""{"number":"{{context.Tenant.ToUpperInvariant()}}-{{random.Next(1000)}}","total":{{random.Next(100)}},"dueOn":"2026-01-31","big":{{Writer(context)}}}""");

    private static int Writer(CallContext context) => (Array.IndexOf(Tenants, context.Tenant) * 100) + Array.FindIndex(Callers, c => c.Id == context.Caller.Id);

    private static void AssertVisible(CallContext context, StoredRecord record)
    {
        AssertOwn(context.Tenant, record);
        Assert.True(RecordAccess.Covers(new AccessDecision(Policy.ScopeOf(context.Caller.Id, "read"), ""), context.Caller, record), $"{context.Caller.Id} read a record of {record.Owner}");
    }

    private static void AssertOwn(string tenant, StoredRecord record) =>
        Assert.StartsWith(tenant.ToUpperInvariant() + "-", Json.Of(record).GetProperty("number").GetString(), StringComparison.Ordinal);

    private static bool Covers(string action, Caller caller, (string Owner, string? Team) known) =>
        RecordAccess.Covers(new AccessDecision(Policy.ScopeOf(caller.Id, action), ""), caller, new StoredRecord { Id = "", Revision = 1, Owner = known.Owner, Team = known.Team, Json = default });

    private string AnyId(Random random) => ids is { Length: > 0 } known ? known[random.Next(known.Length)] : Guid.Empty.ToString();

    private void Know(CallContext context, string id)
    {
        var mine = (context.Caller.Id, context.Caller.Teams.FirstOrDefault());
        made.AddOrUpdate($"{context.Tenant}/{id}", [mine], (_, known) => known.Add(mine));
    }

    private void Count(int operation) => Interlocked.Increment(ref done[operation]);

    private async Task<List<StoredRecord>> AllAsync(string tenant, string table)
    {
        var all = new List<StoredRecord>();
        string? cursor = null;
        do
        {
            var page = await set.Records.QueryAsync(new() { Tenant = tenant, Table = table, Limit = 1000, Cursor = cursor }, default);
            all.AddRange(page.Records);
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return all;
    }

    /// <summary>Own, team, all and none; Fred reads all and changes his own.</summary>
    private sealed class Policy : IAuthorization
    {
        public static AccessScope ScopeOf(string caller, string action) => caller switch
        {
            "ann" or "cid" => AccessScope.Own,
            "bob" => AccessScope.Team,
            "dora" => AccessScope.All,
            "fred" => action == "read" ? AccessScope.All : AccessScope.Own,
            _ => AccessScope.None,
        };

        public ValueTask<AccessDecision> DecideAsync(CallContext context, string permission, CancellationToken cancellationToken) =>
            new(new AccessDecision(ScopeOf(context.Caller.Id, permission[(permission.LastIndexOf(':') + 1)..]), "test"));
    }
}

internal static class Finding
{
    /// <summary>A read by a caller who may have no permission at all.</summary>
    public static async Task<StoredRecord?> FindAsyncOrNull(this IResourceOperations operations, ResourceCall call, string id)
    {
        try
        {
            return await operations.FindAsync(call, id, default);
        }
        catch (NexusException e) when (e.Code == ErrorCodes.PermissionDenied)
        {
            return null;
        }
    }
}
