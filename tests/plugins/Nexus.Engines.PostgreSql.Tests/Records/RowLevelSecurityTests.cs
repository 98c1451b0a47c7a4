using Npgsql;

namespace Nexus.Engines.PostgreSql.Tests.Records;

public sealed class RowLevelSecurityTests
{
    [Fact]
    public async Task A_forgotten_condition_shows_nothing_of_another_tenant()
    {
        var address = await PostgreSqlServer.DatabaseAsync();
        await using var set = await Opened.OpenAsync(address);
        await set.CommitAsync(Opened.Put("a", "1", tenant: "t1"), Opened.Put("b", "2", tenant: "t2"));

        await using var connection = new NpgsqlConnection(address);
        await connection.OpenAsync();
        var role = await ScalarAsync(connection, "SELECT rolname FROM pg_roles WHERE rolname LIKE 'nexus\\_%\\_app' AND pg_has_role(rolname,'MEMBER') AND rolname LIKE '%' || (SELECT oid FROM pg_database WHERE datname=current_database()) || '%'");
        await ScalarAsync(connection, $"SET ROLE \"{role}\"");

        Assert.Equal(0L, await ScalarAsync(connection, "SELECT count(*) FROM nexus.\"crm.people\""));
        await ScalarAsync(connection, "SET app.tenant='t1'");
        Assert.Equal("a", await ScalarAsync(connection, "SELECT string_agg(id,',') FROM nexus.\"crm.people\""));
        var refused = await Assert.ThrowsAsync<PostgresException>(() => ScalarAsync(connection, "INSERT INTO nexus.\"crm.people\" (tenant,id,revision,created,updated,schema_version,json) VALUES ('t2','c',1,0,0,1,'{}')"));
        Assert.Equal("42501", refused.SqlState);
        await ScalarAsync(connection, "DELETE FROM nexus.\"crm.people\"");
        Assert.NotNull(await set.Records.FindAsync(new RecordKey("t2", "crm.people", "b"), CancellationToken.None));
        Assert.Null(await set.Records.FindAsync(new RecordKey("t1", "crm.people", "a"), CancellationToken.None));
    }

    [Fact]
    public async Task One_plugins_role_is_refused_the_tables_of_another_by_the_database()
    {
        var address = await PostgreSqlServer.DatabaseAsync();
        await using var set = await Opened.OpenAsync(address);
        foreach (var plugin in new[] { "one", "two" })
            await set.Sql.Get(plugin, CallContext.DefaultTenant).WriteAsync((session, _) => session.ExecuteAsync("CREATE TABLE own (id INTEGER)"));

        await using var connection = new NpgsqlConnection(address);
        await connection.OpenAsync();
        var role = await ScalarAsync(connection, "SELECT rolname FROM pg_roles WHERE rolname LIKE '%' || (SELECT oid FROM pg_database WHERE datname=current_database()) || '\\_one'");
        await ScalarAsync(connection, $"SET ROLE \"{role}\"");

        Assert.Equal(0L, await ScalarAsync(connection, "SELECT count(*) FROM \"plugin.one\".own"));
        foreach (var foreign in new[] { "SELECT * FROM \"plugin.two\".own", "SELECT * FROM nexus.events", "CREATE TABLE nexus.x (id int)" })
            Assert.Equal("42501", (await Assert.ThrowsAsync<PostgresException>(() => ScalarAsync(connection, foreign))).SqlState);
    }

    private static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
