using System.Collections.Immutable;
using System.Text.Json;
using Nexus.Data.Records;

namespace Nexus.Data.Sqlite;

/// <summary>The event tables as the writer thread uses them: append with its deliveries, settle, claim. All methods run on the writer, inside its unit of work.</summary>
internal sealed class EventTables(TimeProvider time)
{
    public const string Schema = """
        CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, name TEXT NOT NULL, tenant TEXT NOT NULL, occurred INTEGER NOT NULL, source TEXT NOT NULL, correlation TEXT, key TEXT, priority INTEGER NOT NULL, expires INTEGER, headers TEXT, data TEXT NOT NULL);
        CREATE INDEX IF NOT EXISTS events_correlation ON events (correlation) WHERE correlation IS NOT NULL;
        CREATE TABLE IF NOT EXISTS event_groups (grp INTEGER PRIMARY KEY AUTOINCREMENT, plugin TEXT NOT NULL, name TEXT NOT NULL UNIQUE, pattern TEXT NOT NULL, priority INTEGER NOT NULL);
        CREATE TABLE IF NOT EXISTS deliveries (grp INTEGER NOT NULL, seq INTEGER NOT NULL, priority INTEGER NOT NULL, key TEXT, state INTEGER NOT NULL, attempt INTEGER NOT NULL, due INTEGER NOT NULL, fence INTEGER NOT NULL, error TEXT, PRIMARY KEY (grp,seq)) WITHOUT ROWID;
        CREATE INDEX IF NOT EXISTS deliveries_pending ON deliveries (grp, priority DESC, seq) WHERE state=0;
        CREATE INDEX IF NOT EXISTS deliveries_key ON deliveries (grp, key, seq) WHERE state=0 AND key IS NOT NULL;
        CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (seq);
        """;

    public const string MessageColumns = "e.id,e.name,e.tenant,e.occurred,e.source,e.correlation,e.key,e.priority,e.expires,e.headers,e.data";

    public const int MessageColumnCount = 11;

    private const string InsertEvent = "INSERT INTO events (id,name,tenant,occurred,source,correlation,key,priority,expires,headers,data) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)";
    private const string InsertKnown = InsertEvent + " ON CONFLICT (id) DO NOTHING";

    // A copy costs less than a new one, which gets an id of its own.
    private static readonly EventMessage Blank = new() { Name = "" };

    private readonly Dictionary<string, ImmutableArray<long>> _groupsOfName = new(StringComparer.Ordinal);
    private ImmutableArray<(long Number, EventPattern Pattern)> _groups = [];

    /// <summary>The group of commits has something for those who wait; read and cleared after it.</summary>
    public bool Appended { get; set; }

    public long Now => RecordColumns.ToMicroseconds(time.GetUtcNow());

    public void LoadGroups(Connection connection)
    {
        var groups = ImmutableArray.CreateBuilder<(long, EventPattern)>();
        using var statement = connection.Prepare("SELECT grp,pattern FROM event_groups ORDER BY grp");
        while (statement.Step())
            groups.Add((statement.Integer(0), EventPattern.Parse(statement.Text(1)!)));
        _groups = groups.DrainToImmutable();
        _groupsOfName.Clear();
    }

    /// <summary>Stores an event and a delivery for each group whose pattern fits. A known id adds nothing when <paramref name="ignoreKnown"/> says so, and is a conflict otherwise.</summary>
    public void Append(Connection connection, EventMessage message, bool ignoreKnown)
    {
        Span<byte> id = stackalloc byte[16];
        message.Id.TryWriteBytes(id, bigEndian: true, out _);
        var now = Now;
        using (var insert = connection.Prepare(ignoreKnown ? InsertKnown : InsertEvent))
        {
            insert.BindBlob(1, id).Bind(2, message.Name).Bind(3, message.Tenant)
                .Bind(4, message.OccurredAt == default ? now : RecordColumns.ToMicroseconds(message.OccurredAt))
                .Bind(5, message.Source).Bind(6, message.CorrelationId).Bind(7, message.Key).Bind(8, message.Priority)
                .Bind(9, message.ExpiresAt is { } expires ? RecordColumns.ToMicroseconds(expires) : null)
                .Bind(10, message.Headers.IsEmpty ? null : JsonSerializer.Serialize(message.Headers))
                .BindText(11, message.Data.Span);
            try
            {
                insert.Step();
            }
            catch (SqliteFailure e) when (e.IsUniqueViolation)
            {
                throw new StorageConflictException(new RecordKey(message.Tenant, "events", message.Id.ToString()), 1);
            }
        }

        if (ignoreKnown && connection.Changes == 0)
            return;
        Appended = true;
        var sequence = SQLitePCL.raw.sqlite3_last_insert_rowid(connection.Handle);
        foreach (var group in GroupsOf(message.Name))
        {
            using var deliver = connection.Prepare("INSERT INTO deliveries (grp,seq,priority,key,state,attempt,due,fence) VALUES (?1,?2,?3,?4,0,0,?5,0)");
            deliver.Bind(1, group).Bind(2, sequence).Bind(3, message.Priority).Bind(4, message.Key).Bind(5, now);
            deliver.Step();
        }
    }

