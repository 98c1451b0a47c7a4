using Nexus.Data.Sqlite;
using Nexus.Tests.Shared;

namespace Nexus.Data.Tests.Sqlite;

public sealed class CrashTests : IDisposable
{
    internal const string ChildVariable = "NEXUS_CRASH_CHILD";
    private const int Writers = 16;

    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-crash-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Twenty_kills_amid_concurrent_commits_lose_nothing_acknowledged_and_leave_no_batch_partial()
    {
        var random = new Random(7);
        var acknowledged = new HashSet<string>();
        for (var round = 0; round < 20; round++)
        {
            foreach (var id in await KilledProgram.RunAsync(ChildVariable, _folder, random.Next(40, 400)))
                Assert.True(acknowledged.Add(id), $"{id} was acknowledged twice");
        }

        await using var set = await new SqliteStorage(TimeProvider.System).OpenAsync(new StorageOptions(_folder), CancellationToken.None);
        var records = await ReadAllAsync(set.Records);
        var left = records.Where(r => r.EndsWith("/a", StringComparison.Ordinal)).Select(r => r[..^2]).ToHashSet();
        var right = records.Where(r => r.EndsWith("/b", StringComparison.Ordinal)).Select(r => r[..^2]).ToHashSet();
        var rows = (await set.Sql.Get("crash", CallContext.DefaultTenant).QueryAsync("SELECT id FROM done")).Select(r => (string)r["id"]!).ToHashSet();
        var events = await ReadEventsAsync(set.Events, left.Count + rows.Count);

        Assert.Equal(left.Order(), right.Order());
        var audited = (await set.Audit.ReadAsync(0, int.MaxValue, CancellationToken.None)).Select(e => e.Entry.Action).ToList();

        Assert.Equal(left.Order(), audited.Order());
        Assert.Empty(acknowledged.Except(left).Except(rows));
        Assert.True(rows.Count > 20 && left.Count > 800, $"{rows.Count} units and {left.Count} batches are too few to prove anything");
        Assert.Equal(left.Concat(rows).Order(), events.Order());
    }

    internal static async Task WriteForeverAsync(string folder)
    {
        var set = await new SqliteStorage(TimeProvider.System).OpenAsync(new StorageOptions(folder), CancellationToken.None);
        await using (var change = await set.Schema.BeginAsync(new SchemaRequest("crash", [], [new SqlMigration(1, "1.sql", "CREATE TABLE done (id TEXT PRIMARY KEY)")]), CancellationToken.None))
            await change.CommitAsync(CancellationToken.None);
        await KilledProgram.WriteForeverAsync(Writers, async (writer, _, id) =>
        {
            var message = new EventMessage { Name = "crash.done", CorrelationId = id };
            if (writer == 0)
                await WriteRowAsync(set.Sql.Get("crash", CallContext.DefaultTenant), id, message);
            else
                await set.Records.CommitAsync(new WriteBatch { Writes = [Write(id + "/a"), Write(id + "/b")], Events = [message], Audit = [new AuditEntry { At = DateTimeOffset.UnixEpoch, Tenant = "", Actor = "", Action = id }] }, CancellationToken.None);
        });
    }

    private static ValueTask<bool> WriteRowAsync(ISqlDatabase database, string id, EventMessage message) => database.WriteAsync(async (session, _) =>
    {
        await session.ExecuteAsync("INSERT INTO done VALUES (@id)", new Dictionary<string, object?> { ["id"] = id });
        session.Publish(message);
        return true;
    });

    private static RecordWrite Write(string id) => new()
    {
        Key = new RecordKey(CallContext.DefaultTenant, "crash.records", id),
        ExpectedRevision = 0,
        Record = new StoredRecord { Id = id, Revision = 1, Json = "{\"some\":\"text\"}"u8.ToArray() },
    };

    private static async Task<List<string>> ReadAllAsync(IStorage storage)
    {
        var ids = new List<string>();
        string? cursor = null;
        do
        {
            var page = await storage.QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = "crash.records", Limit = 1000, Cursor = cursor }, CancellationToken.None);
            ids.AddRange(page.Records.Select(r => r.Id));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return ids;
    }

    private static async Task<List<string>> ReadEventsAsync(IEventStore store, int expected)
    {
        var ids = new List<string>();
        var after = 0L;
        for (var i = 0; i < 600 && ids.Count < expected; i++)
        {
            var page = await store.ReadAsync(new EventQuery { AfterSequence = after, Limit = 1000, MaxWait = TimeSpan.FromMilliseconds(100) }, CancellationToken.None);
            ids.AddRange(page.Events.Select(e => e.Message.CorrelationId!));
            after = page.LastSequence;
        }

        return ids;
    }
}
