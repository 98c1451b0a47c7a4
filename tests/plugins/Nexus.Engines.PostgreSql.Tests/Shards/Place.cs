using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Engines.PostgreSql.Tests.Shards;

/// <summary>Two nodes on two databases; all unnamed tenants lie in the first.</summary>
internal sealed class Place : IAsyncDisposable
{
    public required string First { get; init; }

    public required string Second { get; init; }

    public required Databases One { get; init; }

    public required Databases Two { get; init; }

    /// <summary>Opens them.</summary>
    /// <param name="isStarted">They move tenants.</param>
    public static async Task<Place> OpenAsync(bool isStarted = true)
    {
        var (first, second) = (await PostgreSqlServer.DatabaseAsync(), await PostgreSqlServer.DatabaseAsync());
        var place = new Place { First = first, Second = second, One = await NodeAsync(first, second), Two = await NodeAsync(first, second) };
        if (isStarted)
        {
            await place.One.StartAsync();
            await place.Two.StartAsync();
        }

        return place;
    }

    /// <summary>One more node.</summary>
    public static async Task<Databases> NodeAsync(string first, string second)
    {
        var node = await Databases.OpenAsync(first, ("beta", second, ["initech"]));
        await DeclareAsync(node);
        return node;
    }

    /// <summary>A plugin with a table of records and a database of its own.</summary>
    private static async Task DeclareAsync(Databases databases)
    {
        await using var change = await databases.Set.Schema.BeginAsync(new SchemaRequest("crm", [new ResourceDescriptor { Plugin = "crm", Name = "people", Singular = "Person", Fields = [], Indexes = [], Search = ["name"] }],
            [new SqlMigration(1, "notes", "CREATE TABLE notes (id bigint PRIMARY KEY, text text NOT NULL); CREATE TABLE marks (note bigint NOT NULL REFERENCES notes(id), seen serial);")]), CancellationToken.None);
        await change.CommitAsync(CancellationToken.None);
    }

    /// <summary>Moves a tenant and waits for the end.</summary>
    public async Task<TenantMove> MoveAsync(string tenant, string shard)
    {
        var moves = One.Services.GetRequiredService<ITenantMoves>();
        await moves.StartAsync(tenant, shard, CancellationToken.None);
        return await EndAsync(moves, tenant);
    }

    /// <summary>Moves a tenant; it must succeed.</summary>
    public async Task<TenantMove> MovedAsync(string tenant, string shard)
    {
        var move = await MoveAsync(tenant, shard);
        Assert.True(move is { State: TenantMoveState.Done, Error: null }, move.Error ?? $"{move.State}");
        return move;
    }

    public static async Task<TenantMove> EndAsync(ITenantMoves moves, string tenant)
    {
        for (var i = 0; ; i++)
        {
            var move = (await moves.ListAsync(CancellationToken.None)).Single(m => m.Tenant == tenant);
            if (move.EndedAt is not null)
                return move;
            Assert.True(i < 1200, $"the move stands still: {move}");
            await Task.Delay(50);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await One.DisposeAsync();
        await Two.DisposeAsync();
    }
}

/// <summary>Writers and readers of one tenant on both nodes, and what they were told.</summary>
internal sealed class Load(Place place)
{
    private const int Writers = 6;

    /// <summary>By record: how often its writer was told that it counts one more.</summary>
    public ConcurrentDictionary<string, long> Acknowledged { get; } = new();

    public ConcurrentBag<string> Failures { get; } = [];

    private long _refused;

    /// <summary>How often a call was refused because the tenant was closed for too long: nothing was written, as a caller is told.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    public Task RunAsync(CancellationToken ending) => Task.WhenAll(
    [
        .. Enumerable.Range(0, Writers).Select(n => Task.Run(() => CountAsync(n, ending))),
        .. Enumerable.Range(0, 2).Select(n => Task.Run(() => AddAsync(n, ending))),
        .. Enumerable.Range(0, 2).Select(n => Task.Run(() => NoteAsync(n, ending))),
    ]);

