using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Nexus.Kernel.Plugins;

/// <summary>What the node remembers of its plugins, in the document tree: <c>core/plugins/{id}</c>, <c>core/plugins/enabled</c>, <c>plugins/{category}/{id}/metadata</c>. Thread-safe.</summary>
internal sealed partial class PluginRecords(IStorage storage, TimeProvider time) : IDisposable
{
    private const string Prefix = "core/plugins/";
    private const string EnabledKey = Prefix + "enabled";

    // Concurrent writers of the enabled list meet here; another node may still come in between.
    private readonly SemaphoreSlim _gate = new(1, 1);

    public async Task<PluginRecord?> ReadAsync(string id, CancellationToken cancellationToken)
    {
        var stored = await storage.FindAsync(Key(Prefix + id), cancellationToken);
        return stored is null ? null : Parse(stored);
    }

    /// <summary>All records, sorted by id.</summary>
    public async Task<ImmutableArray<PluginRecord>> ListAsync(CancellationToken cancellationToken)
    {
        var records = ImmutableArray.CreateBuilder<PluginRecord>();
        string? cursor = null;
        do
        {
            var page = await storage.QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = IStorage.Documents, KeyPrefix = Prefix, Limit = 500, Cursor = cursor }, cancellationToken);
            records.AddRange(page.Records.Where(r => r.Id != EnabledKey).Select(Parse));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        records.Sort((a, b) => string.CompareOrdinal(a.Id, b.Id));
        return records.DrainToImmutable();
    }

    /// <summary>Writes a record, the list of enabled ids and the plugin's metadata as one.</summary>
    public Task WriteAsync(PluginRecord record, CancellationToken cancellationToken) =>
        ChangeAsync(record.Id, record.Category, record, cancellationToken);

    /// <summary>Forgets a plugin; its data stays.</summary>
    public Task DeleteAsync(PluginRecord record, CancellationToken cancellationToken) =>
        ChangeAsync(record.Id, record.Category, null, cancellationToken);

    public void Dispose() => _gate.Dispose();

    private async Task ChangeAsync(string id, PluginCategory category, PluginRecord? record, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    await CommitAsync(id, category, record, cancellationToken);
                    return;
                }
                catch (StorageConflictException) when (attempt < 10)
                {
                    // Another node changed the list meanwhile: decide again on what is there now.
                }
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task CommitAsync(string id, PluginCategory category, PluginRecord? record, CancellationToken cancellationToken)
    {
        var enabled = await storage.FindAsync(Key(EnabledKey), cancellationToken);
        var ids = enabled is null ? [] : JsonSerializer.Deserialize(enabled.Json.Span, RecordJson.Default.StringArray) ?? [];
        var next = ids.Where(i => i != id).Concat(record is { Enabled: true } ? [id] : []).Order(StringComparer.Ordinal).ToArray();
        var writes = ImmutableArray.CreateBuilder<RecordWrite>();
        writes.Add(await WriteAsync(Prefix + id, record is null ? null : JsonSerializer.SerializeToUtf8Bytes(record, RecordJson.Default.PluginRecord), cancellationToken));
        writes.Add(await WriteAsync($"plugins/{Word(category)}/{id}/metadata", record is null ? null : Metadata(record), cancellationToken));
        if (!next.SequenceEqual(ids) || enabled is null)
            writes.Add(Write(EnabledKey, enabled, JsonSerializer.SerializeToUtf8Bytes(next, RecordJson.Default.StringArray)));
        await storage.CommitAsync(new WriteBatch { Writes = writes.DrainToImmutable() }, cancellationToken);
    }

    private async Task<RecordWrite> WriteAsync(string key, byte[]? json, CancellationToken cancellationToken) =>
        Write(key, await storage.FindAsync(Key(key), cancellationToken), json);

    private RecordWrite Write(string key, StoredRecord? current, byte[]? json) => new()
    {
        Key = Key(key),
        Record = json is null ? null : new StoredRecord
        {
            Id = key,
            Revision = (current?.Revision ?? 0) + 1,
            CreatedAt = current?.CreatedAt ?? time.GetUtcNow(),
            UpdatedAt = time.GetUtcNow(),
            Json = json,
        },
        ExpectedRevision = current?.Revision ?? 0,
    };

    private static byte[] Metadata(PluginRecord record) => JsonSerializer.SerializeToUtf8Bytes(
        new PluginMetadata(record.Version, record.InstalledAt, record.ActiveHash), RecordJson.Default.PluginMetadata);

    private static RecordKey Key(string path) => new(CallContext.DefaultTenant, IStorage.Documents, path);

    private static string Word(PluginCategory category) => category.ToString().ToLowerInvariant();

    private static PluginRecord Parse(StoredRecord stored)
    {
        try
        {
            return JsonSerializer.Deserialize(stored.Json.Span, RecordJson.Default.PluginRecord)
                ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw new NexusException(ErrorCodes.StorageCorrupt, $"The stored document {stored.Id} is not a plugin record: {e.Message} Delete it with 'nexus data delete {stored.Id}' and install the plugin again.", e);
        }
    }

    /// <summary>What others may read about an installed plugin.</summary>
    internal sealed record PluginMetadata(string Version, DateTimeOffset InstalledAt, string ContentHash);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
    [JsonSerializable(typeof(PluginRecord))]
    [JsonSerializable(typeof(PluginMetadata))]
    [JsonSerializable(typeof(string[]))]
    private sealed partial class RecordJson : JsonSerializerContext;
}
