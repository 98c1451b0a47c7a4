using System.Text;
using Nexus.Data.Records;
using Nexus.Engines.PostgreSql.Connections;
using Npgsql;
using NpgsqlTypes;

namespace Nexus.Engines.PostgreSql.Tasks;

/// <summary>The statements over tasks.</summary>
internal static class TaskSql
{
    public const string Schema = """
        CREATE TABLE IF NOT EXISTS tasks (seq bigserial PRIMARY KEY, id uuid NOT NULL UNIQUE, task text COLLATE "C" NOT NULL, plugin text COLLATE "C" NOT NULL, tenant text COLLATE "C" NOT NULL, state smallint NOT NULL, priority integer NOT NULL, due bigint NOT NULL,
            attempt integer NOT NULL, attempts integer, fence bigint NOT NULL, lease bigint, cancel boolean NOT NULL, key text COLLATE "C", worker text, created bigint NOT NULL, creator text NOT NULL, correlation text, schedule text,
            started bigint, finished bigint, percent double precision, step text, error text, input text NOT NULL, result text, trace text) WITH (fillfactor=70);
        CREATE INDEX IF NOT EXISTS tasks_due ON tasks (task, priority DESC, due, seq) WHERE state=0;
        CREATE INDEX IF NOT EXISTS tasks_lease ON tasks (lease) WHERE state=1;
        CREATE UNIQUE INDEX IF NOT EXISTS tasks_key ON tasks (tenant, task, key) WHERE key IS NOT NULL AND state<2;
        CREATE INDEX IF NOT EXISTS tasks_finished ON tasks (finished) WHERE state>1;
        DO $$ BEGIN
            IF NOT EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid='tasks'::regclass AND attname='trace') THEN ALTER TABLE tasks ADD COLUMN trace text; END IF;
        END $$;
        CREATE UNLOGGED TABLE IF NOT EXISTS arriving_tasks (LIKE tasks);
        """;

    public const string KeyIndex = "tasks_key";

    public const string Columns = "t.id,t.task,t.tenant,t.state,t.priority,t.due,t.attempt,t.attempts,t.fence,t.lease,t.cancel,t.key,t.worker,t.created,t.creator,t.correlation,t.schedule,t.started,t.finished,t.percent,t.step,t.error,t.input,t.result,t.trace";

    /// <summary>What a lease has left: due again, failed when that was the last try, or cancelled when that was asked for.</summary>
    public const string EndLostLeases = """
        UPDATE tasks t SET state=CASE WHEN t.cancel THEN 4 WHEN t.attempt>=coalesce(t.attempts,l.attempts) THEN 3 ELSE 0 END,
            finished=CASE WHEN t.cancel OR t.attempt>=coalesce(t.attempts,l.attempts) THEN $3::bigint END,error=$4,lease=NULL,due=$3,fence=t.fence+1
        FROM unnest($1::text[],$2::integer[]) AS l (task,attempts)
        WHERE l.task=t.task AND t.seq IN (SELECT seq FROM tasks WHERE state=1 AND lease<=$3 FOR UPDATE SKIP LOCKED)
        """;

    /// <summary>By name, so that each is a walk along the index of its waiting ones.</summary>
    public const string Claim = $"""
        {Picked}
        UPDATE tasks t SET state=1,attempt=t.attempt+1,fence=t.fence+1,worker=$6,started=$4,lease=$5,percent=NULL,step=NULL FROM picked k WHERE t.seq=k.seq
        RETURNING {Columns},t.seq
        """;

    public const string Reserve = $"""
        {Picked}
        UPDATE tasks t SET fence=t.fence+1,lease=$5 FROM picked k WHERE t.seq=k.seq
        RETURNING {Columns},t.seq
        """;

    public const string Take = $"""
        UPDATE tasks t SET state=1,attempt=t.attempt+1,worker=$3,started=$4,lease=$5,percent=NULL,step=NULL FROM unnest($1::uuid[],$2::bigint[]) AS r (id,fence)
        WHERE t.id=r.id AND t.fence=r.fence AND t.state=0 AND t.lease IS NOT NULL
        RETURNING {Columns}
        """;

    private const string Picked = """
        WITH picked AS MATERIALIZED (
            SELECT p.seq FROM unnest($1::text[],$2::integer[]) AS f (task,free) CROSS JOIN LATERAL (
                SELECT seq,priority,due FROM tasks WHERE task=f.task AND state=0 AND due<=$4 AND (lease IS NULL OR lease<=$4) ORDER BY priority DESC,due,seq LIMIT least(f.free,$3) FOR UPDATE SKIP LOCKED) p
            ORDER BY p.priority DESC,p.due,p.seq LIMIT $3)
        """;

    private const string Insert = """
        INSERT INTO tasks (id,task,plugin,tenant,state,priority,due,attempt,attempts,fence,cancel,key,created,creator,correlation,schedule,input,trace)
        SELECT u.id,u.task,u.plugin,u.tenant,0,u.priority,u.due,0,u.attempts,0,false,u.key,u.created,u.creator,u.correlation,u.schedule,u.input,u.trace
        FROM unnest($1::uuid[],$2::text[],$3::text[],$4::text[],$5::bigint[],$6::bigint[],$7::bigint[],$8::text[],$9::bigint[],$10::text[],$11::text[],$12::text[],$13::text[],$14::text[]) WITH ORDINALITY
            AS u (id,task,plugin,tenant,priority,due,attempts,key,created,creator,correlation,schedule,input,trace,n) ORDER BY u.n
        ON CONFLICT (id) DO NOTHING
        """;

