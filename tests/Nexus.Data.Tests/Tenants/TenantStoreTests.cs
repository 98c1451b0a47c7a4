using System.IO.Compression;
using System.Text;
using Nexus.Data.Documents;
using Nexus.Data.Memory;
using Nexus.Data.Sqlite;
using Nexus.Data.Tests.Resources;

namespace Nexus.Data.Tests.Tenants;

/// <summary>A tenant is taken out, or away, as a whole.</summary>
public sealed class TenantStoreTests : IAsyncLifetime
{
    private static readonly CancellationToken Token = CancellationToken.None;
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-tenant-").FullName;
    private StorageSet set = null!;

    public static TheoryData<string> Engines => ["memory", "sqlite"];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await set.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task An_export_has_everything_of_the_tenant_and_nothing_of_another(string engine)
    {
        await FillAsync(engine);

        using var zip = await ExportAsync("t1");

        Assert.Equal(
            ["events.ndjson", "manifest.json", "records/documents.ndjson", "records/shop.people.ndjson", "sql/shop.db"],
            zip.Entries.Select(e => e.FullName).Where(n => !n.StartsWith("blobs/", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Equal("blob of t1", Text(Assert.Single(zip.Entries, e => e.FullName.StartsWith("blobs/shop/", StringComparison.Ordinal))));
        var person = Text(zip.GetEntry("records/shop.people.ndjson")!);
        Assert.Contains("\"name\":\"Ann of t1\"", person, StringComparison.Ordinal);
        Assert.Contains("\"email\":\"***\"", person, StringComparison.Ordinal);
        Assert.Contains("{\"records\":{\"documents\":1,\"shop.people\":1},\"events\":2,\"databases\":[\"shop\"],\"blobs\":1}", Text(zip.GetEntry("manifest.json")!), StringComparison.Ordinal);
        Assert.Equal(2, Text(zip.GetEntry("events.ndjson")!).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.All(zip.Entries.Where(e => !e.FullName.EndsWith(".db", StringComparison.Ordinal)), e => Assert.DoesNotContain("t2", Text(e), StringComparison.Ordinal));
        Assert.StartsWith("SQLite format 3", Text(zip.GetEntry("sql/shop.db")!), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_deletion_leaves_nothing_of_the_tenant_and_all_of_another(string engine)
    {
        await FillAsync(engine);

        var deleted = await set.Tenants!.DeleteAsync("t1", Token);
        using var gone = await ExportAsync("t1");
        using var other = await ExportAsync("t2");

        Assert.Equal((1L, 1L, 2L, "shop", 1L), (deleted.Records["documents"], deleted.Records["shop.people"], deleted.Events, Assert.Single(deleted.Databases), deleted.Blobs));
        Assert.Equal("manifest.json", Assert.Single(gone.Entries).FullName);
        Assert.Equal(6, other.Entries.Count);
        Assert.Contains("Ann of t2", Text(other.GetEntry("records/shop.people.ndjson")!), StringComparison.Ordinal);
        Assert.Equal(0, (await set.Tenants.DeleteAsync("t1", Token)).Events);
        Assert.Equal(ErrorCodes.RuleViolation, (await Assert.ThrowsAsync<RuleViolationException>(async () => await set.Tenants.DeleteAsync(CallContext.DefaultTenant, Token))).Code);
    }

    private async Task FillAsync(string engine)
    {
        IStorageEngine chosen = engine == "memory" ? new MemoryStorage(TimeProvider.System, () => true) : new SqliteStorage(TimeProvider.System, () => true);
        set = await chosen.OpenAsync(new(folder), Token);
        var shop = new Shop(storage: set.Records, protection: new FakeProtection());
        await using (var change = await set.Schema.BeginAsync(new("shop", shop.Resources, [new SqlMigration(1, "1.sql", "CREATE TABLE note (text TEXT)")]), Token))
            await change.CommitAsync(Token);
        var documents = new PluginDocuments(set.Records, "shop", "plugins/business/shop", TimeProvider.System);
        foreach (var tenant in new[] { "t1", "t2" })
        {
            var context = new CallContext(Shop.Ann, tenant, "test");
            await Task.Run(async () =>
            {
                CallContext.Current = context;
                await documents.SetAsync("last", $"document of {tenant}");
            });
            var call = shop.Call(resource: "people") with { Context = context, Idempotency = new("k", "f") };
            Assert.Null((await shop.Operations.ChangeAsync(call, [new() { Kind = ChangeKind.Create, Body = Encoding.UTF8.GetBytes($$"""{"name":"Ann of {{tenant}}","email":"ann@{{tenant}}.example"}""") }], atomic: false, Token))[0].Error);
            await set.Sql.Get("shop", tenant).WriteAsync(async (session, _) => await session.ExecuteAsync("INSERT INTO note VALUES ('x')"), Token);
            await set.Records.CommitAsync(new() { Events = [new EventMessage { Name = "shop.noted", Tenant = tenant }] }, Token);
            using var content = new MemoryStream(Encoding.UTF8.GetBytes($"blob of {tenant}"));
            await set.Blobs.Get("shop", tenant).PutAsync(content, Token);
        }
    }

    private async Task<ZipArchive> ExportAsync(string tenant)
    {
        var target = new MemoryStream();
        await set.Tenants!.ExportAsync(tenant, target, Token);
        target.Position = 0;
        return new ZipArchive(target, ZipArchiveMode.Read);
    }

    private static string Text(ZipArchiveEntry entry)
    {
        using var reader = new StreamReader(entry.Open(), Encoding.Latin1);
        return reader.ReadToEnd();
    }
}
