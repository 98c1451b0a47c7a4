using Npgsql;

namespace Nexus.Engines.PostgreSql.Tests.Nodes;

public sealed class ResetTests
{
    [Fact]
    public async Task A_reset_deletes_everything_of_the_platform_and_nothing_of_others()
    {
        var address = await PostgreSqlServer.DatabaseAsync();
        await RunAsync(address, "CREATE TABLE theirs (id integer)");
        await using (var set = await Opened.OpenAsync(address))
        {
            await set.CommitAsync(Opened.Put("a", "1"), Opened.Put("b", "2", tenant: "t2"));
            await set.Sql.Get("shop", CallContext.DefaultTenant).WriteAsync((session, _) => session.ExecuteAsync("CREATE TABLE own (id INTEGER)"));
            await set.Sql.Get("shop", "t2").WriteAsync((session, _) => session.ExecuteAsync("CREATE TABLE own (id INTEGER)"));
        }

        await new PostgreSqlPlugin().ResetAsync(new StorageOptions("", address), CancellationToken.None);

        Assert.Equal("public", await RunAsync(address, "SELECT string_agg(nspname,',') FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname<>'information_schema'"));
        Assert.Equal(0L, await RunAsync(address, "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'nexus\\_' || (SELECT oid FROM pg_database WHERE datname=current_database()) || '\\_%'"));
        Assert.Equal(0L, await RunAsync(address, "SELECT count(*) FROM theirs"));
        await using var again = await Opened.OpenAsync(address);
        Assert.Null(await again.Records.FindAsync(new RecordKey(CallContext.DefaultTenant, "crm.people", "a"), CancellationToken.None));
        await again.CommitAsync(Opened.Put("a", "1"));
    }

    [Fact]
    public async Task A_database_that_a_node_uses_is_not_reset()
    {
        var address = await PostgreSqlServer.DatabaseAsync();
        await using var set = await Opened.OpenAsync(address);
        await set.CommitAsync(Opened.Put("a", "1"));

        var refused = await Assert.ThrowsAsync<NexusException>(() => new PostgreSqlPlugin().ResetAsync(new StorageOptions("", address), CancellationToken.None).AsTask());

        Assert.Equal(ErrorCodes.Conflict, refused.Code);
        Assert.Contains("Stop all nodes first", refused.Message, StringComparison.Ordinal);
        Assert.NotNull(await set.Records.FindAsync(new RecordKey(CallContext.DefaultTenant, "crm.people", "a"), CancellationToken.None));
    }

    private static async Task<object?> RunAsync(string address, string sql)
    {
        await using var connection = new NpgsqlConnection(address + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
