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
