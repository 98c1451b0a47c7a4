using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using Nexus.Data.Events;
using Nexus.Data.Records;
using Nexus.Data.Search;
using Nexus.Data.Units;

namespace Nexus.Data.Memory;

/// <summary>Records in memory. Commits take turns; reads take the current state and need no lock.</summary>
internal sealed class MemoryRecords(MemoryEventLog log, MemoryAudit audit, CommitSignal signal) : IJointStorage
{
    private readonly Lock _gate = new();
    private readonly byte[] _cursorSecret = RandomNumberGenerator.GetBytes(32);
    private volatile MemoryState _state = MemoryState.Empty;
    private volatile ImmutableDictionary<string, MemoryTable> _tables = ImmutableDictionary<string, MemoryTable>.Empty;
    private long _sequence;

    public ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(batch);
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult(Commit(batch, null));
    }

    public Task CommitAsync(WriteBatch batch, IJointPart other)
    {
        Commit(batch, other);
        return Task.CompletedTask;
    }

    // Nothing outlives the process, so there is nothing to complete.
    public Task CompleteAsync(string name, string id, WriteBatch batch) => Task.CompletedTask;

    private CommitResult Commit(WriteBatch batch, IJointPart? other)
    {
        foreach (var write in batch.Writes)
            RecordColumns.CheckKey(write.Key);
        CommitResult result;
        lock (_gate)
        {
            var state = batch.Writes.Aggregate(_state, Apply);
            log.Commit(batch.Settlements, batch.Events, other);
            audit.Append(batch.Audit);
            _state = state;
            result = new CommitResult(++_sequence);
        }

        if (batch.Events.Length > 0 || batch.Settlements.Length > 0)
            signal.Fire();
        return result;
    }

    public ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken)
    {
        RecordColumns.CheckKey(key);
        return ValueTask.FromResult(_state.Of(key.Tenant, key.Table).GetValueOrDefault(key.Id));
    }

    public ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        RecordColumns.CheckTable(query.Table);
        ArgumentOutOfRangeException.ThrowIfLessThan(query.Limit, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(query.Offset);
        var cursor = query.Cursor is { } text ? Cursor.Read(_cursorSecret, query, text) : null;
        var search = string.IsNullOrEmpty(query.Search) ? null : MemorySearch.Of(query.Table, SearchOf(query.Table), query.Search);

        var matches = new List<(StoredRecord Record, ImmutableArray<JsonScalar> Sort)>();
        foreach (var record in _state.Of(query.Tenant, query.Table).Values)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (query.KeyPrefix is { } prefix && !record.Id.StartsWith(prefix, StringComparison.Ordinal))
                continue;
            using var json = JsonDocument.Parse(record.Json);
            JsonScalar Resolve(string path) => RecordColumns.Find(query.Table, path) is null ? JsonScalar.At(json.RootElement, path) : RecordColumns.Value(record, path);
            if ((query.Filter is null || FilterEvaluator.Matches(Normalise(query.Table, query.Filter), Resolve)) && (search is null || search.Score(json.RootElement) > 0))
                matches.Add((record, [.. query.Sort.Select(s => s.Decimal ? JsonScalar.From(DecimalText.OrderKey(Resolve(s.Field).Value as string)) : Resolve(s.Field))]));
        }

        matches.Sort((a, b) => Compare(query.Sort, a.Sort, a.Record.Id, b.Sort, b.Record.Id));
        var rest = cursor is null ? matches : [.. matches.Where(m => Compare(query.Sort, m.Sort, m.Record.Id, cursor.Values, cursor.Id) > 0)];
        var page = rest.Skip(query.Offset).Take(query.Limit).ToList();
        var next = rest.Count > query.Offset + page.Count && page.Count > 0 ? new Cursor(page[^1].Sort, page[^1].Record.Id).Write(_cursorSecret, query) : null;
        return ValueTask.FromResult(new RecordPage([.. page.Select(m => m.Record)], next, query.Count ? matches.Count : null));
    }

    /// <summary>Changes what is declared of tables, and drops the tables of <paramref name="dropped"/>.</summary>
    public void Declare(Func<ImmutableDictionary<string, MemoryTable>, ImmutableDictionary<string, MemoryTable>> change, ImmutableArray<string> dropped)
    {
        lock (_gate)
        {
            var tables = change(_tables);
            foreach (var (name, table) in tables)
                CheckUnique(name, table);
            _tables = tables;
            _state = new MemoryState(_state.Tables.RemoveRange(_state.Tables.Keys.Where(k => dropped.Contains(k.Table))));
        }
    }

    public MemoryState State => _state;

    /// <summary>What of a table is searched.</summary>
    public SearchFields SearchOf(string table) => _tables.GetValueOrDefault(table)?.Search ?? SearchFields.None;

    /// <summary>Deletes the records of a tenant; how many there were by table, stored answers not counted.</summary>
    public ImmutableSortedDictionary<string, long> DeleteTenant(string tenant)
    {
        lock (_gate)
        {
            var own = _state.Tables.Where(t => t.Key.Tenant == tenant).ToList();
            _state = new MemoryState(_state.Tables.RemoveRange(own.Select(t => t.Key)));
            return own.Where(t => t.Value.Count > 0 && t.Key.Table != IStorage.Answers).ToImmutableSortedDictionary(t => t.Key.Table, t => (long)t.Value.Count, StringComparer.Ordinal);
        }
    }

    /// <summary>Drops the tables of a plugin and its documents below a root, in all tenants.</summary>
    public void Delete(string plugin, string documentRoot)
    {
        lock (_gate)
        {
            _tables = _tables.RemoveRange(_tables.Keys.Where(t => PluginTables.IsOf(plugin, t)));
            var tables = _state.Tables.RemoveRange(_state.Tables.Keys.Where(k => PluginTables.IsOf(plugin, k.Table)));
            foreach (var key in tables.Keys.Where(k => k.Table == IStorage.Documents).ToList())
                tables = tables.SetItem(key, tables[key].RemoveRange(tables[key].Keys.Where(id => id.StartsWith(documentRoot + "/", StringComparison.Ordinal))));
            _state = new MemoryState(tables);
        }
    }

    /// <summary>Bytes of the records of a plugin and of its documents below a root, in all tenants.</summary>
    public long Measure(string plugin, string documentRoot) => _state.Tables.Sum(t =>
        PluginTables.IsOf(plugin, t.Key.Table) ? t.Value.Values.Sum(r => (long)r.Json.Length)
        : t.Key.Table == IStorage.Documents ? t.Value.Values.Where(r => r.Id.StartsWith(documentRoot + "/", StringComparison.Ordinal)).Sum(r => (long)r.Json.Length)
        : 0);

    private static int Compare(ImmutableArray<SortKey> keys, ImmutableArray<JsonScalar> left, string leftId, ImmutableArray<JsonScalar> right, string rightId)
    {
        for (var i = 0; i < keys.Length; i++)
        {
            if (left[i].CompareForSort(right[i]) is not 0 and var order)
                return keys[i].Descending ? -order : order;
        }

        return JsonScalar.CompareText(leftId, rightId);
    }

    /// <summary>Own columns are compared in their stored form, which for instants is a number.</summary>
    private static Filter Normalise(string table, Filter filter) => filter switch
    {
        Filter.Compare compare when RecordColumns.Find(table, compare.Path) is ColumnKind.Instant => compare with { Value = Operand(compare.Path, compare.Value) },
        Filter.In list when RecordColumns.Find(table, list.Path) is ColumnKind.Instant => list with { Values = [.. list.Values.Select(v => Operand(list.Path, v))] },
        Filter.And all => new Filter.And([.. all.Parts.Select(p => Normalise(table, p))]),
        Filter.Or any => new Filter.Or([.. any.Parts.Select(p => Normalise(table, p))]),
        Filter.Not not => new Filter.Not(Normalise(table, not.Part)),
        _ => filter,
    };

    private static JsonElement Operand(string path, JsonElement value) =>
        RecordColumns.Operand(ColumnKind.Instant, path, value).Value is long microseconds ? JsonSerializer.SerializeToElement(microseconds) : value;

    private MemoryState Apply(MemoryState state, RecordWrite write)
    {
        var key = write.Key;
        var records = state.Of(key.Tenant, key.Table);
        var current = records.GetValueOrDefault(key.Id);
        if (write.ExpectedRevision is { } expected && expected != (current?.Revision ?? 0))
            throw new StorageConflictException(key, current?.Revision ?? 0);
        if (write.Record is not { } record)
            return Put(state, key, records.Remove(key.Id));

        record = record with
        {
            Id = key.Id,
            Revision = write.ExpectedRevision is null ? (current?.Revision ?? 0) + 1 : record.Revision,
            CreatedAt = Truncate(current?.CreatedAt ?? record.CreatedAt),
            UpdatedAt = Truncate(record.UpdatedAt),
            Json = record.Json.ToArray(),
        };
        foreach (var index in _tables.GetValueOrDefault(key.Table)?.Unique ?? [])
        {
            if (Values(key.Table, record, index) is { } values && records.Values.Any(r => r.Id != key.Id && Values(key.Table, r, index) is { } others && Equal(values, others)))
                throw new StorageConflictException(key, 0, string.Join(", ", index.Fields));
        }

        return Put(state, key, records.SetItem(key.Id, record));
    }

    private static MemoryState Put(MemoryState state, RecordKey key, ImmutableSortedDictionary<string, StoredRecord> records) =>
        new(state.Tables.SetItem((key.Tenant, key.Table), records));

    private static DateTimeOffset Truncate(DateTimeOffset instant) => RecordColumns.FromMicroseconds(RecordColumns.ToMicroseconds(instant));

    private void CheckUnique(string table, MemoryTable declared)
    {
        foreach (var index in declared.Unique)
        {
            foreach (var records in _state.Tables.Where(t => t.Key.Table == table).Select(t => t.Value.Values.ToList()))
            {
                for (var i = 0; i < records.Count; i++)
                {
                    if (Values(table, records[i], index) is { } values && records.Take(i).Any(r => Values(table, r, index) is { } others && Equal(values, others)))
                        throw new NexusException(ErrorCodes.MigrationFailed, $"{string.Join(", ", index.Fields)} of {table} is declared unique, but stored records share values. Correct the records first; the data is as it was.");
                }
            }
        }
    }

    /// <summary>The values of a unique index, or null when one is null: nulls are distinct.</summary>
    private static JsonScalar[]? Values(string table, StoredRecord record, IndexDescriptor index)
    {
        using var json = JsonDocument.Parse(record.Json);
        var values = index.Fields.Select(f => RecordColumns.Find(table, f) is null ? JsonScalar.At(json.RootElement, f) : RecordColumns.Value(record, f)).ToArray();
        return values.Any(v => v.Kind is JsonScalarKind.Null or JsonScalarKind.Composite) ? null : values;
    }

    private static bool Equal(JsonScalar[] left, JsonScalar[] right) => left.Zip(right).All(p => p.First.CompareForSort(p.Second) == 0);
}
