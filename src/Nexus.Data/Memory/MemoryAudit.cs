using System.Collections.Immutable;
using Nexus.Data.Events;

namespace Nexus.Data.Memory;

/// <summary>The queue of audit entries in memory.</summary>
internal sealed class MemoryAudit : IAuditQueue
{
    private readonly Lock _gate = new();
    private readonly CommitSignal _signal = new();
    private ImmutableSortedDictionary<long, byte[]> _entries = ImmutableSortedDictionary<long, byte[]>.Empty;
    private long _position;

    /// <summary>Called by commits in their order.</summary>
    public void Append(ImmutableArray<AuditEntry> entries)
    {
        if (entries.IsDefaultOrEmpty)
            return;
        lock (_gate)
        {
            foreach (var entry in entries)
                _entries = _entries.Add(++_position, AuditEncoding.Encode(entry));
        }

        _signal.Fire();
    }

    public ValueTask<ImmutableArray<QueuedAuditEntry>> ReadAsync(long after, int limit, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return ValueTask.FromResult<ImmutableArray<QueuedAuditEntry>>([.. _entries.Where(e => e.Key > after).Take(limit).Select(e => new QueuedAuditEntry(e.Key, e.Value))]);
        }
    }

    public ValueTask RemoveAsync(long through, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _entries = _entries.RemoveRange([.. _entries.Keys.TakeWhile(p => p <= through)]);
        }

        return ValueTask.CompletedTask;
    }

    public async ValueTask WaitAsync(long after, CancellationToken cancellationToken)
    {
        while (true)
        {
            var next = _signal.Next;
            lock (_gate)
            {
                if (!_entries.IsEmpty && _position > after)
                    return;
            }

            await next.WaitAsync(cancellationToken);
        }
    }
}
