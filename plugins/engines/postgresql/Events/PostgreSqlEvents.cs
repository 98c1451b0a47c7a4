using System.Collections.Immutable;
using Nexus.Engines.PostgreSql.Commits;
using Nexus.Engines.PostgreSql.Connections;
using Npgsql;
using NpgsqlTypes;

namespace Nexus.Engines.PostgreSql.Events;

/// <summary>Events and their deliveries, shared by all nodes: whoever claims a delivery holds it by its lease and fence, and passes over what another node is claiming.</summary>
internal sealed class PostgreSqlEvents(Server server, CommitWriter writer, Wakeups wakeups) : IEventStore
{
    /// <summary>Retries and lost leases become due without a commit, and a notice of another node may be lost: a wait looks again this often.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);

    /// <summary>By group, so that each is a walk along the index of its waiting ones; of one key only the oldest unsettled. What expired while it waited ends here.</summary>
    private const string Pick = """
        WITH picked AS MATERIALIZED (
            SELECT p.grp,p.seq,g.name,g.priority AS rank FROM event_groups g CROSS JOIN LATERAL (
                SELECT d.grp,d.seq,d.priority FROM deliveries d
                WHERE d.grp=g.grp AND d.state=0 AND d.due<=$2
                AND (d.key IS NULL OR NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.grp=d.grp AND o.key=d.key AND o.state=0 AND o.seq<d.seq))
                ORDER BY d.priority DESC,d.seq LIMIT $3 FOR UPDATE OF d SKIP LOCKED) p
            WHERE g.name=ANY($1) ORDER BY p.priority DESC,p.seq,g.priority DESC LIMIT $3
        )
        UPDATE deliveries u SET
            state=CASE WHEN e.expires<=$2 THEN 4 ELSE 0 END,attempt=u.attempt+CASE WHEN e.expires<=$2 THEN 0 ELSE 1 END,
            fence=u.fence+1,due=CASE WHEN e.expires<=$2 THEN u.due ELSE $4 END
        FROM picked k, events e WHERE u.grp=k.grp AND u.seq=k.seq AND e.seq=k.seq
        """ + $" RETURNING {EventRows.Columns},u.grp,u.seq,k.name,u.attempt,u.state,u.error,u.fence,k.rank";

    public async ValueTask DeclareAsync(string plugin, ImmutableArray<EventGroup> groups, CancellationToken cancellationToken)
    {
        foreach (var group in groups)
            EventPattern.Parse(group.Pattern);
        await server.LockedAsync(server.Locks.Commit, async connection =>
        {
            await using var batch = connection.CreateBatch();
            foreach (var group in groups)
            {
                batch.Add("INSERT INTO event_groups (plugin,name,pattern,matches,priority) VALUES ($1,$2,$3,$4,$5) ON CONFLICT (name) DO UPDATE SET plugin=$1,pattern=$3,matches=$4,priority=$5")
                    .With(plugin).With(group.Name).With(group.Pattern).With(group.Pattern == "*" ? "%" : EventScope.Likeness(group.Pattern)).With(group.Priority);
            }

            string[] names = [.. groups.Select(g => g.Name)];
            batch.Add("DELETE FROM deliveries WHERE grp IN (SELECT grp FROM event_groups WHERE plugin=$1 AND NOT name=ANY($2))").With(plugin).With(names);
            batch.Add("DELETE FROM event_groups WHERE plugin=$1 AND NOT name=ANY($2)").With(plugin).With(names);
            return await batch.ExecuteNonQueryAsync(cancellationToken);
        }, cancellationToken);
    }

    public ValueTask<ImmutableArray<EventDelivery>> ClaimAsync(DeliveryClaim claim, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(claim);
        return WaitAsync(claim.MaxWait, async () =>
        {
            var taken = claim.Groups.IsDefaultOrEmpty ? [] : await TakeAsync(claim);
            return (taken, taken.Length > 0);
        }, cancellationToken);
    }

