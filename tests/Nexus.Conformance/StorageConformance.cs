using System.Collections.Immutable;
using System.Text;
using System.Text.Json;

namespace Nexus.Conformance;

/// <summary>What every storage engine must do. An engine passes when a class derived for it is green.</summary>
public abstract partial class StorageConformance : IAsyncLifetime
{
    protected const string Tenant = CallContext.DefaultTenant;
    protected const string Table = "crm.people";

    protected string Folder { get; } = Directory.CreateTempSubdirectory("nexus-conformance-").FullName;

    protected TestClock Clock { get; } = new();

    protected StorageSet Set { get; private set; } = null!;

    protected IStorage Records => Set.Records;

    protected abstract IStorageEngine Engine(TimeProvider time);

    /// <summary>Where the engine stores; each test has a place of its own.</summary>
    protected virtual ValueTask<StorageOptions> OptionsAsync() => ValueTask.FromResult(new StorageOptions(Folder) { Time = Clock });

    public async ValueTask InitializeAsync() => Set = await Engine(Clock).OpenAsync(await OptionsAsync(), CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await Set.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    protected static RecordWrite Put(string id, string json, long? expected = 0, string table = Table, string tenant = Tenant, string? owner = null) => new()
    {
        Key = new RecordKey(tenant, table, id),
        ExpectedRevision = expected,
        Record = new StoredRecord { Id = id, Revision = (expected ?? 0) + 1, Owner = owner, CreatedAt = DateTimeOffset.UnixEpoch, UpdatedAt = DateTimeOffset.UnixEpoch, Json = Encoding.UTF8.GetBytes(json) },
    };

    protected static RecordWrite Remove(string id, long? expected = null, string table = Table) => new() { Key = new RecordKey(Tenant, table, id), ExpectedRevision = expected };

    protected Task<CommitResult> CommitAsync(params RecordWrite[] writes) => Records.CommitAsync(new WriteBatch { Writes = [.. writes] }, CancellationToken.None).AsTask();

    protected async Task<StoredRecord?> FindAsync(string id, string table = Table, string tenant = Tenant) => await Records.FindAsync(new RecordKey(tenant, table, id), CancellationToken.None);

    protected static string Text(StoredRecord? record) => Encoding.UTF8.GetString(record!.Json.Span);

    protected static RecordQuery Query(string? filter = null, params SortKey[] sort) => new() { Tenant = Tenant, Table = Table, Filter = filter is null ? null : FilterJson.Parse(filter), Sort = [.. sort], Limit = 1000 };

    protected async Task<string[]> IdsAsync(RecordQuery query) => [.. (await Records.QueryAsync(query, CancellationToken.None)).Records.Select(r => r.Id)];

    protected async Task DeclareAsync(ImmutableArray<IndexDescriptor> indexes, ImmutableArray<string> search = default, string? language = null)
    {
        await using var change = await Set.Schema.BeginAsync(new SchemaRequest("crm", [Descriptor(indexes, search) with { SearchLanguage = language }], []), CancellationToken.None);
        await change.CommitAsync(CancellationToken.None);
    }

    protected static ResourceDescriptor Descriptor(ImmutableArray<IndexDescriptor> indexes, ImmutableArray<string> search = default) => new()
    {
        Plugin = "crm",
        Name = "people",
        Singular = "Person",
        Fields = [],
        Indexes = indexes,
        Search = search.IsDefault ? [] : search,
    };

    /// <summary>A clock that tests move.</summary>
    protected sealed class TestClock : TimeProvider
    {
        private long _offset;

        public void Advance(TimeSpan by) => Interlocked.Add(ref _offset, by.Ticks);

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + TimeSpan.FromTicks(Volatile.Read(ref _offset));
    }

    protected static JsonElement Json(string text)
    {
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }
}
