using Nexus.Data.Memory;
using Nexus.Data.Sqlite;

namespace Nexus.Data.Tests.Resources;

/// <summary>A folder of a test's own and the shop that a real engine keeps there.</summary>
internal sealed class ShopFolder : IAsyncDisposable
{
    private StorageSet? set;

    public string Path { get; } = Directory.CreateTempSubdirectory("nexus-shop-").FullName;

    public StorageSet Set => set!;

    public static TheoryData<string> Engines => ["memory", "sqlite"];

    public async Task<Shop> OpenAsync(string engine, Func<IStorage, Shop> make)
    {
        IStorageEngine chosen = engine == "memory" ? new MemoryStorage(TimeProvider.System, () => true) : new SqliteStorage(TimeProvider.System, () => true);
        set = await chosen.OpenAsync(new StorageOptions(Path), TestContext.Current.CancellationToken);
        var shop = make(set.Records);
        await using var change = await set.Schema.BeginAsync(new SchemaRequest("shop", shop.Resources, []), TestContext.Current.CancellationToken);
        await change.CommitAsync(TestContext.Current.CancellationToken);
        return shop;
    }

    public async ValueTask CloseAsync()
    {
        if (set is not null) await set.DisposeAsync();
        set = null;
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        Directory.Delete(Path, recursive: true);
    }
}
