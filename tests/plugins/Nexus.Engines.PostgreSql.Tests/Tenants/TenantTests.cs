using System.IO.Compression;
using System.Text;

namespace Nexus.Engines.PostgreSql.Tests.Tenants;

public sealed class TenantTests
{
    [Fact]
    public async Task A_tenant_is_exported_whole_and_deleted_without_a_trace_and_others_stay()
    {
        await using var set = await Opened.OpenAsync(await PostgreSqlServer.DatabaseAsync());
        foreach (var tenant in new[] { "t1", "t2" })
        {
            await set.Records.CommitAsync(new WriteBatch { Writes = [Opened.Put("a", $$"""{"pin":{"$sealed":"x"},"of":"{{tenant}}"}""", tenant: tenant), Opened.Put("r", "{}", IStorage.Answers, tenant)], Events = [new EventMessage { Name = "a.b", Tenant = tenant }] }, CancellationToken.None);
            await set.Sql.Get("crm", tenant).WriteAsync((session, _) => session.ExecuteAsync("CREATE TABLE own (id INTEGER)"));
            await set.Sql.Get("crm", tenant).WriteAsync((session, _) => session.ExecuteAsync("INSERT INTO own VALUES (7)"));
            await set.Blobs.Get("crm", tenant).PutAsync(new MemoryStream(Encoding.UTF8.GetBytes(tenant)));
        }

        using var target = new MemoryStream();
        var exported = await set.Tenants!.ExportAsync("t1", target, CancellationToken.None);
        using var zip = new ZipArchive(target);

        Assert.Equal(["crm.people"], await set.Tenants.ListTablesAsync("t1", CancellationToken.None));
        Assert.Equal("{\"pin\":\"***\",\"of\":\"t1\"}", System.Text.Json.Nodes.JsonNode.Parse(Read(zip, "records/crm.people.ndjson"))!["value"]!.ToJsonString());
        Assert.Equal("{\"id\": 7}\n", Read(zip, "sql/crm/own.ndjson"));
        Assert.Equal(1, zip.Entries.Count(e => e.FullName.StartsWith("blobs/crm/", StringComparison.Ordinal)));
        Assert.DoesNotContain(zip.Entries, e => e.FullName.Contains("nexus.answers", StringComparison.Ordinal));

        var deleted = await set.Tenants.DeleteAsync("t1", CancellationToken.None);
        var again = await set.Tenants.DeleteAsync("t1", CancellationToken.None);

        Assert.Equal((1L, 1L, 1L), (exported.Records["crm.people"], exported.Events, exported.Blobs));
        Assert.Equal((1L, 1L, "crm", 1L), (deleted.Records["crm.people"], deleted.Events, deleted.Databases.Single(), deleted.Blobs));
        Assert.Equal((0, 0L, 0, 0L), (again.Records.Count, again.Events, again.Databases.Length, again.Blobs));
        Assert.Null(await set.Records.FindAsync(new RecordKey("t1", "crm.people", "a"), CancellationToken.None));
        Assert.NotNull(await set.Records.FindAsync(new RecordKey("t2", "crm.people", "a"), CancellationToken.None));
        Assert.Equal(7L, (await set.Sql.Get("crm", "t2").QueryAsync("SELECT id FROM own")).Single()["id"]);
        Assert.Single((await set.Events.ReadAsync(new EventQuery(), CancellationToken.None)).Events);
        await Assert.ThrowsAsync<RuleViolationException>(async () => await set.Tenants.DeleteAsync(CallContext.DefaultTenant, CancellationToken.None));
    }

    private static string Read(ZipArchive zip, string name)
    {
        using var reader = new StreamReader(zip.GetEntry(name)!.Open());
        return reader.ReadToEnd();
    }
}
