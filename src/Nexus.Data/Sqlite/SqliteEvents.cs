using System.Collections.Immutable;
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
        return ClaimLoop.RunAsync(claim, file.Signal, time, () => TakeAsync(claim), cancellationToken);
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
        return ValueTask.FromResult(file.Read(query, static (connection, query) => Read(connection, query)));
    }

    public async ValueTask<ImmutableArray<EventDelivery>> DeliveriesAsync(DeliveryQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        if (!query.Replay)
            return file.Read(query, static (connection, query) => [.. Deliveries(connection, query).Select(d => d.Delivery)]);
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
        if (query.Pattern is not "*")
            where.Add($"e.name GLOB {filter.Add(JsonScalar.From(query.Pattern.Replace("[", "[[]", StringComparison.Ordinal).Replace("?", "[?]", StringComparison.Ordinal).Replace("*", "?*", StringComparison.Ordinal)))}");
        if (query.From is { } from)
            where.Add($"e.occurred>={filter.Add(JsonScalar.From(RecordColumns.ToMicroseconds(from)))}");
        if (query.To is { } to)
            where.Add($"e.occurred<{filter.Add(JsonScalar.From(RecordColumns.ToMicroseconds(to)))}");
        if (query.CorrelationId is { } correlation)
            where.Add($"e.correlation={filter.Add(JsonScalar.From(correlation))}");

        using var statement = connection.Prepare($"SELECT {EventTables.MessageColumns},e.seq FROM events e WHERE {string.Join(" AND ", where)} ORDER BY e.seq {(query.Newest ? "DESC " : "")}LIMIT {filter.Add(JsonScalar.From((long)query.Limit))}");
        for (var i = 0; i < filter.Parameters.Count; i++)
            statement.Bind(i + 1, filter.Parameters[i]);
        var events = ImmutableArray.CreateBuilder<StoredEvent>();
        while (statement.Step())
            events.Add(new StoredEvent(statement.Integer(EventTables.MessageColumnCount), EventTables.ReadMessage(statement, 0)));
        return new EventPage(events.DrainToImmutable(), events.Count == 0 ? query.AfterSequence : 0) is { Events: { Length: > 0 } all } page
            ? page with { LastSequence = all[^1].Sequence }
            : new EventPage([], query.AfterSequence);
    }

    private static List<(long Group, long Sequence, EventDelivery Delivery)> Deliveries(Connection connection, DeliveryQuery query)
    {
        var id = query.EventId is { } guid ? guid.ToByteArray(bigEndian: true) : null;
        using var statement = connection.Prepare($"""
            SELECT {EventTables.MessageColumns},d.grp,d.seq,g.name,d.attempt,d.state,d.error,d.fence FROM deliveries d JOIN event_groups g ON g.grp=d.grp JOIN events e ON e.seq=d.seq
            WHERE {(id is null ? "?1 IS NULL" : "d.seq=(SELECT seq FROM events WHERE id=?1)")} AND (?2 IS NULL OR d.state=?2) AND (?3 IS NULL OR g.name=?3) ORDER BY d.seq,d.grp LIMIT ?4
            """);
        if (id is not null)
            statement.BindBlob(1, id);
        statement.Bind(2, (long?)query.State).Bind(3, query.Group).Bind(4, query.Limit);
        var found = new List<(long, long, EventDelivery)>();
        while (statement.Step())
        {
            const int own = EventTables.MessageColumnCount;
            found.Add((statement.Integer(own), statement.Integer(own + 1), new EventDelivery(EventTables.ReadMessage(statement, 0), statement.Text(own + 2)!, (int)statement.Integer(own + 3), (DeliveryState)statement.Integer(own + 4), statement.Text(own + 5), statement.Integer(own + 6))));
        }

        return found;
    }
}