    /// <summary>What was acknowledged is there once, and nothing else.</summary>
    public async Task CheckAsync()
    {
        foreach (var (id, count) in Acknowledged.Where(a => a.Key.StartsWith('c')))
        {
            var record = await place.One.Records.FindAsync(new RecordKey("acme", "crm.people", id), CancellationToken.None);
            Assert.Equal((id, count), (id, record is null ? 0 : (long)JsonNode.Parse(record.Json.Span)!["count"]!));
            Assert.Equal(count, record!.Revision);
        }

        var added = Acknowledged.Keys.Where(k => k.StartsWith('a')).Order(StringComparer.Ordinal).ToList();
        var found = await place.Two.Records.QueryAsync(new RecordQuery { Tenant = "acme", Table = "crm.people", KeyPrefix = "a", Limit = 100_000 }, CancellationToken.None);
        Assert.Equal(added, found.Records.Select(r => r.Id).Order(StringComparer.Ordinal));
        var told = (await place.Two.Set.Events.ReadAsync(new EventQuery { Tenant = "acme", Pattern = "crm.people.added", Limit = 100_000 }, CancellationToken.None)).Events.Select(e => e.Message.Key!);
        Assert.Equal(added, told.Order(StringComparer.Ordinal));
        var notes = await place.One.Set.Sql.Get("crm", "acme").QueryAsync("SELECT text FROM notes WHERE id>1000000");
        Assert.Equal(Acknowledged.Keys.Where(k => k.StartsWith('n')).Order(StringComparer.Ordinal), notes.Select(r => (string)r["text"]!).Order(StringComparer.Ordinal));
    }

    /// <summary>Adds one to a record by turns on both nodes; what it reads is never older than what it was told.</summary>
    private Task CountAsync(int number, CancellationToken ending) => RepeatAsync(async turn =>
    {
        var (writer, reader) = turn % 2 == 0 ? (place.One, place.Two) : (place.Two, place.One);
        var key = new RecordKey("acme", "crm.people", $"c{number}");
        var known = Acknowledged.GetValueOrDefault(key.Id);
        var record = await reader.Records.FindAsync(key, CancellationToken.None);
        if ((record?.Revision ?? 0) != known)
            Failures.Add($"{key.Id} was read at {record?.Revision ?? 0} after {known} was acknowledged");
        await writer.Set.CommitAsync(Opened.Put(key.Id, $$"""{"count":{{known + 1}}}""", tenant: "acme", expected: known));
        Acknowledged[key.Id] = known + 1;
    }, ending);

    private Task AddAsync(int number, CancellationToken ending) => RepeatAsync(async turn =>
    {
        var id = $"a{number}-{turn}";
        await (turn % 2 == 0 ? place.One : place.Two).Records.CommitAsync(new WriteBatch { Writes = [Opened.Put(id, "{}", tenant: "acme")], Events = [new EventMessage { Name = "crm.people.added", Tenant = "acme", Key = id }] }, CancellationToken.None);
        Acknowledged[id] = 1;
    }, ending);

    private Task NoteAsync(int number, CancellationToken ending) => RepeatAsync(async turn =>
    {
        var text = $"n{number}-{turn}";
        await (turn % 2 == 0 ? place.One : place.Two).Set.Sql.Get("crm", "acme").WriteAsync((session, _) => session.ExecuteAsync("INSERT INTO notes (id,text) VALUES (@id,@text)", new Dictionary<string, object?> { ["id"] = 1_000_001L + (turn * 2) + number, ["text"] = text }));
        Acknowledged[text] = 1;
    }, ending);

    private async Task RepeatAsync(Func<long, Task> one, CancellationToken ending)
    {
        for (var turn = 0L; !ending.IsCancellationRequested; turn++)
        {
            try
            {
                await one(turn);
            }
            catch (TenantAwayException)
            {
                Interlocked.Increment(ref _refused);
            }
            catch (Exception e)
            {
                Failures.Add(e.ToString());
                return;
            }
        }
    }
}