    /// <summary>Settles one delivery; false when its lease was lost, and, when <paramref name="strict"/>, when its try ended in another way.</summary>
    public bool Settle(Connection connection, DeliverySettlement settlement, bool strict = false)
    {
        Span<byte> id = stackalloc byte[16];
        settlement.EventId.TryWriteBytes(id, bigEndian: true, out _);
        using var statement = connection.Prepare("UPDATE deliveries SET state=?4,due=?5,error=?6,attempt=attempt-(?4=0 AND ?6 IS NULL) WHERE grp=(SELECT grp FROM event_groups WHERE name=?2) AND seq=(SELECT seq FROM events WHERE id=?1) AND fence=?3 AND state=0");
        statement.BindBlob(1, id).Bind(2, settlement.Group).Bind(3, settlement.Fence).Bind(4, (long)settlement.State)
            .Bind(5, settlement.RetryAt is { } retry ? RecordColumns.ToMicroseconds(retry) : Now).Bind(6, settlement.Error);
        statement.Step();
        Appended = true;
        if (connection.Changes > 0)
            return true;

        // A second settlement of the same try finds its own fence on a settled delivery.
        using var settled = connection.Prepare("SELECT 1 FROM deliveries WHERE grp=(SELECT grp FROM event_groups WHERE name=?2) AND seq=(SELECT seq FROM events WHERE id=?1) AND fence=?3 AND state<>0 AND (?4=0 OR state=?5)");
        return settled.BindBlob(1, id).Bind(2, settlement.Group).Bind(3, settlement.Fence).Bind(4, strict ? 1 : 0).Bind(5, (long)settlement.State).Step();
    }

    /// <summary>Takes due deliveries under a lease, and ends those that expired while they waited. Each group is a walk along the index of its waiting ones, ended at the limit; what each found is put in order after.</summary>
    public ImmutableArray<EventDelivery> Claim(Connection connection, DeliveryClaim claim)
    {
        var now = Now;
        var until = now + (claim.Lease.Ticks / TimeSpan.TicksPerMicrosecond);
        var groups = new List<(long Number, string Name, long Rank)>();
        using (var find = connection.Prepare("SELECT grp,name,priority FROM event_groups WHERE name IN (SELECT value FROM json_each(?1))"))
        {
            find.Bind(1, JsonSerializer.Serialize(claim.Groups));
            while (find.Step())
                groups.Add((find.Integer(0), find.Text(1)!, find.Integer(2)));
        }

        while (true)
        {
            var due = Due(connection, groups, claim.Limit, now);
            ImmutableArray<EventDelivery> taken = [.. due.Select(d => Lease(connection, d.Group, d.Sequence, d.Name, now, until)).OfType<EventDelivery>()];
            // All that was found may have expired, with others behind it.
            if (taken.Length > 0 || due.Count == 0)
                return taken;
        }
    }

    private static List<(long Priority, long Sequence, long Rank, long Group, string Name)> Due(Connection connection, List<(long Number, string Name, long Rank)> groups, int limit, long now)
    {
        var due = new List<(long Priority, long Sequence, long Rank, long Group, string Name)>();
        foreach (var group in groups)
        {
            using var walk = connection.Prepare("SELECT priority,seq FROM deliveries d WHERE grp=?1 AND state=0 AND due<=?2 AND (key IS NULL OR NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.grp=?1 AND o.key=d.key AND o.state=0 AND o.seq<d.seq)) ORDER BY priority DESC,seq LIMIT ?3");
            walk.Bind(1, group.Number).Bind(2, now).Bind(3, limit);
            while (walk.Step())
                due.Add((walk.Integer(0), walk.Integer(1), group.Rank, group.Number, group.Name));
        }

        if (groups.Count > 1)
            due.Sort(static (a, b) => (-a.Priority, a.Sequence, -a.Rank).CompareTo((-b.Priority, b.Sequence, -b.Rank)));
        if (due.Count > limit)
            due.RemoveRange(limit, due.Count - limit);
        return due;
    }

