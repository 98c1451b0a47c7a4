using System.Collections.Immutable;
using System.Globalization;
using Nexus.Data.Events;
using Nexus.Data.Records;

namespace Nexus.Data.Sqlite;

/// <summary>The event store in the main file.</summary>
internal sealed class SqliteEvents(MainFile file, TimeProvider time) : IEventStore
{
    public async ValueTask DeclareAsync(string plugin, ImmutableArray<EventGroup> groups, CancellationToken cancellationToken)
    {
        await file.Writer.RunAsync(connection =>
        {
            EventTables.Declare(connection, plugin, groups);
            file.Events.LoadGroups(connection);
            return true;
        });
    }

    public ValueTask<ImmutableArray<EventDelivery>> ClaimAsync(DeliveryClaim claim, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(claim);
        return WaitLoop.RunAsync(claim.MaxWait, file.Signal, time, async () =>
        {
            var taken = claim.Groups.IsDefaultOrEmpty ? [] : await TakeAsync(claim);
            return (taken, taken.Length > 0);
        }, cancellationToken);
    }

    public async ValueTask SettleAsync(ImmutableArray<DeliverySettlement> settlements, CancellationToken cancellationToken)
    {
        await file.Writer.RunAsync(connection =>
        {
            foreach (var settlement in settlements)
                file.Events.Settle(connection, settlement);
            return true;
        });
    }

    public ValueTask<EventPage> ReadAsync(EventQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        return WaitLoop.RunAsync(query.MaxWait, file.Signal, time, () =>
        {
            var page = file.Read(query, static (connection, query) => Read(connection, query));
            return ValueTask.FromResult((page, page.Events.Length > 0));
        }, cancellationToken);
    }

    public async ValueTask<ImmutableArray<EventDelivery>> DeliveriesAsync(DeliveryQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        if (!query.Replay)
            return file.Read(query, static (connection, query) => Deliveries(connection, query).Select(d => d.Delivery).ToImmutableArray());
        return await file.Writer.RunAsync(connection =>
        {
            var found = Deliveries(connection, query);
            foreach (var (group, sequence, _) in found)
            {
                using var replay = connection.Prepare("UPDATE deliveries SET state=0,attempt=0,due=?3,fence=fence+1,error=NULL WHERE grp=?1 AND seq=?2");
                replay.Bind(1, group).Bind(2, sequence).Bind(3, file.Events.Now);
                replay.Step();
                file.Events.Appended = true;
            }

            return found.Select(d => d.Delivery).ToImmutableArray();
        });
    }

    public async ValueTask<long> ReplayAsync(EventReplay replay, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(replay);
        return await file.Writer.RunAsync(connection =>
        {
            file.Events.Appended = true;
            return Replay(connection, replay, file.Events.Now);
        });
    }

    public ValueTask<ReplayProgress> LookAsync(EventReplay replay, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(replay);
        return ValueTask.FromResult(file.Read(replay, static (connection, replay) =>
        {
            var (group, condition, filter) = ScopeOf(connection, replay);
            using var look = connection.Prepare($"SELECT count(*),count(*) FILTER (WHERE d.state=0),count(*) FILTER (WHERE d.state=2) FROM events e LEFT JOIN deliveries d ON d.seq=e.seq AND d.grp={group} WHERE {condition}");
            Bind(look, filter);
            look.Step();
            return new ReplayProgress(look.Integer(0), look.Integer(1), look.Integer(2));
        }));
    }

    public async ValueTask<long> PurgeAsync(EventPurge purge, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(purge);
        return await file.Writer.RunAsync(connection => Purge(connection, purge));
    }

    private async ValueTask<ImmutableArray<EventDelivery>> TakeAsync(DeliveryClaim claim)
    {
        // A look beside the writer first: waiting claims must not cost a commit each.
        var due = file.Read((claim, file.Events.Now), static (connection, state) =>
        {
            using var look = connection.Prepare("SELECT 1 FROM event_groups g WHERE g.name IN (SELECT value FROM json_each(?2)) AND EXISTS (SELECT 1 FROM deliveries d WHERE d.grp=g.grp AND d.state=0 AND d.due<=?1) LIMIT 1");
            look.Bind(1, state.Now).Bind(2, System.Text.Json.JsonSerializer.Serialize(state.claim.Groups));
            return look.Step();
        });
        return due ? await file.Writer.RunAsync(connection => file.Events.Claim(connection, claim)) : [];
    }

