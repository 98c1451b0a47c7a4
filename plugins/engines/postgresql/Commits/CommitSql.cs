using System.Collections.Immutable;
using System.Text.Json;
using Nexus.Data.Records;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Schema;
using Npgsql;
using NpgsqlTypes;

namespace Nexus.Engines.PostgreSql.Commits;

/// <summary>The statements of a commit.</summary>
internal sealed class CommitSql(Server server, TableCatalog catalog)
{
    private const NpgsqlDbType Texts = NpgsqlDbType.Array | NpgsqlDbType.Text;
    private const NpgsqlDbType Numbers = NpgsqlDbType.Array | NpgsqlDbType.Bigint;

    /// <summary>Stores events in the order given and a delivery for each group whose pattern fits, as declared by any node until now.</summary>
    private const string InsertEvents = """
        WITH stored AS (
            INSERT INTO events (seq,id,name,tenant,occurred,source,correlation,key,priority,expires,headers,data)
            SELECT nextval('event_positions'),g.id,g.name,g.tenant,g.occurred,g.source,g.correlation,g.key,g.priority,g.expires,g.headers,g.data
            FROM (SELECT * FROM unnest($1::uuid[],$2::text[],$3::text[],$4::bigint[],$5::text[],$6::text[],$7::text[],$8::bigint[],$9::bigint[],$10::text[],$11::text[]) WITH ORDINALITY
                AS u (id,name,tenant,occurred,source,correlation,key,priority,expires,headers,data,n) ORDER BY u.n) g
            RETURNING seq,name,priority,key)
        INSERT INTO deliveries (grp,seq,priority,key,state,attempt,due,fence)
        SELECT t.grp,s.seq,s.priority,s.key,0,0,$12,0 FROM stored s JOIN event_groups t ON s.name LIKE t.matches
        """;

    /// <summary>Number and position are looked up first, each by its index: joined freely, every settlement would be compared with all that waits in its group, as it would by the index of those that wait, which <c>state+0</c> keeps out.</summary>
    private const string SettleDeliveries = """
        WITH s AS MATERIALIZED (
            SELECT u.*,(SELECT e.seq FROM events e WHERE e.id=u.id) AS seq,(SELECT g.grp FROM event_groups g WHERE g.name=u.name) AS grp
            FROM unnest($1::uuid[],$2::text[],$3::bigint[],$4::smallint[],$5::bigint[],$6::text[]) AS u (id,name,fence,state,due,error))
        UPDATE deliveries d SET state=s.state,due=s.due,error=s.error,attempt=d.attempt-CASE WHEN s.state=0 AND s.error IS NULL THEN 1 ELSE 0 END
        FROM s WHERE d.grp=s.grp AND d.seq=s.seq AND d.fence=s.fence AND d.state+0=0
        RETURNING s.id,s.name
        """;

    /// <summary>Begins and takes the commit lock; fails where one of the tenants does not lie here. The look comes behind the lock, so that a move that closed the tenant is seen.</summary>
    public void Begin(NpgsqlBatch batch, string[] tenants)
    {
        batch.Add("BEGIN");
        Lock(batch, tenants);
    }

    /// <summary>The same within an open unit of the platform's schema.</summary>
    public void Lock(NpgsqlBatch batch, string[] tenants)
    {
        if (tenants.Length == 0)
            batch.Add($"SELECT pg_advisory_xact_lock($1),set_config('role',$2,true),{Locks.Patience}").With(server.Locks.Commit).With(server.AppRole);
        else
            batch.Add($"SELECT pg_advisory_xact_lock($1),tenants_here($3,1),set_config('role',$2,true),{Locks.Patience}").With(server.Locks.Commit).With(server.AppRole).With(tenants);
    }

    /// <summary>Says whose rows the next statements may touch.</summary>
    public static void SetTenant(NpgsqlBatch batch, string tenant) => batch.Add("SELECT set_config('app.tenant',$1,true)").With(tenant);

