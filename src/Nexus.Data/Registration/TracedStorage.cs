using System.Diagnostics;
using Nexus.Data.Sharing;
using Nexus.Data.Measuring;
using Nexus.Data.Units;

namespace Nexus.Data;

/// <summary>Whatever the engine: confidential events sealed before they reach it, a span around each call while somebody listens, a word to those who follow commits, here and on other nodes, and nothing but the call otherwise.</summary>
internal sealed class TracedStorage(IStorage storage, ICommitListener[] listeners, QueryMeasures measures, bool isShared = false, ChangeMarks? marks = null, IEventSealing? sealing = null) : IJointStorage
{
    private const string Find = "find", Query = "query", Commit = "commit";

    public bool IsShared => isShared;

    public int ShardOf(string tenant) => storage.ShardOf(tenant);

    private IJointStorage Joint => storage as IJointStorage ?? throw new InvalidOperationException("This storage engine cannot commit a unit of work together with a plugin's SQL database; write to one of them.");

    public async Task CommitAsync(WriteBatch batch, IJointPart other)
    {
        await Joint.CommitAsync(Marked(await SealedAsync(batch).ConfigureAwait(false)), other).ConfigureAwait(false);
        Tell(batch);
    }

    public async Task CommitAsync(WriteBatch batch, IJointUnit unit)
    {
        var marked = Marked(await SealedAsync(batch).ConfigureAwait(false));
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
        var started = Stopwatch.GetTimestamp();
        if (NexusTracing.Start(NexusTracing.StorageFind) is { } span)
            return MeasureAsync(WithinAsync(span.SetTag("nexus.table", key.Table), storage.FindAsync(key, cancellationToken)), Find, key.Table, started, null);
        var call = storage.FindAsync(key, cancellationToken);
        if (!call.IsCompletedSuccessfully)
            return MeasureAsync(call, Find, key.Table, started, null);
        measures.Ended(Find, key.Table, started, out var isSlow);
        if (isSlow)
            TellSlow(Find, key.Table, started, null);
        return call;
    }

    public ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        var started = Stopwatch.GetTimestamp();
        if (NexusTracing.Start(NexusTracing.StorageQuery) is { } span)
            return MeasureAsync(WithinAsync(span.SetTag("nexus.table", query.Table), storage.QueryAsync(query, cancellationToken)), Query, query.Table, started, query);
        var call = storage.QueryAsync(query, cancellationToken);
        if (!call.IsCompletedSuccessfully)
            return MeasureAsync(call, Query, query.Table, started, query);
        measures.Ended(Query, query.Table, started, out var isSlow);
        if (isSlow)
            TellSlow(Query, query.Table, started, query);
        return call;
    }

    private async ValueTask<CommitResult> CommitAndTellAsync(WriteBatch batch, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var result = await storage.CommitAsync(Marked(IsPlain(batch) ? batch : await SealedAsync(batch).ConfigureAwait(false)), cancellationToken).ConfigureAwait(false);
        measures.Ended(Commit, batch.Writes is [{ Key.Table: var table }, ..] ? table : "", started, out _);
        Tell(batch);
        return result;
    }

    private async ValueTask<T> MeasureAsync<T>(ValueTask<T> call, string operation, string table, long started, RecordQuery? query)
    {
        var result = await call.ConfigureAwait(false);
        measures.Ended(operation, table, started, out var isSlow);
        if (isSlow)
            TellSlow(operation, table, started, query);
        return result;
    }

    /// <summary>An engine without plans tells of its slow statements itself.</summary>
    private void TellSlow(string operation, string table, long started, RecordQuery? query)
    {
        if (storage is IQueryPlans plans)
            measures.Tell(table, query is null ? operation : plans.Statement(query), started, () => query is null ? new("a record by its key") : plans.ExplainAsync(query));
    }

    private bool IsPlain(WriteBatch batch)
    {
        if (sealing is null)
            return true;
        foreach (var message in batch.Events)
        {
            if (sealing.Covers(message))
                return false;
        }

        return true;
    }

    private async ValueTask<WriteBatch> SealedAsync(WriteBatch batch)
    {
        if (IsPlain(batch))
            return batch;
        var events = batch.Events.ToArray();
        for (var i = 0; i < events.Length; i++)
            events[i] = await sealing!.SealAsync(events[i], CancellationToken.None).ConfigureAwait(false);
        return batch with { Events = [.. events] };
    }

    private WriteBatch Marked(WriteBatch batch)
    {
        var told = NexusTracing.IsListenedTo && NexusTracing.Parent is { } parent ? Traced(batch, parent) : batch;
        return marks?.Mark(told) ?? told;
    }

    /// <summary>What begins with this commit, and does not say of which span it is, is of this one.</summary>
    private static WriteBatch Traced(WriteBatch batch, string parent) => batch with
    {
        Events = [.. batch.Events.Select(e => e.Headers.ContainsKey(NexusTracing.ParentHeader) ? e : e with { Headers = e.Headers.SetItem(NexusTracing.ParentHeader, parent) })],
        Tasks = [.. batch.Tasks.Select(t => t.TraceParent is null ? t with { TraceParent = parent } : t)],
    };

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
