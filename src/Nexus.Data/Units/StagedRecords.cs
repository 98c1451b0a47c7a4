namespace Nexus.Data.Units;

/// <summary>Records as writes that are not committed yet leave them; null for a removed one.</summary>
/// <param name="below">What was staged before, by whom these are added only if all goes well.</param>
internal sealed class StagedRecords(StagedRecords? below = null)
{
    private readonly Dictionary<RecordKey, StoredRecord?> _records = [];

    public bool TryGet(RecordKey key, out StoredRecord? record) =>
        _records.TryGetValue(key, out record) || (below is not null && below.TryGet(key, out record));

    public void Set(RecordKey key, StoredRecord? record) => _records[key] = record;
}
