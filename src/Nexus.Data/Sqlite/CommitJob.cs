using Nexus.Data.Records;
using Nexus.Data.Units;

namespace Nexus.Data.Sqlite;

/// <summary>One batch on its way through the writer.</summary>
internal sealed class CommitJob(MainFile file, WriteBatch batch, IJointPart? other = null) : WriteJob
{
    private readonly TaskCompletionSource<CommitResult> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _decided = other is CompletedPart;

    // Encoded by the caller's thread: the writer's time is what all share.
    private readonly byte[][] _entries = batch.Audit.IsDefaultOrEmpty ? [] : [.. batch.Audit.Select(AuditEncoding.Encode)];

    private bool _applied;

    public Task<CommitResult> Task => _done.Task;

    public override IReadOnlyList<byte[]> Entries => _applied ? _entries : [];

    /// <summary>What was decided in another file must not be rolled back with the jobs of others.</summary>
    public override bool IsAlone => other is not null;

    public override void Apply(Connection connection)
    {
        _applied = false;
        if (other is CompletedPart && IsKnown(connection, other))
            return;
        foreach (var settlement in batch.Settlements)
        {
            if (!file.Events.Settle(connection, settlement, strict: true) && other is not CompletedPart)
                throw new StorageConflictException(new RecordKey(CallContext.DefaultTenant, "deliveries", $"{settlement.EventId}/{settlement.Group}"), 0);
        }

        foreach (var settlement in batch.TaskSettlements)
        {
            if (!file.Tasks.Settle(connection, settlement) && other is not CompletedPart)
                throw new StorageConflictException(new RecordKey(CallContext.DefaultTenant, ITaskStore.Leases, settlement.Id.ToString()), 0);
        }

        foreach (var write in batch.Writes)
            Write(connection, write);
        foreach (var task in batch.Tasks)
            file.Tasks.Add(connection, task);
        foreach (var message in batch.Events)
            file.Events.Append(connection, message, ignoreKnown: false);
        _applied = true;
        if (other is null)
            return;
        using (var mark = connection.Prepare("INSERT INTO nexus_units (name,id) VALUES (?1,?2) ON CONFLICT (name) DO UPDATE SET id=?2"))
            mark.Bind(1, other.Name).Bind(2, other.Id).Step();
        if (_decided)
            return;
        other.Decide();
        _decided = true;
    }

    protected override void Succeed() => _done.TrySetResult(new CommitResult(file.NextSequence()));

    protected override void Refuse(Exception failure) => _done.TrySetException(failure);

    private static bool IsKnown(Connection connection, IJointPart part)
    {
        using var find = connection.Prepare("SELECT 1 FROM nexus_units WHERE name=?1 AND id=?2");
        return find.Bind(1, part.Name).Bind(2, part.Id).Step();
    }

    private static void Write(Connection connection, RecordWrite write)
    {
        try
        {
            WriteOnce(connection, write);
        }
        catch (SqliteFailure e) when (e.IsMissingTable)
        {
            connection.Run(TableSql.Of(write.Key.Table).Create);
            WriteOnce(connection, write);
        }
        catch (SqliteFailure e) when (e.IsUniqueViolation)
        {
            throw new StorageConflictException(write.Key, 0, TableIndex.FieldsOfMessage(e.Message));
        }
    }

    private static void WriteOnce(Connection connection, RecordWrite write)
    {
        var sql = TableSql.Of(write.Key.Table);
        if (write.Record is not { } record)
        {
            Delete(connection, sql, write);
            return;
        }

        using var statement = connection.Prepare(write.ExpectedRevision switch { null => sql.Put, 0 => sql.Insert, _ => sql.Update });
        statement.Bind(1, write.Key.Tenant).Bind(2, write.Key.Id)
            .Bind(3, write.ExpectedRevision is null ? 1 : record.Revision)
            .Bind(4, record.Owner).Bind(5, record.Team)
            .Bind(6, RecordColumns.ToMicroseconds(record.CreatedAt)).Bind(7, RecordColumns.ToMicroseconds(record.UpdatedAt))
            .Bind(8, record.SchemaVersion).BindText(9, record.Json.Span);
        if (write.ExpectedRevision is > 0)
            statement.Bind(10, write.ExpectedRevision);
        try
        {
            statement.Step();
        }
        catch (SqliteFailure e) when (e.IsKeyTaken)
        {
            throw new StorageConflictException(write.Key, CurrentRevision(connection, write.Key));
        }

        if (write.ExpectedRevision is > 0 && connection.Changes == 0)
            throw new StorageConflictException(write.Key, CurrentRevision(connection, write.Key));
    }

    private static void Delete(Connection connection, TableSql sql, RecordWrite write)
    {
        if (write.ExpectedRevision == 0)
        {
            if (CurrentRevision(connection, write.Key) is > 0 and var current)
                throw new StorageConflictException(write.Key, current);
            return;
        }

        using var statement = connection.Prepare(write.ExpectedRevision is null ? sql.Delete : sql.DeleteRevision);
        statement.Bind(1, write.Key.Tenant).Bind(2, write.Key.Id).Bind(3, write.ExpectedRevision);
        statement.Step();
        if (write.ExpectedRevision is not null && connection.Changes == 0)
            throw new StorageConflictException(write.Key, CurrentRevision(connection, write.Key));
    }

    private static long CurrentRevision(Connection connection, in RecordKey key)
    {
        using var statement = connection.Prepare(TableSql.Of(key.Table).Revision);
        statement.Bind(1, key.Tenant).Bind(2, key.Id);
        return statement.Step() ? statement.Integer(0) : 0;
    }
}

/// <summary>A part that was committed by an earlier process, or in a commit whose second half failed.</summary>
internal sealed class CompletedPart(string name, string id) : IJointPart
{
    public string Name => name;

    public string Id => id;

    public void Decide()
    {
        // It was decided then.
    }
}
