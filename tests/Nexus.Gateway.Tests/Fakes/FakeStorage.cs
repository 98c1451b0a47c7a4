using System.Collections.Immutable;

namespace Nexus.Gateway.Tests.Fakes;

/// <summary>Records in memory with the conditions of the port.</summary>
internal sealed class FakeStorage : IStorage
{
    private readonly Dictionary<RecordKey, StoredRecord> records = [];
    private readonly Lock gate = new();
    private long sequence;

    public ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            foreach (var write in batch.Writes)
            {
                var current = records.GetValueOrDefault(write.Key)?.Revision ?? 0;
                if (write.ExpectedRevision is { } expected && expected != current)
                    throw new StorageConflictException(write.Key, current);
            }
            foreach (var write in batch.Writes)
            {
                if (write.Record is { } record)
                    records[write.Key] = record;
                else
                    records.Remove(write.Key);
            }
            return ValueTask.FromResult(new CommitResult(++sequence));
        }
    }

    public ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken)
    {
        lock (gate)
            return ValueTask.FromResult(records.GetValueOrDefault(key));
    }

    public ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            var found = records.Where(r => r.Key.Table == query.Table && r.Key.Id.StartsWith(query.KeyPrefix ?? "", StringComparison.Ordinal)).Select(r => r.Value).OrderBy(r => r.Id, StringComparer.Ordinal).Take(query.Limit);
            return ValueTask.FromResult(new RecordPage([.. found], null));
        }
    }
}
