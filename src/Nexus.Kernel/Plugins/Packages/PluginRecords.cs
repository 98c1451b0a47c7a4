using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using NuGet.Versioning;

namespace Nexus.Kernel.Plugins;

/// <summary>What the node remembers of its plugins, in the document tree: <c>core/plugins/{id}</c>, <c>core/plugins/enabled</c>, <c>plugins/{category}/{id}/metadata</c>, of removed ones <c>core/plugins-removed/{id}</c>, and of all that ever ran <c>core/plugins-highest/{id}</c>. Where nodes share the tree, each has its own <c>core/nodes/{node}/…</c> in place of <c>core/…</c>: its folders and its versions are its own. Thread-safe.</summary>
internal sealed partial class PluginRecords(IStorage storage, TimeProvider time, Func<string>? node = null) : IDisposable
{
    private string Root => node is not null && storage.IsShared ? $"core/nodes/{node()}/" : "core/";

    private string Prefix => Root + "plugins/";

    private string EnabledKey => Prefix + "enabled";

    private string HighestPrefix => Root + "plugins-highest/";

    private string ArrivingPrefix => Root + "plugins-arriving/";

    private string RemovedPrefix => Root + "plugins-removed/";

    // Concurrent writers of the enabled list meet here; another node may still come in between.
    private readonly SemaphoreSlim _gate = new(1, 1);

    public async Task<PluginRecord?> ReadAsync(string id, CancellationToken cancellationToken)
    {
        var stored = await storage.FindAsync(Key(Prefix + id), cancellationToken);
        return stored is null ? null : Parse(stored);
    }

    /// <summary>All records, sorted by id.</summary>
    public async Task<ImmutableArray<PluginRecord>> ListAsync(CancellationToken cancellationToken) =>
        [.. (await QueryAsync(Prefix, cancellationToken)).Where(r => r.Id != EnabledKey).Select(Parse).OrderBy(r => r.Id, StringComparer.Ordinal)];

    /// <summary>Content hashes of packages that lay in drop folders when their plugin was removed, by id: they are passed over.</summary>
    public async Task<ImmutableDictionary<string, ImmutableArray<string>>> RemovedAsync(CancellationToken cancellationToken) =>
        (await QueryAsync(RemovedPrefix, cancellationToken)).ToImmutableDictionary(
            r => r.Id[RemovedPrefix.Length..],
            r => (JsonSerializer.Deserialize(r.Json.Span, RecordJson.Default.StringArray) ?? []).ToImmutableArray(),
            StringComparer.Ordinal);

    /// <summary>Writes a record, the list of enabled ids and the plugin's metadata as one; a plugin that was removed counts as installed again.</summary>
    public Task WriteAsync(PluginRecord record, CancellationToken cancellationToken) =>
        ChangeAsync(record.Id, record.Category, record, [], cancellationToken);

    /// <summary>The package that a swap under way brings, with migrations: the database may be its already when the process ends in between. Null when there is none.</summary>
    public async Task<KeptPackage?> FindArrivingAsync(string id, CancellationToken cancellationToken) =>
        await storage.FindAsync(Key(ArrivingPrefix + id), cancellationToken) is { } stored ? JsonSerializer.Deserialize(stored.Json.Span, RecordJson.Default.KeptPackage) : null;

    /// <summary>Hashes of all packages that arrive.</summary>
    public async Task<ImmutableArray<string>> ArrivingAsync(CancellationToken cancellationToken) =>
        [.. (await QueryAsync(ArrivingPrefix, cancellationToken)).Select(r => JsonSerializer.Deserialize(r.Json.Span, RecordJson.Default.KeptPackage)?.Hash).OfType<string>()];

    /// <summary>Notes what arrives, or with null that nothing does. Apart from the record, which a swap that fails leaves as it was; a change of the record ends it too.</summary>
    public async Task ArriveAsync(string id, KeptPackage? package, CancellationToken cancellationToken)
    {
        if (await WriteAsync(ArrivingPrefix + id, package is null ? null : JsonSerializer.SerializeToUtf8Bytes(package, RecordJson.Default.KeptPackage), cancellationToken) is { } write)
            await storage.CommitAsync(new WriteBatch { Writes = [write] }, cancellationToken);
    }

    /// <summary>Forgets a plugin; its data stays.</summary>
    /// <param name="id">The plugin.</param>
    /// <param name="category">Its category.</param>
    /// <param name="lying">Content hashes that still lie in drop folders and are to be passed over.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public Task DeleteAsync(string id, PluginCategory category, ImmutableArray<string> lying, CancellationToken cancellationToken) =>
        ChangeAsync(id, category, null, lying, cancellationToken);

