using System.Collections.Immutable;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Commits;

/// <summary>A batch on its way through the writer.</summary>
/// <param name="batch">What to write.</param>
/// <param name="isStrict">A lost lease fails the batch; otherwise its settlement is passed over.</param>
internal sealed class CommitJob(WriteBatch batch, bool isStrict = true)
{
    private readonly TaskCompletionSource<CommitResult> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public WriteBatch Batch => batch;

    public bool IsStrict => isStrict;

    // Encoded by the caller's thread: the writer's time is what all share.
    public ImmutableArray<byte[]> Audit { get; } = batch.Audit.IsDefaultOrEmpty ? [] : [.. batch.Audit.Select(AuditEncoding.Encode)];

    /// <summary>How far the server's log had come after the commit; zero where nobody asks.</summary>
    public NpgsqlTypes.NpgsqlLogSequenceNumber LogPosition { get; set; }

    public Task<CommitResult> Task => _done.Task;

    /// <summary>Statements of the job's writes in the current group.</summary>
    public List<(NpgsqlBatchCommand Command, RecordWrite Write)> Written { get; } = [];

    /// <summary>Those who wait for deliveries have something to look for.</summary>
    public bool HasEvents => batch.Events.Length > 0 || batch.Settlements.Length > 0;

    /// <summary>Those who wait for tasks have something to look for.</summary>
    public bool HasTasks => batch.Tasks.Length > 0;

    /// <summary>It has more than one effect, so that what is refused of it takes others of its own along.</summary>
    public bool HasSeveral => batch.Writes.Length + batch.Settlements.Length + batch.Tasks.Length + batch.TaskSettlements.Length > 1;

    /// <summary>Tenants that must lie in this database; the platform's own always does.</summary>
    public string[] Tenants { get; } = [.. batch.Writes.Select(w => w.Key.Tenant).Concat(batch.Events.Select(e => e.Tenant)).Concat(batch.Tasks.Select(t => t.Tenant)).Concat(batch.Audit.Select(a => a.Tenant)).Where(t => t != CallContext.DefaultTenant).Distinct()];

    /// <summary>What the job touches; two jobs of one group share nothing.</summary>
    public IEnumerable<object> Keys => batch.Writes.Select(w => (object)w.Key).Concat(batch.Settlements.Select(s => (object)(s.EventId, s.Group))).Concat(batch.Events.Select(e => (object)e.Id))
        .Concat(batch.Tasks.Select(t => t.Key is null ? t.Id : (object)(t.Tenant, t.Task, t.Key))).Concat(batch.TaskSettlements.Select(s => (object)s.Id));

    /// <summary>It touches something twice, or must not find something: its statements are run one after another.</summary>
    public bool IsAlone => batch.Writes.Any(w => w.Record is null && w.ExpectedRevision == 0) || Keys.GroupBy(k => k).Any(g => g.Count() > 1);

    public void Acknowledge(long position) => _done.TrySetResult(new CommitResult(position));

    public void Refuse(Exception failure) => _done.TrySetException(failure);
}
