using System.Diagnostics;
using Nexus.Data.Sharing;
using Nexus.Data.Units;

namespace Nexus.Data;

/// <summary>Whatever the engine: a span around each call while somebody listens, a word to those who follow commits, here and on other nodes, and nothing but the call otherwise.</summary>
internal sealed class TracedStorage(IStorage storage, ICommitListener[] listeners, ChangeMarks? marks = null) : IJointStorage
{
    private IJointStorage Joint => storage as IJointStorage ?? throw new InvalidOperationException("This storage engine cannot commit a unit of work together with a plugin's SQL database; write to one of them.");

    public async Task CommitAsync(WriteBatch batch, IJointPart other)
    {
        await Joint.CommitAsync(Marked(batch), other).ConfigureAwait(false);
        Tell(batch);
    }

    public async Task CommitAsync(WriteBatch batch, IJointUnit unit)
    {
        var marked = Marked(batch);
        await (storage is IJointStorage joint ? joint.CommitAsync(marked, unit) : unit.CommitAsync(marked).AsTask()).ConfigureAwait(false);
        Tell(batch);
    }

    public Task CompleteAsync(string name, string id, WriteBatch batch) => Joint.CompleteAsync(name, id, batch);

    public ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (NexusTracing.Start(NexusTracing.StorageCommit) is not { } span)
            return CommitAndTellAsync(batch, cancellationToken);
        span.SetTag("nexus.writes", batch.Writes.Length).SetTag("nexus.events", batch.Events.Length);
        return WithinAsync(span, CommitAndTellAsync(batch, cancellationToken));
    }

    public ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken)
    {
        if (NexusTracing.Start(NexusTracing.StorageFind) is not { } span)
            return storage.FindAsync(key, cancellationToken);
        return WithinAsync(span.SetTag("nexus.table", key.Table), storage.FindAsync(key, cancellationToken));
    }

    public ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        if (NexusTracing.Start(NexusTracing.StorageQuery) is not { } span)
            return storage.QueryAsync(query, cancellationToken);
        return WithinAsync(span.SetTag("nexus.table", query.Table), storage.QueryAsync(query, cancellationToken));
    }

    private async ValueTask<CommitResult> CommitAndTellAsync(WriteBatch batch, CancellationToken cancellationToken)
    {
        var result = await storage.CommitAsync(Marked(batch), cancellationToken).ConfigureAwait(false);
        Tell(batch);
        return result;
    }

    private WriteBatch Marked(WriteBatch batch) => marks?.Mark(batch) ?? batch;

    private void Tell(WriteBatch batch)
    {
        if (batch.Writes.IsEmpty)
            return;
        foreach (var listener in listeners)
            listener.Committed(batch);
    }

    /// <summary>Ends the span with the call. The caller's own flow leaves it at once: what the caller does next is not part of it.</summary>
    private static ValueTask<T> WithinAsync<T>(Activity span, ValueTask<T> call)
    {
        if (Activity.Current == span)
            Activity.Current = span.Parent;
        return EndAsync(span, call);
    }

    private static async ValueTask<T> EndAsync<T>(Activity span, ValueTask<T> call)
    {
        using (span)
        {
            try
            {
                return await call.ConfigureAwait(false);
            }
            catch
            {
                span.SetStatus(ActivityStatusCode.Error);
                throw;
            }
        }
    }
}
