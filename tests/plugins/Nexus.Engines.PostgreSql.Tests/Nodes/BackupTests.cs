using Npgsql;

namespace Nexus.Engines.PostgreSql.Tests.Nodes;

public sealed class BackupTests
{
    [Fact]
    public async Task A_dump_that_was_restored_elsewhere_holds_the_same_and_serves()
    {
        await using var server = await PostgreSqlServer.StartAsync();
        var address = await server.MakeDatabaseAsync();
        await using (var set = await Opened.OpenAsync(address))
        {
            await set.DeclareAsync([new IndexDescriptor(["age"])], "name");
            await set.CommitAsync([.. Enumerable.Range(0, 200).Select(i => Opened.Put($"{i}", $$"""{"name":"n{{i}} é","age":{{i}}}"""))]);
            await set.Sql.Get("shop", CallContext.DefaultTenant).WriteAsync((session, _) => session.ExecuteAsync("CREATE TABLE own (id INTEGER GENERATED ALWAYS AS IDENTITY, text TEXT)"));
            await set.Sql.Get("shop", CallContext.DefaultTenant).WriteAsync((session, _) => session.ExecuteAsync("INSERT INTO own (text) VALUES ('a')"));
            await set.Blobs.Get("shop", CallContext.DefaultTenant).PutAsync(new MemoryStream([1, 2, 3]));
        }

        var copy = await server.CopyAsync(new NpgsqlConnectionStringBuilder(address).Database!);

        Assert.Equal(await HashAsync(address), await HashAsync(copy));
        await using var restored = await Opened.OpenAsync(copy);
        Assert.NotNull(await restored.Records.FindAsync(new RecordKey(CallContext.DefaultTenant, "crm.people", "7"), CancellationToken.None));
        await restored.CommitAsync(Opened.Put("7", """{"name":"n7","age":7}""", expected: 1));
        Assert.Equal("7", Assert.Single((await restored.Search!.SearchAsync(new SearchRequest { Tenant = CallContext.DefaultTenant, Table = "crm.people", Text = "\"n7\"" }, CancellationToken.None)).Hits).Record.Id);
        var shop = restored.Sql.Get("shop", CallContext.DefaultTenant);
        await shop.WriteAsync((session, _) => session.ExecuteAsync("INSERT INTO own (text) VALUES ('b')"));
        await shop.WriteAsync((session, _) => session.ExecuteAsync("ALTER TABLE own ADD COLUMN more INTEGER"));
        Assert.Equal([1L, 2L], (await shop.QueryAsync("SELECT id FROM own ORDER BY id")).Select(r => Convert.ToInt64(r["id"], System.Globalization.CultureInfo.InvariantCulture)));
    }

    private static async Task<string> HashAsync(string address)
    {
        await using var connection = new NpgsqlConnection(address + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("""
            SELECT md5((SELECT string_agg(t::text,'|' ORDER BY id) FROM nexus."crm.people" t) || (SELECT string_agg(t::text,'|') FROM "plugin.shop".own t) || (SELECT string_agg(t::text,'|') FROM nexus.blob_parts t) || (SELECT last_value::text FROM nexus.commit_positions))
            """, connection);
        return (string)(await command.ExecuteScalarAsync())!;
    }
}
