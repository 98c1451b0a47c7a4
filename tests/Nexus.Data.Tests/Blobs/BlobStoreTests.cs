using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Data.Blobs;

namespace Nexus.Data.Tests.Blobs;

/// <summary>Which store of blobs a node uses, and how it comes to another.</summary>
public sealed class BlobStoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-blob-store-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Shared => Path.Combine(_folder, "shared");

    [Fact]
    public async Task Blobs_of_the_database_are_moved_to_the_folder_that_is_named_and_two_nodes_share_it()
    {
        BlobReference blob;
        await using (var services = Services())
            blob = await (await StorageOpener.OpenAsync(services, Token)).Blobs.Get("crm", "t1").PutAsync(new MemoryStream([1, 2, 3]), Token);
        Directory.CreateDirectory(Shared);

        await using var one = Services(("blobs:type", "files"), ("blobs:directory", Shared));
        await using var two = Services(("blobs:type", "files"), ("blobs:directory", Shared), ("database:directory", Path.Combine(_folder, "two")));
        var (first, second) = ((await StorageOpener.OpenAsync(one, Token)).Blobs, (await StorageOpener.OpenAsync(two, Token)).Blobs);

        Assert.True(File.Exists(Path.Combine(Shared, "t1", "crm", blob.Sha256[..2], blob.Sha256)));
        Assert.False(File.Exists(Path.Combine(_folder, "data", "blobs", blob.Sha256[..2], blob.Sha256)));
        await using (var stream = (await second.Get("crm", "t1").OpenAsync(blob.Sha256, Token))!)
            Assert.Equal(3, stream.Length);
        Assert.True(await second.Get("crm", "t1").DeleteAsync(blob.Sha256, Token));
        Assert.Null(await first.Get("crm", "t1").OpenAsync(blob.Sha256, Token));
    }

    [Fact]
    public async Task Deleting_a_tenant_and_a_plugin_deletes_their_blobs_in_the_named_folder()
    {
        Directory.CreateDirectory(Shared);
        await using var services = Services(("blobs:type", "files"), ("blobs:directory", Shared));
        var set = await StorageOpener.OpenAsync(services, Token);
        foreach (var (owner, tenant) in new[] { ("crm", "t1"), ("crm", "t2"), ("crm.mail", "t2") })
            await set.Blobs.Get(owner, tenant).PutAsync(new MemoryStream([7]), Token);

        Assert.Equal(2, await set.Schema.MeasureAsync("crm", "custom/crm", Token));
        using var zip = new MemoryStream();
        Assert.Equal(2, (await set.Tenants!.ExportAsync("t2", zip, Token)).Blobs);
        Assert.Equal(1, (await set.Tenants!.DeleteAsync("t1", Token)).Blobs);
        await set.Schema.DeleteAsync("crm", "custom/crm", Token);

        Assert.Equal([("crm.mail", "t2")], (await set.Blobs.ListAsync(cancellationToken: Token).ToListAsync(Token)).Select(b => (b.Owner, b.Tenant)));
    }

    [Fact]
    public async Task Half_written_blobs_of_dead_nodes_are_removed_at_a_start_and_those_of_living_ones_are_not()
    {
        var incoming = Directory.CreateDirectory(Path.Combine(Shared, ".incoming")).FullName;
        var (old, young) = (Path.Combine(incoming, "old"), Path.Combine(incoming, "young"));
        foreach (var file in new[] { old, young })
            await File.WriteAllTextAsync(file, "half", Token);
        File.SetLastWriteTimeUtc(old, File.GetLastWriteTimeUtc(young) - TimeSpan.FromHours(25));

        await using var services = Services(("blobs:type", "files"), ("blobs:directory", Shared));
        await StorageOpener.OpenAsync(services, Token);

        Assert.Equal([young], Directory.GetFiles(incoming));
    }

    [Fact]
    public async Task A_store_that_cannot_be_had_stops_the_start_with_the_way_out()
    {
        async Task<string> MessageAsync(params (string Key, string Value)[] settings)
        {
            await using var services = Services(settings);
            return (await Assert.ThrowsAsync<NexusException>(() => StorageOpener.OpenAsync(services, Token))).Message;
        }

        Assert.Equal($"The folder of blobs {Shared} is not there. Mount or make it, or name another in blobs.directory.", await MessageAsync(("blobs:type", "files"), ("blobs:directory", Shared)));
        Assert.Equal("blobs.type is files, which needs blobs.directory: a folder that all nodes see.", await MessageAsync(("blobs:type", "files")));
        Assert.Equal("blobs.type is 'tape'; known are database, files, and the plugins of the plugin folders, such as s3 with engines.s3.", await MessageAsync(("blobs:type", "tape")));
        await using var services = Services(("blobs:type", "database"));
        Assert.NotNull(await StorageOpener.OpenAsync(services, Token));
    }

    [Fact]
    public async Task A_folder_that_goes_away_is_told_and_does_not_read_as_a_blob_that_is_not_there()
    {
        Directory.CreateDirectory(Shared);
        await using var services = Services(("blobs:type", "files"), ("blobs:directory", Shared));
        var set = await StorageOpener.OpenAsync(services, Token);
        var blobs = set.Blobs.Get("crm", "t1");
        var health = services.GetServices<IDependencyHealth>().Single(h => h.Name == "blobs");
        var blob = await blobs.PutAsync(new MemoryStream([1]), Token);
        Assert.Equal(HealthLevel.Healthy, (await health.CheckAsync(Token)).Status);

        Directory.Move(Shared, Shared + "-away");

        Assert.Equal(ErrorCodes.StorageUnavailable, (await Assert.ThrowsAsync<NexusException>(async () => await blobs.OpenAsync(blob.Sha256, Token))).Code);
        Assert.Equal(HealthLevel.Unhealthy, (await health.CheckAsync(Token)).Status);
        Assert.False(health.Essential);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private ServiceProvider Services(params (string Key, string Value)[] settings)
    {
        var all = new Dictionary<string, string?> { ["database:directory"] = Path.Combine(_folder, "data") };
        foreach (var (key, value) in settings)
            all[key] = value;
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(all).Build();
        return new ServiceCollection().AddNexusData(configuration).BuildServiceProvider();
    }
}