    private static EventPage Read(Connection connection, EventQuery query)
    {
        var filter = new SqliteFilter("events");
        var where = new List<string> { query.Newest && query.AfterSequence == 0 ? "1" : $"e.seq>{filter.Add(JsonScalar.From(query.AfterSequence))}" };
        if (query.Id is { } id)
            where.Add($"hex(e.id)={filter.Add(JsonScalar.From(Convert.ToHexString(id.ToByteArray(bigEndian: true))))}");
        AddScope(where, filter, query.Pattern, query.From, query.To);
        if (query.Tenant is { } tenant)
            where.Add($"e.tenant={filter.Add(JsonScalar.From(tenant))}");
        if (query.CorrelationId is { } correlation)
            where.Add($"e.correlation={filter.Add(JsonScalar.From(correlation))}");

        using var statement = connection.Prepare($"SELECT {EventTables.MessageColumns},e.seq FROM events e WHERE {string.Join(" AND ", where)} ORDER BY e.seq {(query.Newest ? "DESC " : "")}LIMIT {filter.Add(JsonScalar.From((long)query.Limit))}");
        Bind(statement, filter);
        var events = ImmutableArray.CreateBuilder<StoredEvent>();
        while (statement.Step())
            events.Add(new StoredEvent(statement.Integer(EventTables.MessageColumnCount), EventTables.ReadMessage(statement, 0)));
        return events.Count == 0 ? new EventPage([], query.AfterSequence) : new EventPage(events.ToImmutable(), events[^1].Sequence);
    }

    /// <summary>Names have only lower-case letters, digits, '_', '-' and dots, so a pattern's words need no escape in GLOB, and a star for whole words is one for at least one character.</summary>
    private static void AddScope(List<string> where, SqliteFilter filter, string pattern, DateTimeOffset? from, DateTimeOffset? to)
    {
        var parsed = EventPattern.Parse(pattern);
        if (parsed.IsExact)
            where.Add($"e.name={filter.Add(JsonScalar.From(pattern))}");
        else if (pattern is not "*")
            where.Add($"e.name GLOB {filter.Add(JsonScalar.From(pattern.Replace("*", "?*", StringComparison.Ordinal)))}");
        if (from is { } first)
            where.Add($"e.occurred>={filter.Add(JsonScalar.From(RecordColumns.ToMicroseconds(first)))}");
        if (to is { } end)
            where.Add($"e.occurred<{filter.Add(JsonScalar.From(RecordColumns.ToMicroseconds(end)))}");
    }

    private static void Bind(Statement statement, SqliteFilter filter)
    {
        for (var i = 0; i < filter.Parameters.Count; i++)
            statement.Bind(i + 1, filter.Parameters[i]);
    }

    /// <summary>The group's number, and which events of those it declares a replay names.</summary>
    private static (string Group, string Condition, SqliteFilter Filter) ScopeOf(Connection connection, EventReplay replay)
    {
        long number;
        var filter = new SqliteFilter("events");
        var where = new List<string>();
        using (var find = connection.Prepare("SELECT grp,pattern FROM event_groups WHERE name=?1"))
        {
            if (!find.Bind(1, replay.Group).Step())
                throw new NexusException(ErrorCodes.ResourceNotFound, $"No plugin declares the event group '{replay.Group}'.");
            number = find.Integer(0);
            AddScope(where, filter, find.Text(1)!, replay.From, replay.To);
        }

        AddScope(where, filter, replay.Pattern, null, null);
        if (replay.Tenant is { } tenant)
            where.Add($"e.tenant={filter.Add(JsonScalar.From(tenant))}");
        var group = number.ToString(CultureInfo.InvariantCulture);
        if (replay.OnlyDead)
            where.Add($"EXISTS (SELECT 1 FROM deliveries f WHERE f.grp={group} AND f.seq=e.seq AND f.state=2)");
        return (group, where.Count == 0 ? "1" : string.Join(" AND ", where), filter);
    }

