using System.Buffers;
using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Data.Records;
using Nexus.Data.Units;
using Nexus.Data.Events;

namespace Nexus.Data.Documents;

/// <summary>The documents of one plugin, under <c>plugins/{category}/{plugin}/data</c> of the current call's tenant; with <paramref name="core"/>, paths that begin with <c>core/</c> are those of the platform's own part of the tree.</summary>
internal sealed class PluginDocuments(IStorage storage, string plugin, string root, TimeProvider time, bool core = false) : IDocuments
{
    /// <summary>Capability by which a core plugin reaches <c>core/…</c>.</summary>
    public const string CoreCapability = "documents.core";

    private const string CorePrefix = "core/";

    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly string _prefix = root + "/data/";

    public async ValueTask<Document?> FindAsync(string path, CancellationToken cancellationToken = default)
    {
        var record = await FindRecordAsync(KeyOf(path), cancellationToken);
        return record is null ? null : ToDocument(record, []);
    }

    public async ValueTask<DocumentPage> QueryAsync(DocumentQuery query, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        var prefix = DocumentPath.Normalise(query.Prefix.TrimEnd('/'), allowEmpty: true);
        var page = await storage.QueryAsync(new RecordQuery
        {
            Tenant = CallContext.Current.Tenant,
            Table = IStorage.Documents,
            KeyPrefix = prefix.Length == 0 ? _prefix : Place(prefix + "/"),
            Filter = query.Filter,
            Sort = query.Sort,
            Limit = Math.Clamp(query.Limit, 1, 1000),
            Cursor = query.Cursor,
        }, cancellationToken);
        return new DocumentPage([.. page.Records.Select(r => ToDocument(r, query.Fields))], page.NextCursor);
    }

    public async ValueTask CommitAsync(ImmutableArray<DocumentWrite> writes, ImmutableArray<EventMessage> events = default, CancellationToken cancellationToken = default)
    {
        var now = time.GetUtcNow();
        var context = CallContext.Current;
        var batch = new WriteBatch
        {
            Writes = [.. writes.Select(w => ToWrite(w, now, context))],
            Events = events.IsDefault ? [] : [.. events.Select(e => OwnEvents.Stamp(e.AsPublished(), plugin, context.Tenant))],
        };
        if (UnitOfWork.Of(plugin) is { } unit)
            await StageAsync(unit, batch, cancellationToken);
        else
            await storage.CommitAsync(batch, cancellationToken);
    }

    /// <summary>Adds a batch to the open unit of work. Its conditions are looked at now, so that the code that made them is told, and once more by the commit.</summary>
    private async ValueTask StageAsync(UnitOfWork unit, WriteBatch batch, CancellationToken cancellationToken)
    {
        var current = new Dictionary<RecordKey, long>();
        foreach (var write in batch.Writes)
        {
            var revision = current[write.Key] = (await FindRecordAsync(write.Key, cancellationToken))?.Revision ?? 0;
            if (write.ExpectedRevision is { } expected && expected != revision)
                throw new StorageConflictException(write.Key, revision);
        }

        foreach (var write in batch.Writes)
            unit.Add(write, write.Record is { } record ? record with { Revision = current[write.Key] + 1 } : null);
        unit.Publish(batch.Events);
    }

    private ValueTask<StoredRecord?> FindRecordAsync(RecordKey key, CancellationToken cancellationToken) =>
        UnitOfWork.Of(plugin) is { } unit && unit.Staged.TryGet(key, out var staged) ? ValueTask.FromResult(staged) : storage.FindAsync(key, cancellationToken);

    private RecordKey KeyOf(string path) => new(CallContext.Current.Tenant, IStorage.Documents, Place(DocumentPath.Normalise(path)));

    private string Place(string path) => core && path.StartsWith(CorePrefix, StringComparison.Ordinal) ? path : _prefix + path;

    private RecordWrite ToWrite(DocumentWrite write, DateTimeOffset now, CallContext context)
    {
        var key = KeyOf(write.Path);
        return new RecordWrite
        {
            Key = key,
            ExpectedRevision = write.ExpectedRevision,
            Record = write.Delete ? null : new StoredRecord
            {
                Id = key.Id,
                Revision = (write.ExpectedRevision ?? 0) + 1,
                Owner = context.Caller.Id,
                CreatedAt = now,
                UpdatedAt = now,
                Json = ToJson(write.Value),
            },
        };
    }

    private Document ToDocument(StoredRecord record, ImmutableArray<string> fields)
    {
        var value = JsonNode.Parse(record.Json.Span);
        return new Document(record.Id.StartsWith(_prefix, StringComparison.Ordinal) ? record.Id[_prefix.Length..] : record.Id, fields.IsDefaultOrEmpty ? value : Project(value, fields), record.Revision);
    }

    private static JsonObject Project(JsonNode? value, ImmutableArray<string> fields)
    {
        var result = new JsonObject();
        foreach (var path in fields)
        {
            var names = path.Split('.');
            var found = names.Aggregate(value, (node, name) => node is JsonObject o ? o[name] : null);
            if (found is null)
                continue;
            var target = names[..^1].Aggregate(result, (node, name) => (JsonObject)(node[name] ??= new JsonObject()));
            target[names[^1]] = found.DeepClone();
        }

        return result;
    }

    private static ReadOnlyMemory<byte> ToJson(JsonNode? value)
    {
        if (value is null)
            return "null"u8.ToArray();
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, WriterOptions))
            value.WriteTo(writer);
        return buffer.WrittenMemory;
    }
}
