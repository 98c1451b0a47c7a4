using System.Collections.Immutable;
using Nexus.Data.Events;

namespace Nexus.Data.Sqlite;

/// <summary>The queue of audit entries in the main file. The one writer gives out row ids in commit order; the newest row always stays, so that they never start again.</summary>
internal sealed class SqliteAudit(MainFile file) : IAuditQueue
{
    public const string Schema = "CREATE TABLE IF NOT EXISTS audit_queue (position INTEGER PRIMARY KEY, entry BLOB NOT NULL);";

    private readonly CommitSignal _signal = new();
    private bool _appended;

    /// <summary>Runs on the writer, inside its unit of work.</summary>
    public void Append(Connection connection, ReadOnlySpan<byte> encoded)
    {
        using var insert = connection.Prepare("INSERT INTO audit_queue (entry) VALUES (?1)");
        insert.BindBlob(1, encoded).Step();
        _appended = true;
    }

    /// <summary>Runs on the writer after each commit.</summary>
    public void Committed()
    {
        if (!_appended)
            return;
        _appended = false;
        _signal.Fire();
    }

    public ValueTask<ImmutableArray<QueuedAuditEntry>> ReadAsync(long after, int limit, CancellationToken cancellationToken) =>
        ValueTask.FromResult(file.Read((after, limit), static (connection, state) =>
        {
            var found = ImmutableArray.CreateBuilder<QueuedAuditEntry>();
            using var statement = connection.Prepare("SELECT position,entry FROM audit_queue WHERE position>?1 ORDER BY position LIMIT ?2");
            statement.Bind(1, state.after).Bind(2, state.limit);
            while (statement.Step())
                found.Add(new QueuedAuditEntry(statement.Integer(0), statement.Bytes(1)));
            return found.ToImmutable();
        }));

    public async ValueTask RemoveAsync(long through, CancellationToken cancellationToken) => await file.Writer.RunAsync(connection =>
    {
        using var delete = connection.Prepare("DELETE FROM audit_queue WHERE position<=?1 AND position<(SELECT max(position) FROM audit_queue)");
        delete.Bind(1, through).Step();
        return true;
    });

    public async ValueTask WaitAsync(long after, CancellationToken cancellationToken)
    {
        while (true)
        {
            var next = _signal.Next;
            if (file.Read(0, static (connection, _) => connection.Scalar("SELECT max(position) FROM audit_queue")) > after)
                return;
            await next.WaitAsync(cancellationToken);
        }
    }
}