    /// <summary>Leases one; null when it has expired.</summary>
    private static EventDelivery? Lease(Connection connection, long group, long sequence, string name, long now, long until)
    {
        EventDelivery delivery;
        bool hasExpired;
        using (var read = connection.Prepare($"SELECT {MessageColumns},d.attempt,d.error,d.fence,e.expires<=?3 FROM deliveries d JOIN events e ON e.seq=d.seq WHERE d.grp=?1 AND d.seq=?2"))
        {
            read.Bind(1, group).Bind(2, sequence).Bind(3, now).Step();
            delivery = new EventDelivery(ReadMessage(read, 0), name, (int)read.Integer(MessageColumnCount) + 1, DeliveryState.Pending, read.Text(MessageColumnCount + 1), read.Integer(MessageColumnCount + 2) + 1);
            hasExpired = read.Integer(MessageColumnCount + 3) == 1;
        }

        using var lease = connection.Prepare(hasExpired ? "UPDATE deliveries SET state=4 WHERE grp=?1 AND seq=?2" : "UPDATE deliveries SET attempt=attempt+1,fence=fence+1,due=?3 WHERE grp=?1 AND seq=?2");
        lease.Bind(1, group).Bind(2, sequence);
        if (!hasExpired)
            lease.Bind(3, until);
        lease.Step();
        return hasExpired ? null : delivery;
    }

    /// <summary>Declares the groups of a plugin and drops its others with their deliveries.</summary>
    public static void Declare(Connection connection, string plugin, ImmutableArray<EventGroup> groups)
    {
        foreach (var group in groups)
        {
            EventPattern.Parse(group.Pattern);
            using var put = connection.Prepare("INSERT INTO event_groups (plugin,name,pattern,priority) VALUES (?1,?2,?3,?4) ON CONFLICT (name) DO UPDATE SET plugin=?1,pattern=?3,priority=?4");
            put.Bind(1, plugin).Bind(2, group.Name).Bind(3, group.Pattern).Bind(4, group.Priority);
            put.Step();
        }

        var names = JsonSerializer.Serialize(groups.Select(g => g.Name));
        const string dropped = "SELECT grp FROM event_groups WHERE plugin=?1 AND name NOT IN (SELECT value FROM json_each(?2))";
        foreach (var sql in new[] { $"DELETE FROM deliveries WHERE grp IN ({dropped})", $"DELETE FROM event_groups WHERE grp IN ({dropped})" })
        {
            using var drop = connection.Prepare(sql);
            drop.Bind(1, plugin).Bind(2, names);
            drop.Step();
        }
    }

    public static EventMessage ReadMessage(Statement row, int first) => Blank with
    {
        Id = new Guid(row.Bytes(first), bigEndian: true),
        Name = row.Text(first + 1)!,
        Tenant = row.Text(first + 2)!,
        OccurredAt = RecordColumns.FromMicroseconds(row.Integer(first + 3)),
        Source = row.Text(first + 4)!,
        CorrelationId = row.Text(first + 5),
        Key = row.Text(first + 6),
        Priority = (int)row.Integer(first + 7),
        ExpiresAt = row.IsNull(first + 8) ? null : RecordColumns.FromMicroseconds(row.Integer(first + 8)),
        Headers = row.Text(first + 9) is { } headers ? JsonSerializer.Deserialize<ImmutableDictionary<string, string>>(headers)! : ImmutableDictionary<string, string>.Empty,
        Data = row.Bytes(first + 10),
    };

    private ImmutableArray<long> GroupsOf(string name)
    {
        if (_groupsOfName.TryGetValue(name, out var known))
            return known;
        if (_groupsOfName.Count > 10_000)
            _groupsOfName.Clear();
        return _groupsOfName[name] = [.. _groups.Where(g => g.Pattern.Matches(name)).Select(g => g.Number)];
    }
}