    public async ValueTask SettleAsync(ImmutableArray<DeliverySettlement> settlements, CancellationToken cancellationToken)
    {
        if (!settlements.IsDefaultOrEmpty)
            await writer.CommitAsync(new WriteBatch { Settlements = settlements }, isStrict: false);
    }

    public ValueTask<EventPage> ReadAsync(EventQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        return WaitAsync(query.MaxWait, async () =>
        {
            var page = await PageAsync(query);
            return (page, page.LastSequence != query.AfterSequence);
        }, cancellationToken);
    }

    public async ValueTask<ImmutableArray<EventDelivery>> DeliveriesAsync(DeliveryQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        if (!query.Replay)
            return [.. (await server.UseAsync(async connection =>
            {
                await connection.CheckReadableAsync(query.Tenant);
                return await DeliveriesAsync(connection, query);
            }, cancellationToken)).Select(d => d.Delivery)];
        var found = await server.LockedAsync(server.Locks.Commit, async connection =>
        {
            await connection.CheckWritableAsync(query.Tenant, server.Locks);
            var dead = await DeliveriesAsync(connection, query);
            await using var batch = connection.CreateBatch();
            batch.Add("UPDATE deliveries d SET state=0,attempt=0,due=$3,fence=d.fence+1,error=NULL FROM unnest($1::bigint[],$2::bigint[]) AS s (grp,seq) WHERE d.grp=s.grp AND d.seq=s.seq")
                .With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, dead.Select(d => d.Group).ToArray()).With(NpgsqlDbType.Array | NpgsqlDbType.Bigint, dead.Select(d => d.Sequence).ToArray()).With(server.Now);
            await batch.ExecuteNonQueryAsync(cancellationToken);
            return dead;
        }, cancellationToken);
        wakeups.Wake(events: true, audit: false);
        return [.. found.Select(d => d.Delivery)];
    }

    public async ValueTask<long> ReplayAsync(EventReplay replay, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(replay);
        EventPattern.Parse(replay.Pattern);
        var count = await server.LockedAsync(server.Locks.Commit, async connection =>
        {
            await connection.CheckWritableAsync(replay.Tenant, server.Locks);
            var (group, scope) = await ScopeOfAsync(connection, replay);
            await using var batch = connection.CreateBatch();
            if (replay.DryRun)
            {
                scope.Bind(batch.Add($"SELECT count(*) FROM events e WHERE {scope.Sql}"));
                return (long)(await batch.ExecuteScalarAsync(cancellationToken))!;
            }

            var (first, spacing) = (scope.Add(server.Now + Microseconds(replay.Delay)), scope.Add(Microseconds(replay.Spacing)));
            var put = scope.Bind(batch.Add($"INSERT INTO deliveries AS d (grp,seq,priority,key,state,attempt,due,fence) SELECT {group},e.seq,e.priority,e.key,0,0,{first}::bigint+{spacing}::bigint*(row_number() OVER (ORDER BY e.seq)-1),0 FROM events e WHERE {scope.Sql} ON CONFLICT (grp,seq) DO UPDATE SET state=0,attempt=0,due=excluded.due,fence=d.fence+1,error=NULL"));
            await batch.ExecuteNonQueryAsync(cancellationToken);
            return (long)put.RecordsAffected;
        }, cancellationToken);
        wakeups.Wake(events: true, audit: false);
        return count;
    }

    public ValueTask<ReplayProgress> LookAsync(EventReplay replay, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(replay);
        EventPattern.Parse(replay.Pattern);
        return server.UseAsync(async connection =>
        {
            await connection.CheckReadableAsync(replay.Tenant);
            var (group, scope) = await ScopeOfAsync(connection, replay);
            await using var batch = connection.CreateBatch();
            scope.Bind(batch.Add($"SELECT count(*),count(*) FILTER (WHERE d.state=0),count(*) FILTER (WHERE d.state=2) FROM events e LEFT JOIN deliveries d ON d.seq=e.seq AND d.grp={group} WHERE {scope.Sql}"));
            await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
            await reader.ReadAsync(cancellationToken);
            return new ReplayProgress(reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2));
        }, cancellationToken);
    }

    public async ValueTask<long> PurgeAsync(EventPurge purge, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(purge);
        var scope = new EventScope().And("NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.seq=e.seq AND d.state=0)").Named(purge.Pattern).Between(null, purge.Before).Of(purge.Tenant);
        return await server.LockedAsync(server.Locks.Commit, async connection =>
        {
            await connection.CheckWritableAsync(purge.Tenant, server.Locks);
            await using var batch = connection.CreateBatch();
            scope.Bind(batch.Add(purge.DryRun
                ? $"SELECT count(*) FROM events e WHERE {scope.Sql}"
                : $"WITH gone AS (DELETE FROM events e WHERE {scope.Sql} RETURNING e.seq), settled AS (DELETE FROM deliveries WHERE seq IN (SELECT seq FROM gone)) SELECT count(*) FROM gone"));
            return (long)(await batch.ExecuteScalarAsync(cancellationToken))!;
        }, cancellationToken);
    }

    private static long Microseconds(TimeSpan span) => span.Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>The group's number as a parameter, and which events of those it declares a replay names.</summary>
    private static async Task<(string Group, EventScope Scope)> ScopeOfAsync(NpgsqlConnection connection, EventReplay replay)
    {
        var (number, pattern) = await GroupAsync(connection, replay.Group);
        var scope = new EventScope().Named(pattern).Named(replay.Pattern).Between(replay.From, replay.To).Of(replay.Tenant);
        var group = scope.Add(number);
        return (group, replay.OnlyDead ? scope.And($"EXISTS (SELECT 1 FROM deliveries f WHERE f.grp={group} AND f.seq=e.seq AND f.state=2)") : scope);
    }

    private static async Task<(long Number, string Pattern)> GroupAsync(NpgsqlConnection connection, string name)
    {
        await using var batch = connection.CreateBatch();
        batch.Add("SELECT grp,pattern FROM event_groups WHERE name=$1").With(name);
        await using var reader = await batch.ExecuteReaderAsync();
        return await reader.ReadAsync() ? (reader.GetInt64(0), reader.GetString(1)) : throw new NexusException(ErrorCodes.ResourceNotFound, $"No plugin declares the event group '{name}'.");
    }

    private ValueTask<ImmutableArray<EventDelivery>> TakeAsync(DeliveryClaim claim) => server.UseAsync(async connection =>
    {
        var now = server.Now;
        string[] groups = [.. claim.Groups];
        await using (var look = connection.CreateBatch())
        {
            // A look first: waiting claims must not cost a commit each.
            look.Add("SELECT 1 FROM event_groups g WHERE g.name=ANY($1) AND EXISTS (SELECT 1 FROM deliveries d WHERE d.grp=g.grp AND d.state=0 AND d.due<=$2) LIMIT 1").With(groups).With(now);
            if (await look.ExecuteScalarAsync() is null)
                return [];
        }

        var taken = new List<(EventDelivery Delivery, long Sequence, int Rank)>();
        // All that was found may have expired, with others behind it.
        for (var found = 1; found > 0 && taken.Count == 0;)
        {
            found = 0;
            await using var batch = connection.CreateBatch();
            batch.Add(Pick).With(groups).With(now).With((long)claim.Limit).With(now + (claim.Lease.Ticks / TimeSpan.TicksPerMicrosecond));
            await using var reader = await batch.ExecuteReaderAsync();
            for (; await reader.ReadAsync(); found++)
            {
                if (reader.GetInt16(EventRows.Count + 4) == (short)DeliveryState.Pending)
                    taken.Add((ReadDelivery(reader), reader.GetInt64(EventRows.Count + 1), reader.GetInt32(EventRows.Count + 7)));
            }
        }

        return taken.OrderByDescending(t => t.Delivery.Message.Priority).ThenBy(t => t.Sequence).ThenByDescending(t => t.Rank).Select(t => t.Delivery).ToImmutableArray();
    }, CancellationToken.None);

    private ValueTask<EventPage> PageAsync(EventQuery query) => server.UseAsync(async connection =>
    {
        await connection.CheckReadableAsync(query.Tenant);
        var scope = new EventScope();
        if (!(query.Newest && query.AfterSequence == 0))
            scope.And($"e.seq>{scope.Add(query.AfterSequence)}");
        if (query.Id is { } id)
            scope.And($"e.id={scope.Add(id)}");
        scope.Named(query.Pattern).Between(query.From, query.To);
        if (!query.IsTail)
            scope.Of(query.Tenant);
        if (query is { FormerSequence: { } former, Tenant: { } moved })
            scope.And($"e.seq>coalesce((SELECT max(f.seq) FROM events f WHERE f.tenant={scope.Add(moved)} AND f.was<={scope.Add(former)} AND f.was>>46={scope.Add(former >> 46)}),0)");
        if (query.CorrelationId is { } correlation)
            scope.And($"e.correlation={scope.Add(correlation)}");
        var limit = scope.Add((long)query.Limit);
        await using var batch = connection.CreateBatch();
        scope.Bind(batch.Add($"SELECT {EventRows.Columns},e.seq,e.was IS NULL FROM events e WHERE {scope.Sql} ORDER BY e.seq {(query.Newest ? "DESC " : "")}LIMIT {limit}"));
        var events = ImmutableArray.CreateBuilder<StoredEvent>();
        await using var reader = await batch.ExecuteReaderAsync();
        var last = query.AfterSequence;
        while (await reader.ReadAsync())
        {
            last = reader.GetInt64(EventRows.Count);
            if (!query.IsTail || reader.GetBoolean(EventRows.Count + 1))
                events.Add(new StoredEvent(last, EventRows.Read(reader)));
        }

        return new EventPage(events.ToImmutable(), last);
    }, CancellationToken.None);

    private static async ValueTask<List<(long Group, long Sequence, EventDelivery Delivery)>> DeliveriesAsync(NpgsqlConnection connection, DeliveryQuery query)
    {
        var scope = new EventScope().Of(query.Tenant);
        if (query.EventId is { } id)
            scope.And($"e.id={scope.Add(id)}");
        if (query.State is { } state)
            scope.And($"d.state={scope.Add((long)state)}");
        if (query.Group is { } group)
            scope.And($"g.name={scope.Add(group)}");
        var limit = scope.Add((long)query.Limit);
        await using var batch = connection.CreateBatch();
        scope.Bind(batch.Add($"SELECT {EventRows.Columns},d.grp,d.seq,g.name,d.attempt,d.state,d.error,d.fence FROM deliveries d JOIN event_groups g ON g.grp=d.grp JOIN events e ON e.seq=d.seq WHERE {scope.Sql} ORDER BY d.seq,d.grp LIMIT {limit}"));
        var found = new List<(long, long, EventDelivery)>();
        await using var reader = await batch.ExecuteReaderAsync();
        while (await reader.ReadAsync())
            found.Add((reader.GetInt64(EventRows.Count), reader.GetInt64(EventRows.Count + 1), ReadDelivery(reader)));
        return found;
    }

    private static EventDelivery ReadDelivery(NpgsqlDataReader row) => new(
        EventRows.Read(row), row.GetString(EventRows.Count + 2), row.GetInt32(EventRows.Count + 3), (DeliveryState)row.GetInt16(EventRows.Count + 4), row.TextOrNull(EventRows.Count + 5), row.GetInt64(EventRows.Count + 6));

    /// <summary>Looks, then waits for a commit here or elsewhere, the next look or the limit. Cancelling ends the wait and returns what the last look found.</summary>
    private async ValueTask<T> WaitAsync<T>(TimeSpan maxWait, Func<ValueTask<(T Result, bool Found)>> look, CancellationToken cancellationToken)
    {
        var started = server.Time.GetTimestamp();
        while (true)
        {
            var next = wakeups.Events.Next;
            var (result, found) = await look();
            var left = maxWait - server.Time.GetElapsedTime(started);
            if (found || left <= TimeSpan.Zero || cancellationToken.IsCancellationRequested)
                return result;
            using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(next, Task.Delay(left < Look ? left : Look, server.Time, wait.Token));
            await wait.CancelAsync();
        }
    }
}