    /// <summary>One write. Its condition holds when it changed a row; with <paramref name="skipsTaken"/> a taken key or value changes none, otherwise it fails.</summary>
    public NpgsqlBatchCommand Write(NpgsqlBatch batch, RecordWrite write, bool skipsTaken)
    {
        var table = Names.Quote(write.Key.Table);
        if (write.Record is not { } record)
        {
            var delete = batch.Add($"DELETE FROM {table} WHERE tenant=$1 AND id=$2{(write.ExpectedRevision is null ? "" : " AND revision=$3")}").With(write.Key.Tenant).With(write.Key.Id);
            return write.ExpectedRevision is { } expected ? delete.With(expected) : delete;
        }

        var insert = $"INSERT INTO {table} AS t (tenant,id,revision,owner,team,created,updated,schema_version,json,words) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,CAST($10 AS tsvector))";
        var command = batch.Add(write.ExpectedRevision switch
        {
            null => insert + " ON CONFLICT (tenant,id) DO UPDATE SET revision=t.revision+1,owner=excluded.owner,team=excluded.team,updated=excluded.updated,schema_version=excluded.schema_version,json=excluded.json,words=excluded.words",
            0 => skipsTaken ? insert + " ON CONFLICT DO NOTHING" : insert,
            _ => $"UPDATE {table} SET revision=$3,owner=$4,team=$5,updated=$7,schema_version=$8,json=$9,words=CAST($10 AS tsvector) WHERE tenant=$1 AND id=$2 AND revision=$11 AND $6::bigint IS NOT NULL",
        });
        command.With(write.Key.Tenant).With(write.Key.Id).With(write.ExpectedRevision is null ? 1 : record.Revision)
            .With(record.Owner).With(record.Team).With(RecordColumns.ToMicroseconds(record.CreatedAt)).With(RecordColumns.ToMicroseconds(record.UpdatedAt))
            .With(record.SchemaVersion).With(NpgsqlDbType.Text, record.Json.ToArray()).With(SearchWords.Of(catalog.Find(write.Key.Table).Search, record.Json));
        return write.ExpectedRevision is > 0 and var revision ? command.With(revision) : command;
    }

    /// <summary>Whether a write that changed no row has failed.</summary>
    public static bool MustChange(RecordWrite write) => write.Record is not null || write.ExpectedRevision is > 0;

    public static void AddPositions(NpgsqlBatch batch, int count) => batch.Add("SELECT max(nextval('commit_positions')) FROM generate_series(1,$1)").With(count);

    public void AddEvents(NpgsqlBatch batch, ImmutableArray<EventMessage> events)
    {
        if (events.IsEmpty)
            return;
        var now = server.Now;
        T[] All<T>(Func<EventMessage, T> of) => [.. events.Select(of)];
        batch.Add(InsertEvents)
            .With(NpgsqlDbType.Array | NpgsqlDbType.Uuid, All(e => e.Id)).With(Texts, All(e => e.Name)).With(Texts, All(e => e.Tenant))
            .With(Numbers, All(e => e.OccurredAt == default ? now : RecordColumns.ToMicroseconds(e.OccurredAt)))
            .With(Texts, All(e => e.Source)).With(Texts, All(e => e.CorrelationId)).With(Texts, All(e => e.Key)).With(Numbers, All(e => (long)e.Priority))
            .With(Numbers, All(e => e.ExpiresAt is { } expires ? RecordColumns.ToMicroseconds(expires) : (long?)null))
            .With(Texts, All(e => e.Headers.IsEmpty ? null : JsonSerializer.Serialize(e.Headers)))
            .With(Texts, All(e => System.Text.Encoding.UTF8.GetString(e.Data.Span)))
            .With(now);
    }

    /// <summary>Settles; the rows of its result are those that were settled.</summary>
    public NpgsqlBatchCommand AddSettlements(NpgsqlBatch batch, IReadOnlyCollection<DeliverySettlement> settlements)
    {
        var now = server.Now;
        T[] All<T>(Func<DeliverySettlement, T> of) => [.. settlements.Select(of)];
        return batch.Add(SettleDeliveries)
            .With(NpgsqlDbType.Array | NpgsqlDbType.Uuid, All(s => s.EventId)).With(Texts, All(s => s.Group)).With(Numbers, All(s => s.Fence))
            .With(NpgsqlDbType.Array | NpgsqlDbType.Smallint, All(s => (short)s.State))
            .With(Numbers, All(s => s.RetryAt is { } retry ? RecordColumns.ToMicroseconds(retry) : now)).With(Texts, All(s => s.Error));
    }

    /// <summary>Whether a delivery was settled in this way by its very try before.</summary>
    public static void AddIsSettled(NpgsqlBatch batch, DeliverySettlement settlement) =>
        batch.Add("SELECT 1 FROM deliveries d JOIN event_groups g ON g.grp=d.grp JOIN events e ON e.seq=d.seq WHERE g.name=$1 AND e.id=$2 AND d.fence=$3 AND d.state<>0 AND d.state=$4")
            .With(settlement.Group).With(settlement.EventId).With(settlement.Fence).With((int)settlement.State);

    public static void AddAudit(NpgsqlBatch batch, IReadOnlyCollection<byte[]> entries)
    {
        if (entries.Count > 0)
            batch.Add("INSERT INTO audit_queue (position,entry) SELECT nextval('audit_positions'),g.entry FROM (SELECT * FROM unnest($1::bytea[]) WITH ORDINALITY AS u (entry,n) ORDER BY u.n) g").With(NpgsqlDbType.Array | NpgsqlDbType.Bytea, entries.ToArray());
    }

    public static void AddRevision(NpgsqlBatch batch, RecordKey key) =>
        batch.Add($"SELECT revision FROM {Names.Quote(key.Table)} WHERE tenant=$1 AND id=$2").With(key.Tenant).With(key.Id);
}
