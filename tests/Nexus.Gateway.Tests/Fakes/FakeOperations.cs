using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Nexus.Gateway.Tests.Fakes;

/// <summary>Resources in memory, ordered by id; knows filters on what is stored, and cursors that are the last id.</summary>
internal sealed class FakeOperations : IResourceOperations
{
    public ValueTask<ReadOnlyMemory<byte>> RunAsync(ActivePlugin plugin, ToolDescriptor tool, CallContext context, ReadOnlyMemory<byte> input, CancellationToken cancellationToken) => throw new NotSupportedException();

    private readonly SortedDictionary<string, StoredRecord> records = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private readonly Dictionary<string, (string Fingerprint, ImmutableArray<ChangeResult> Results)> keys = [];
    private int next;

    public ResourceQuery? LastQuery { get; private set; }

    public List<ResourceChange> Changes { get; } = [];

    public int Count => records.Count;

    public string Add(string json)
    {
        lock (gate)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"00000000-0000-7000-8000-{++next:D12}");
            records[id] = Store(id, 1, (JsonObject)JsonNode.Parse(json)!);
            return id;
        }
    }

    public ValueTask<StoredRecord?> FindAsync(ResourceCall call, string id, CancellationToken cancellationToken)
    {
        lock (gate)
            return ValueTask.FromResult(records.GetValueOrDefault(id));
    }

    public ValueTask<RecordPage> ListAsync(ResourceCall call, ResourceQuery query, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            LastQuery = query;
            var all = records.Values.Where(r => query.Cursor is null || string.CompareOrdinal(r.Id, query.Cursor) > 0).Where(r => FilterEvaluator.Matches(query.Filter, r.Json)).Skip(query.Offset).ToArray();
            var page = all.Take(query.Limit).ToImmutableArray();
            return ValueTask.FromResult(new RecordPage(page, all.Length > page.Length ? page[^1].Id : null, query.Count ? records.Count : null));
        }
    }

    public ValueTask<ImmutableArray<ChangeResult>> ChangeAsync(ResourceCall call, ImmutableArray<ResourceChange> changes, bool atomic, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            if (call.Idempotency is { } key && keys.TryGetValue(key.Key, out var first))
            {
                return first.Fingerprint == key.Fingerprint
                    ? ValueTask.FromResult<ImmutableArray<ChangeResult>>([.. first.Results.Select(r => r with { Replayed = true })])
                    : throw new NexusException(ErrorCodes.IdempotencyConflict, "The key was used for another request.");
            }
            var before = records.ToArray();
            ImmutableArray<ChangeResult> results = [.. changes.Select(Change)];
            if (atomic && results.Any(r => r.Error is not null))
            {
                records.Clear();
                foreach (var (id, record) in before)
                    records[id] = record;
            }
            if (call.Idempotency is { } used)
                keys[used.Key] = (used.Fingerprint, results);
            return ValueTask.FromResult(results);
        }
    }

    private ChangeResult Change(ResourceChange change)
    {
        Changes.Add(change);
        var id = change.Kind == ChangeKind.Create ? string.Create(CultureInfo.InvariantCulture, $"00000000-0000-7000-8000-{++next:D12}") : change.Id!;
        var old = records.GetValueOrDefault(id);
        if (old is null && change.Kind != ChangeKind.Create)
            return new ChangeResult(id, null, new NexusException(ErrorCodes.ResourceNotFound, $"No record {id}."));
        if (change.ExpectedRevision is { } expected && expected != old!.Revision)
            return new ChangeResult(id, null, new NexusException(ErrorCodes.Conflict, $"Record {id} has revision {old.Revision}."));
        if (change.Kind == ChangeKind.Delete)
        {
            records.Remove(id);
            return new ChangeResult(id, null);
        }
        var fields = change.Kind switch
        {
            ChangeKind.Action => Merge(old!, new JsonObject { ["status"] = change.Action }),
            ChangeKind.Merge => Merge(old!, (JsonObject)JsonNode.Parse(change.Body.Span)!),
            _ => (JsonObject)JsonNode.Parse(change.Body.Span)!,
        };
        if (fields["number"]?.ToString() == "")
            return new ChangeResult(id, null, new NexusException(ErrorCodes.ValidationError, "1 field is not valid.") { Errors = [new FieldError("/number", "required", "number must not be empty.")] });
        return new ChangeResult(id, records[id] = Store(id, (old?.Revision ?? 0) + 1, fields));
    }

    private static JsonObject Merge(StoredRecord record, JsonObject patch)
    {
        var all = (JsonObject)JsonNode.Parse(record.Json.Span)!;
        foreach (var (name, value) in patch)
            all[name] = value?.DeepClone();
        return all;
    }

    private static StoredRecord Store(string id, long revision, JsonObject fields)
    {
        var all = new JsonObject { ["id"] = id, ["revision"] = revision };
        foreach (var (name, value) in fields.Where(f => f.Key is not ("id" or "revision")))
            all[name] = value?.DeepClone();
        return new StoredRecord { Id = id, Revision = revision, Json = Encoding.UTF8.GetBytes(all.ToJsonString()) };
    }
}