    private const string Settle = """
        UPDATE tasks t SET state=CASE WHEN s.state=0 AND t.cancel THEN 4 ELSE s.state END,due=CASE WHEN s.state=0 AND t.state=1 THEN s.due ELSE t.due END,error=coalesce(s.error,t.error),
            attempt=t.attempt-CASE WHEN s.state=0 AND t.state=1 AND s.error IS NULL THEN 1 ELSE 0 END,finished=CASE WHEN s.state=0 AND NOT t.cancel THEN NULL ELSE $7::bigint END,
            result=s.result,lease=NULL,percent=CASE WHEN s.state=2 THEN coalesce(t.percent,100) ELSE t.percent END
        FROM unnest($1::uuid[],$2::bigint[],$3::smallint[],$4::bigint[],$5::text[],$6::text[]) AS s (id,fence,state,due,error,result)
        WHERE t.id=s.id AND t.fence=s.fence AND (t.state=1 OR (t.state=0 AND s.state=0 AND t.lease IS NOT NULL)) RETURNING t.id
        """;

    private const NpgsqlDbType Texts = NpgsqlDbType.Array | NpgsqlDbType.Text;
    private const NpgsqlDbType Numbers = NpgsqlDbType.Array | NpgsqlDbType.Bigint;
    private const NpgsqlDbType Ids = NpgsqlDbType.Array | NpgsqlDbType.Uuid;

    public static void AddTasks(NpgsqlBatch batch, IReadOnlyCollection<TaskEntry> tasks)
    {
        if (tasks.Count == 0)
            return;
        T[] All<T>(Func<TaskEntry, T> of) => [.. tasks.Select(of)];
        batch.Add(Insert)
            .With(Ids, All(t => t.Id)).With(Texts, All(t => t.Task)).With(Texts, All(t => TaskName.PluginOf(t.Task))).With(Texts, All(t => t.Tenant)).With(Numbers, All(t => (long)t.Priority))
            .With(Numbers, All(t => RecordColumns.ToMicroseconds(t.DueAt))).With(Numbers, All(t => (long?)t.MaxAttempts)).With(Texts, All(t => t.Key)).With(Numbers, All(t => RecordColumns.ToMicroseconds(t.CreatedAt)))
            .With(Texts, All(t => t.CreatedBy)).With(Texts, All(t => t.CorrelationId)).With(Texts, All(t => t.Schedule)).With(Texts, All(t => Encoding.UTF8.GetString(t.Input.Span))).With(Texts, All(t => t.TraceParent));
    }

    /// <summary>Ends tries; the rows of its result are those whose lease still held.</summary>
    public static void AddSettlements(NpgsqlBatch batch, IReadOnlyCollection<TaskSettlement> settlements, long now)
    {
        T[] All<T>(Func<TaskSettlement, T> of) => [.. settlements.Select(of)];
        batch.Add(Settle)
            .With(Ids, All(s => s.Id)).With(Numbers, All(s => s.Fence)).With(NpgsqlDbType.Array | NpgsqlDbType.Smallint, All(s => (short)s.State))
            .With(Numbers, All(s => s.RetryAt is { } retry ? RecordColumns.ToMicroseconds(retry) : now)).With(Texts, All(s => s.Error))
            .With(Texts, All(s => s.Result.IsEmpty ? null : Encoding.UTF8.GetString(s.Result.Span))).With(now);
    }

    public static void AddBeats(NpgsqlBatch batch, IReadOnlyCollection<TaskBeat> beats, long until)
    {
        T[] All<T>(Func<TaskBeat, T> of) => [.. beats.Select(of)];
        batch.Add("UPDATE tasks t SET lease=$5,percent=coalesce(b.percent,t.percent),step=coalesce(b.step,t.step) FROM unnest($1::uuid[],$2::bigint[],$3::double precision[],$4::text[]) AS b (id,fence,percent,step) WHERE t.id=b.id AND t.fence=b.fence AND t.state=1")
            .With(Ids, All(b => b.Id)).With(Numbers, All(b => b.Fence)).With(NpgsqlDbType.Array | NpgsqlDbType.Double, All(b => b.Percent)).With(Texts, All(b => b.Step)).With(until);
    }

    public static TaskEntry Read(NpgsqlDataReader row) => new()
    {
        Id = row.GetGuid(0),
        Task = row.GetString(1),
        Tenant = row.GetString(2),
        State = (TaskState)row.GetInt16(3),
        Priority = row.GetInt32(4),
        DueAt = RecordColumns.FromMicroseconds(row.GetInt64(5)),
        Attempt = row.GetInt32(6),
        MaxAttempts = row.IsDBNull(7) ? null : row.GetInt32(7),
        Fence = row.GetInt64(8),
        LeaseUntil = Instant(row, 9),
        CancelRequested = row.GetBoolean(10),
        Key = row.TextOrNull(11),
        Worker = row.TextOrNull(12),
        CreatedAt = RecordColumns.FromMicroseconds(row.GetInt64(13)),
        CreatedBy = row.GetString(14),
        CorrelationId = row.TextOrNull(15),
        Schedule = row.TextOrNull(16),
        StartedAt = Instant(row, 17),
        FinishedAt = Instant(row, 18),
        Percent = row.IsDBNull(19) ? null : row.GetDouble(19),
        Step = row.TextOrNull(20),
        Error = row.TextOrNull(21),
        Input = Encoding.UTF8.GetBytes(row.GetString(22)),
        Result = row.TextOrNull(23) is { } result ? Encoding.UTF8.GetBytes(result) : default(ReadOnlyMemory<byte>),
        TraceParent = row.TextOrNull(24),
    };

    private static DateTimeOffset? Instant(NpgsqlDataReader row, int column) => row.LongOrNull(column) is { } at ? RecordColumns.FromMicroseconds(at) : null;
}
