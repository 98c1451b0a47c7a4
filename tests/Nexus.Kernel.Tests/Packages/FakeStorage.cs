namespace Nexus.Kernel.Tests.Packages;

/// <summary>Records in memory with revision conditions; no filters, no paging.</summary>
internal sealed class FakeStorage : IStorage
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, StoredRecord> _records = new(StringComparer.Ordinal);
    private long _sequence;

    public string? Json(string path)
    {
        lock (_lock)
            return _records.TryGetValue(path, out var record) ? System.Text.Encoding.UTF8.GetString(record.Json.Span) : null;
    }

    public ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            foreach (var write in batch.Writes)
            {
                var revision = _records.TryGetValue(write.Key.Id, out var current) ? current.Revision : 0;
                if (write.ExpectedRevision is { } expected && expected != revision)
                    throw new StorageConflictException(write.Key, revision);
            }

            foreach (var write in batch.Writes)
            {
                if (write.Record is null)
                    _records.Remove(write.Key.Id);
                else
                    _records[write.Key.Id] = write.Record;
            }

            return ValueTask.FromResult(new CommitResult(++_sequence));
        }
    }

    public ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken)
    {
        lock (_lock)
            return ValueTask.FromResult(_records.GetValueOrDefault(key.Id));
    }

    public ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        lock (_lock)
            return ValueTask.FromResult(new RecordPage([.. _records.Values.Where(r => r.Id.StartsWith(query.KeyPrefix ?? "", StringComparison.Ordinal))], null));
    }
}