    private static long Replay(Connection connection, EventReplay replay, long now)
    {
        var (group, condition, filter) = ScopeOf(connection, replay);
        if (replay.DryRun)
        {
            using var count = connection.Prepare($"SELECT count(*) FROM events e WHERE {condition}");
            Bind(count, filter);
            count.Step();
            return count.Integer(0);
        }

        var (first, spacing) = (filter.Add(JsonScalar.From(now + Microseconds(replay.Delay))), filter.Add(JsonScalar.From(Microseconds(replay.Spacing))));
        using var put = connection.Prepare($"INSERT INTO deliveries (grp,seq,priority,key,state,attempt,due,fence) SELECT {group},e.seq,e.priority,e.key,0,0,{first}+{spacing}*(row_number() OVER (ORDER BY e.seq)-1),0 FROM events e WHERE {condition} ON CONFLICT (grp,seq) DO UPDATE SET state=0,attempt=0,due=excluded.due,fence=fence+1,error=NULL");
        Bind(put, filter);
        put.Step();
        return connection.Changes;
    }

    private static long Microseconds(TimeSpan span) => span.Ticks / TimeSpan.TicksPerMicrosecond;

    private static long Purge(Connection connection, EventPurge purge)
    {
        var filter = new SqliteFilter("events");
        var where = new List<string> { "NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.seq=e.seq AND d.state=0)" };
        AddScope(where, filter, purge.Pattern, null, purge.Before);
        if (purge.Tenant is { } tenant)
            where.Add($"e.tenant={filter.Add(JsonScalar.From(tenant))}");
        var scope = $"FROM events e WHERE {string.Join(" AND ", where)}";
        if (purge.DryRun)
        {
            using var count = connection.Prepare($"SELECT count(*) {scope}");
            Bind(count, filter);
            count.Step();
            return count.Integer(0);
        }

        using (var deliveries = connection.Prepare($"DELETE FROM deliveries WHERE seq IN (SELECT e.seq {scope})"))
        {
            Bind(deliveries, filter);
            deliveries.Step();
        }

        using var events = connection.Prepare($"DELETE FROM events WHERE seq IN (SELECT e.seq {scope})");
        Bind(events, filter);
        events.Step();
        return connection.Changes;
    }

    private static List<(long Group, long Sequence, EventDelivery Delivery)> Deliveries(Connection connection, DeliveryQuery query)
    {
        var id = query.EventId is { } guid ? guid.ToByteArray(bigEndian: true) : null;
        using var statement = connection.Prepare($"""
            SELECT {EventTables.MessageColumns},d.grp,d.seq,g.name,d.attempt,d.state,d.error,d.fence FROM deliveries d JOIN event_groups g ON g.grp=d.grp JOIN events e ON e.seq=d.seq
            WHERE {(id is null ? "?1 IS NULL" : "d.seq=(SELECT seq FROM events WHERE id=?1)")} AND (?2 IS NULL OR d.state=?2) AND (?3 IS NULL OR g.name=?3) AND (?5 IS NULL OR e.tenant=?5) ORDER BY d.seq,d.grp LIMIT ?4
            """);
        if (id is not null)
            statement.BindBlob(1, id);
        statement.Bind(2, (long?)query.State).Bind(3, query.Group).Bind(4, query.Limit).Bind(5, query.Tenant);
        var found = new List<(long, long, EventDelivery)>();
        while (statement.Step())
        {
            const int own = EventTables.MessageColumnCount;
            found.Add((statement.Integer(own), statement.Integer(own + 1), new EventDelivery(EventTables.ReadMessage(statement, 0), statement.Text(own + 2)!, (int)statement.Integer(own + 3), (DeliveryState)statement.Integer(own + 4), statement.Text(own + 5), statement.Integer(own + 6))));
        }

        return found;
    }
}
