using System.Collections.Immutable;
using Nexus.Engines.PostgreSql.Connections;
using Nexus.Engines.PostgreSql.Events;

namespace Nexus.Engines.PostgreSql.Audit;

/// <summary>The queue of audit entries. Positions come from a sequence, under the commit lock, so they grow in commit order and go on when the queue is empty.</summary>
internal sealed class PostgreSqlAudit(Server server, Wakeups wakeups) : IAuditQueue
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    public ValueTask<ImmutableArray<QueuedAuditEntry>> ReadAsync(long after, int limit, CancellationToken cancellationToken) => server.UseAsync(async connection =>
    {
        await using var batch = connection.CreateBatch();
        batch.Add("SELECT position,entry FROM audit_queue WHERE position>$1 ORDER BY position LIMIT $2").With(after).With((long)limit);
        var found = ImmutableArray.CreateBuilder<QueuedAuditEntry>();
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            found.Add(new QueuedAuditEntry(reader.GetInt64(0), reader.GetFieldValue<byte[]>(1)));
        return found.ToImmutable();
    }, cancellationToken);

    public async ValueTask RemoveAsync(long through, CancellationToken cancellationToken) =>
        await server.UseAsync(async connection => await connection.RunAsync("DELETE FROM audit_queue WHERE position<=$1", through), cancellationToken);

    public async ValueTask WaitAsync(long after, CancellationToken cancellationToken)
    {
        while (true)
        {
            var next = wakeups.Audit.Next;
            if (await server.UseAsync(async connection => await connection.ScalarAsync("SELECT max(position) FROM audit_queue"), cancellationToken) is long last && last > after)
                return;
            // Entries of other nodes come without a signal here.
            using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(next, Task.Delay(Look, server.Time, wait.Token));
            await wait.CancelAsync();
            cancellationToken.ThrowIfCancellationRequested();
        }
    }
}
