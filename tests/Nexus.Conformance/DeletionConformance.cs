using System.Text;

namespace Nexus.Conformance;

public abstract partial class StorageConformance
{
    private static readonly (string Tenant, string Table, string Id)[] OfTheCrm =
    [
        ("default", "crm.people", "1"), ("other", "crm.people", "1"), ("default", "crm.notes", "1"),
        ("default", "documents", "plugins/custom/crm/data/a"), ("other", "documents", "plugins/custom/crm/data/deep/b"), ("default", "documents", "plugins/custom/crm/metadata"),
    ];

    private static readonly (string Tenant, string Table, string Id)[] OfOthers =
    [
        ("default", "crm.mail.people", "1"), ("default", "crmx.people", "1"),
        ("default", "documents", "plugins/custom/crm.mail/data/a"), ("default", "documents", "plugins/custom/crm"), ("default", "documents", "plugins/custom/crm0"), ("default", "documents", "core/plugins/crm"),
    ];

    [Fact]
    public async Task Deleting_a_plugin_takes_all_that_is_its_own_in_every_tenant_and_nothing_else()
    {
        await using (var change = await Set.Schema.BeginAsync(new SchemaRequest("crm", [Descriptor([new IndexDescriptor(["email"], Unique: true)], ["name"])], []), CancellationToken.None))
        {
            await change.CommitAsync(CancellationToken.None);
        }

        foreach (var (tenant, table, id) in OfTheCrm.Concat(OfOthers))
            await Set.Records.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = new RecordKey(tenant, table, id), Record = new StoredRecord { Id = id, Revision = 1, Json = """{"name":"x"}"""u8.ToArray() } }] }, CancellationToken.None);
        foreach (var (plugin, tenant) in new[] { ("crm", "default"), ("crm", "other"), ("crm.mail", "default") })
            await Set.Sql.Get(plugin, tenant).WriteAsync((session, _) => session.ExecuteAsync("CREATE TABLE own (id INTEGER)"));
        var shared = await Set.Blobs.Get("crm", "default").PutAsync(new MemoryStream("shared"u8.ToArray()));
        await Set.Blobs.Get("crm.mail", "default").PutAsync(new MemoryStream("shared"u8.ToArray()));
        var own = await Set.Blobs.Get("crm", "other").PutAsync(new MemoryStream("own"u8.ToArray()));

        // Three records and three documents of 12 bytes and a blob of 6 and one of 3; the databases take whole pages.
        Assert.InRange(await Set.Schema.MeasureAsync("crm", "plugins/custom/crm", CancellationToken.None), (6 * 12) + 9, (6 * 12) + 9 + 1_000_000);
        await Set.Sql.Get("crm", "other").WriteAsync((session, _) => session.ExecuteAsync(IsPostgreSql ? "CREATE TABLE big AS SELECT repeat(md5(random()::text),32) AS text FROM generate_series(1,3000)" : "CREATE TABLE big AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<3000) SELECT hex(randomblob(512)) AS text FROM n"));
        Assert.InRange(await Set.Schema.MeasureAsync("crm", "plugins/custom/crm", CancellationToken.None), IsPostgreSql ? 100_000 : 3_000_000, 5_000_000);
        Assert.InRange(await Set.Schema.MeasureAsync("crm.none", "plugins/custom/crm.none", CancellationToken.None), 0, 0);

        await Set.Schema.DeleteAsync("crm", "plugins/custom/crm", CancellationToken.None);
        await Set.Schema.DeleteAsync("crm", "plugins/custom/crm", CancellationToken.None);

        foreach (var (tenant, table, id) in OfTheCrm)
            Assert.True(await Set.Records.FindAsync(new RecordKey(tenant, table, id), CancellationToken.None) is null, $"{tenant} {table} {id} is still there");
        foreach (var (tenant, table, id) in OfOthers)
            Assert.True(await Set.Records.FindAsync(new RecordKey(tenant, table, id), CancellationToken.None) is not null, $"{tenant} {table} {id} is gone");
        foreach (var (plugin, tenant, tables) in new[] { ("crm", "default", 0), ("crm", "other", 0), ("crm.mail", "default", 1) })
            Assert.Equal(tables, (await Set.Sql.Get(plugin, tenant).QueryAsync(IsPostgreSql ? "SELECT table_name FROM information_schema.tables WHERE table_schema=current_schema() AND table_name='own'" : "SELECT name FROM sqlite_master WHERE name='own'")).Length);
        Assert.Null(await Set.Blobs.Get("crm", "default").OpenAsync(shared.Sha256));
        Assert.Null(await Set.Blobs.Get("crm", "other").OpenAsync(own.Sha256));
        await using var kept = await Set.Blobs.Get("crm.mail", "default").OpenAsync(shared.Sha256);
        Assert.Equal("shared", await new StreamReader(kept!, Encoding.UTF8).ReadToEndAsync());
    }
}
