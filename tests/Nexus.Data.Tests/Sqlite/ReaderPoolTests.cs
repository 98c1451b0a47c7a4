using Microsoft.Extensions.Configuration;
using Nexus.Data.Sqlite;

namespace Nexus.Data.Tests.Sqlite;

/// <summary>Read connections are bounded, those in use and those at rest, and counted.</summary>
public sealed class ReaderPoolTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-pool-").FullName;

    private string File => Path.Combine(_folder, "nexus.db");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Who_finds_all_connections_in_use_waits_for_the_limit_and_is_told()
    {
        MainFile.Open(File, TimeProvider.System).Dispose();
        using var pool = new ReaderPool(File, new PoolLimit(2, TimeSpan.FromMilliseconds(50)));
        var (first, second) = (pool.Rent(), pool.Rent());

        var refused = Assert.Throws<NexusException>(pool.Rent);

        Assert.Equal("STORAGE_UNAVAILABLE", refused.Code);
        Assert.Equal($"All 2 read connections to {File} are in use and none became free in 0.05 s. Raise database.pool.maxSize, or look for long queries.", refused.Message);
        pool.Return(first);
        Assert.Same(first, pool.Rent());
        pool.Return(first);
        pool.Return(second);
        Assert.Equal(new PoolUse("nexus", 0, 2, 2) { Hits = 1 }, pool.Use);
    }

    [Fact]
    public void A_connection_that_cannot_be_opened_takes_no_place()
    {
        using var pool = new ReaderPool(Path.Combine(_folder, "absent", "nexus.db"), new PoolLimit(1, TimeSpan.FromSeconds(30)));

        Assert.Throws<SqliteFailure>(pool.Rent);
        Assert.Throws<SqliteFailure>(pool.Rent);

        Assert.Equal(new PoolUse("nexus", 0, 0, 1) { Hits = 0 }, pool.Use);
    }

    [Fact]
    public async Task Under_load_the_numbers_move_and_never_exceed_the_limit()
    {
        var settings = new ConfigurationBuilder().AddInMemoryCollection([new("pool:maxSize", "3")]).Build();
        await using var set = await new SqliteStorage(TimeProvider.System).OpenAsync(new StorageOptions(_folder) { Settings = settings }, CancellationToken.None);
        await set.Records.CommitAsync(new WriteBatch { Writes = [.. Enumerable.Range(0, 900).Select(n => new RecordWrite { Key = new RecordKey("default", "shop.orders", $"{n}"), Record = new StoredRecord { Id = $"{n}", Revision = 1, Json = "{\"n\":1}"u8.ToArray() } })] }, CancellationToken.None);
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
                await set.Records.QueryAsync(new RecordQuery { Tenant = "default", Table = "shop.orders", Limit = 900 }, CancellationToken.None);
        })).ToArray();

        var seen = new List<PoolUse>();
        while (seen.Count(u => u.InUse == 3) < 20)
        {
            seen.Add(Assert.Single(set.Pools(), p => p.Name == "nexus"));
            await Task.Yield();
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
        }

        await stop.CancelAsync();
        await Task.WhenAll(readers);
        Assert.All(seen, u => Assert.InRange(u.InUse, 0, 3));
        Assert.All(seen, u => Assert.InRange(u.Idle, 0, 3));
        Assert.All(seen, u => Assert.Equal(3, u.Max));
        Assert.Equal((0, 3), Assert.Single(set.Pools(), p => p.Name == "nexus") is var rest ? (rest.InUse, rest.Idle) : default);
    }
}
