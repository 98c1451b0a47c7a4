using System.Collections.Immutable;
using System.Text.Json;

namespace Nexus.Data.Tests.Resources;

/// <summary>Records in a dictionary, with the conditions of the port; commits take a while so that changes overlap.</summary>
internal sealed class FakeStorage : IStorage
{
    private readonly Lock gate = new();
    private readonly Dictionary<RecordKey, StoredRecord> records = [];

    public List<EventMessage> Events { get; } = [];

    public List<AuditEntry> Audit { get; } = [];

    public List<RecordQuery> Queries { get; } = [];

    public int Commits { get; private set; }

    public async ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken)
    {
        await Task.Yield();
        lock (gate)
        {
            var copy = new Dictionary<RecordKey, StoredRecord?>();
            foreach (var write in batch.Writes)
            {
                var current = copy.TryGetValue(write.Key, out var staged) ? staged : records.GetValueOrDefault(write.Key);
                if (write.ExpectedRevision is { } expected && expected != (current?.Revision ?? 0))
                {
                    throw new StorageConflictException(write.Key, current?.Revision ?? 0);
                }

                Assert.True(write.Record is null || write.Record.Revision == (current?.Revision ?? 0) + 1);
                copy[write.Key] = write.Record;
            }

            foreach (var (key, record) in copy)
            {
                if (record is null)
                {
                    records.Remove(key);
                }
                else
                {
                    records[key] = record;
                }
            }

            Events.AddRange(batch.Events);
            Audit.AddRange(batch.Audit);
            return new(++Commits);
        }
    }

    public ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            return new(records.GetValueOrDefault(key));
        }
    }

    public ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            Queries.Add(query);
            var found = records.Where(r => r.Key.Tenant == query.Tenant && r.Key.Table == query.Table && r.Key.Id.StartsWith(query.KeyPrefix ?? "", StringComparison.Ordinal) && FilterEvaluator.Matches(query.Filter, r.Value.Json)).OrderBy(r => r.Key.Id, StringComparer.Ordinal).Select(r => r.Value).ToList();
            return new(new RecordPage([.. found.Take(query.Limit)], null, query.Count ? found.Count : null));
        }
    }

    public int Count(string table) => records.Count(r => r.Key.Table == table);

    public string Raw(string table, string id)
    {
        lock (gate)
        {
            return System.Text.Encoding.UTF8.GetString(records[new(CallContext.DefaultTenant, table, id)].Json.Span);
        }
    }

    public void Put(string table, StoredRecord record)
    {
        lock (gate)
        {
            records[new(CallContext.DefaultTenant, table, record.Id)] = record;
        }
    }
}
