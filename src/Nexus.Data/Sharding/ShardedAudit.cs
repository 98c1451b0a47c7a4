using System.Collections.Immutable;

namespace Nexus.Data.Sharding;

/// <summary>The queues of audit entries of all databases as one. Entries of a tenant come in their order; a database that does not answer keeps its entries until it does.</summary>
internal sealed class ShardedAudit(Shards shards, Turns turns) : IAuditQueue
{
    private const int Remembered = 8;

    private readonly Lock _gate = new();
    private readonly long[] _removed = new long[shards.All.Length];
    private readonly LinkedList<(long Last, long[] Ends)> _read = [];

    /// <summary>Entries of every database, one after the other. Those of the database that the position belongs to begin after it, those of the others after what was removed.</summary>
    public async ValueTask<ImmutableArray<QueuedAuditEntry>> ReadAsync(long after, int limit, CancellationToken cancellationToken)
    {
        var queues = new List<(Shard Shard, ImmutableArray<QueuedAuditEntry> Waiting)>();
        foreach (var shard in turns.Next().OrderBy(s => s.Number))
            queues.Add((shard, await turns.TryAsync(shard, () => shard.Set.Audit.ReadAsync(From(shard, after), limit, cancellationToken), [])));
        // A share for each, so that one with many entries holds up no other; what is left over goes to the first that has more.
        var share = limit / shards.All.Length;
        var over = limit - queues.Sum(q => Math.Min(q.Waiting.Length, share));
        var found = ImmutableArray.CreateBuilder<QueuedAuditEntry>();
        var ends = new long[shards.All.Length];
        foreach (var (shard, waiting) in queues)
        {
            var count = Math.Min(waiting.Length, Math.Min(waiting.Length, share) + over);
            over -= count - Math.Min(waiting.Length, share);
            if (count == 0)
                continue;
            ends[shard.Number] = waiting[count - 1].Position;
            found.AddRange(waiting[..count].Select(e => new QueuedAuditEntry(shard.Out(e.Position), e.Encoded)));
        }

        if (found.Count > 0)
            Remember(found[^1].Position, ends);
        return found.ToImmutable();
    }

    /// <summary>Of every database what was read up to and with the position. What one that does not answer keeps is read again.</summary>
    public async ValueTask RemoveAsync(long through, CancellationToken cancellationToken)
    {
        foreach (var (shard, end) in EndsAt(through))
        {
            await turns.TryAsync(shard, async () =>
            {
                await shard.Set.Audit.RemoveAsync(end, cancellationToken);
                lock (_gate)
                    _removed[shard.Number] = Math.Max(_removed[shard.Number], end);
                return true;
            }, false);
        }
    }

    public async ValueTask WaitAsync(long after, CancellationToken cancellationToken)
    {
        while (!await WaitOnceAsync(after, cancellationToken))
            cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Whether there is something; false when one that waited does not answer, or it is time to ask one that did not.</summary>
    private async Task<bool> WaitOnceAsync(long after, CancellationToken cancellationToken)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var answering = turns.Next();
        var ended = Task.Delay(Timeout.InfiniteTimeSpan, ends.Token).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        var waits = answering.Select(shard => turns.TryAsync(shard, async () =>
        {
            await shard.Set.Audit.WaitAsync(From(shard, after), ends.Token);
            return true;
        }, false, ended).AsTask()).ToList();
        if (answering.Length < shards.All.Length)
            waits.Add(turns.PauseAsync(ends.Token));
        try
        {
            return await await Task.WhenAny(waits);
        }
        finally
        {
            await ends.CancelAsync();
            foreach (var wait in waits)
                await ((Task)wait).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private long From(Shard shard, long after)
    {
        if (after > 0 && Shard.NumberOf(after) == shard.Number)
            return Shard.In(after);
        lock (_gate)
            return _removed[shard.Number];
    }

    private void Remember(long last, long[] ends)
    {
        lock (_gate)
        {
            _read.AddLast((last, ends));
            if (_read.Count > Remembered)
                _read.RemoveFirst();
        }
    }

    private List<(Shard Shard, long End)> EndsAt(long through)
    {
        lock (_gate)
        {
            var read = _read.LastOrDefault(r => r.Last == through).Ends;
            return [.. shards.All.Select(s => (s, End: s.Number == Shard.NumberOf(through) ? Shard.In(through) : read?[s.Number] ?? 0)).Where(e => e.End > 0)];
        }
    }
}
