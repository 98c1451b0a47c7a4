using Nexus.Data.Search;
using Nexus.Engines.PostgreSql.Records;
using Nexus.Engines.PostgreSql.Schema;
using Npgsql;

namespace Nexus.Engines.PostgreSql.Tests.Records;

public sealed class PlanTests
{
    [Theory]
    [InlineData("""{"city":"c42"}""", null, false)]
    [InlineData("""{"city":{"$in":["c42","c43"]}}""", null, false)]
    [InlineData("""{"city":{"$prefix":"c499"}}""", null, false)]
    [InlineData("""{"age":{"$gte":19990}}""", null, false)]
    [InlineData("""{"email":"p77@x"}""", null, true)]
    [InlineData(null, "age", false)]
    public async Task Comparisons_and_sorts_go_by_their_declared_index(string? filter, string? sort, bool isUnique)
    {
        var address = await PostgreSqlServer.DatabaseAsync();
        await using var set = await Opened.OpenAsync(address);
        await set.DeclareAsync([new IndexDescriptor(["city"]), new IndexDescriptor(["age"]), new IndexDescriptor(["email"], Unique: true)]);
        foreach (var chunk in Enumerable.Range(0, 20_000).Chunk(5_000))
            await set.CommitAsync([.. chunk.Select(i => Opened.Put($"{i}", $$"""{"city":"c{{i % 500}}","age":{{i}},"email":"p{{i}}@x"}"""))]);

        var query = new RecordQuery { Tenant = CallContext.DefaultTenant, Table = "crm.people", Filter = filter is null ? null : FilterJson.Parse(filter), Sort = sort is null ? [] : [new SortKey(sort)], Limit = 10 };
        var table = new RecordTable("crm.people", SearchFields.None, [RecordIndex.Of("crm.people", new IndexDescriptor(["email"], Unique: true))]);
        var plan = await ExplainAsync(address, new RecordQuerySql(query, null, table));

        Assert.Contains(isUnique ? "unique_" : "index_", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("Seq Scan", plan, StringComparison.Ordinal);
    }

    private static async Task<string> ExplainAsync(string address, RecordQuerySql sql)
    {
        await using var connection = new NpgsqlConnection(address + ";Search Path=nexus");
        await connection.OpenAsync();
        await using (var analyze = new NpgsqlCommand("ANALYZE \"crm.people\"", connection))
            await analyze.ExecuteNonQueryAsync();
        await using var batch = connection.CreateBatch();
        var command = new NpgsqlBatchCommand("EXPLAIN " + sql.PageSql);
        batch.BatchCommands.Add(command);
        sql.BindPage(command);
        var lines = new List<string>();
        await using var reader = await batch.ExecuteReaderAsync();
        while (await reader.ReadAsync())
            lines.Add(reader.GetString(0));
        return string.Join('\n', lines);
    }
}