    /// <summary>Passes over fewer packages of a removed plugin, as the others lie there no more.</summary>
    public async Task LieAsync(string id, ImmutableArray<string> lying, CancellationToken cancellationToken)
    {
        try
        {
            if (await LyingAsync(id, lying, cancellationToken) is { } write)
                await storage.CommitAsync(new WriteBatch { Writes = [write] }, cancellationToken);
        }
        catch (StorageConflictException)
        {
            // Installed or removed again meanwhile: that decided.
        }
    }

    public void Dispose() => _gate.Dispose();

    private async Task ChangeAsync(string id, PluginCategory category, PluginRecord? record, ImmutableArray<string> lying, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                try
                {
                    await CommitAsync(id, category, record, lying, cancellationToken);
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

    private async Task CommitAsync(string id, PluginCategory category, PluginRecord? record, ImmutableArray<string> lying, CancellationToken cancellationToken)
    {
        var enabled = await storage.FindAsync(Key(EnabledKey), cancellationToken);
        var ids = enabled is null ? [] : JsonSerializer.Deserialize(enabled.Json.Span, RecordJson.Default.StringArray) ?? [];
        var next = ids.Where(i => i != id).Concat(record is { Enabled: true } ? [id] : []).Order(StringComparer.Ordinal).ToArray();
        RecordWrite?[] writes =
        [
            await WriteAsync(Prefix + id, record is null ? null : JsonSerializer.SerializeToUtf8Bytes(record, RecordJson.Default.PluginRecord), cancellationToken),
            await WriteAsync($"plugins/{Word(category)}/{id}/metadata", record is null ? null : Metadata(record), cancellationToken),
            await LyingAsync(id, lying, cancellationToken),
            await WriteAsync(ArrivingPrefix + id, null, cancellationToken),
            await HigherAsync(record, cancellationToken),
            !next.SequenceEqual(ids) || enabled is null ? Write(EnabledKey, enabled, JsonSerializer.SerializeToUtf8Bytes(next, RecordJson.Default.StringArray)) : null,
        ];
        await storage.CommitAsync(new WriteBatch { Writes = [.. writes.OfType<RecordWrite>()] }, cancellationToken);
    }

    /// <summary>The highest version of a plugin that was ever remembered.</summary>
    public async Task<string?> HighestAsync(string id, CancellationToken cancellationToken) =>
        await storage.FindAsync(Key(HighestPrefix + id), cancellationToken) is { } stored ? JsonSerializer.Deserialize(stored.Json.Span, RecordJson.Default.String) : null;

    private async Task<RecordWrite?> HigherAsync(PluginRecord? record, CancellationToken cancellationToken)
    {
        if (record is null || await HighestAsync(record.Id, cancellationToken) is { } highest && NuGetVersion.Parse(highest) >= NuGetVersion.Parse(record.Version))
            return null;
        return await WriteAsync(HighestPrefix + record.Id, JsonSerializer.SerializeToUtf8Bytes(record.Version, RecordJson.Default.String), cancellationToken);
    }

    private Task<RecordWrite?> LyingAsync(string id, ImmutableArray<string> lying, CancellationToken cancellationToken) =>
        WriteAsync(RemovedPrefix + id, lying.IsEmpty ? null : JsonSerializer.SerializeToUtf8Bytes([.. lying], RecordJson.Default.StringArray), cancellationToken);

    private async Task<List<StoredRecord>> QueryAsync(string prefix, CancellationToken cancellationToken)
    {
        var records = new List<StoredRecord>();
        string? cursor = null;
        do
        {
            var page = await storage.QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = IStorage.Documents, KeyPrefix = prefix, Limit = 500, Cursor = cursor }, cancellationToken);
            records.AddRange(page.Records);
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return records;
    }

    /// <summary>The write that brings a document to a value, or null when it is not there and stays so.</summary>
    private async Task<RecordWrite?> WriteAsync(string key, byte[]? json, CancellationToken cancellationToken) =>
        await storage.FindAsync(Key(key), cancellationToken) is var current && current is null && json is null ? null : Write(key, current, json);

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
        new PluginMetadata(record.Version, record.InstalledAt, record.ActiveHash, record.SchemaVersion), RecordJson.Default.PluginMetadata);

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
    internal sealed record PluginMetadata(string Version, DateTimeOffset InstalledAt, string ContentHash, int SchemaVersion);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
    [JsonSerializable(typeof(PluginRecord))]
    [JsonSerializable(typeof(PluginMetadata))]
    [JsonSerializable(typeof(string[]))]
    [JsonSerializable(typeof(string))]
    private sealed partial class RecordJson : JsonSerializerContext;
}
