using System.Collections.Immutable;
using System.Text.Json;
using Nexus.Data.Sqlite;

namespace Nexus.Data.Tests.Sqlite;

public sealed class PlannerTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-planner-").FullName;
    private StorageSet _set = null!;

    public async ValueTask InitializeAsync() => _set = await OpenAsync();

    public async ValueTask DisposeAsync()
    {
        await _set.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private Task<StorageSet> OpenAsync() => new SqliteStorage(TimeProvider.System).OpenAsync(new StorageOptions(_folder), CancellationToken.None).AsTask();

    private static ResourceDescriptor People(params ImmutableArray<IndexDescriptor> indexes) => new() { Plugin = "crm", Name = "people", Singular = "Person", Fields = [], Indexes = indexes };

    private async Task DeclareAsync(ResourceDescriptor table)
    {
        await using var change = await _set.Schema.BeginAsync(new SchemaRequest("crm", [table], []), CancellationToken.None);
        await change.CommitAsync(CancellationToken.None);
    }

    /// <summary>The plan of the page that a surface asks for, as readers make it.</summary>
    private string PlanOf(string field) => ((SqliteRecords)_set.Records).File.Read(field, static (connection, field) =>
    {
        var query = new RecordQuery { Tenant = CallContext.DefaultTenant, Table = "crm.people", Limit = 20, Filter = new Filter.Compare(field, FilterOperator.Equal, JsonDocument.Parse("\"Ada\"").RootElement) };
        var plan = new SqliteQuery(query, null, Nexus.Data.Search.SearchFields.None);
        // An EXPLAIN does not look whether the schema changed, a run does; and its own text must not be a cached one.
        using (var run = connection.Prepare(plan.PageSql))
        {
            plan.Bind(run);
            run.Step();
        }

        using var statement = connection.Prepare($"EXPLAIN QUERY PLAN /* {Guid.NewGuid()} */ {plan.PageSql}");
        return statement.Step() ? statement.Text(3)! : "";
    });

    [Fact]
    public async Task An_equality_on_an_indexed_field_is_answered_by_its_index_also_after_a_restart()
    {
        await DeclareAsync(People(new IndexDescriptor(["name"]), new IndexDescriptor(["email"], Unique: true)));

        Assert.Contains("USING INDEX crm.people$index$name (tenant=? AND <expr>=?)", PlanOf("name"), StringComparison.Ordinal);
        Assert.Contains("USING INDEX crm.people$unique$email (tenant=? AND <expr>=?)", PlanOf("email"), StringComparison.Ordinal);
        Assert.Contains("USING PRIMARY KEY (tenant=?)", PlanOf("town"), StringComparison.Ordinal);

        await _set.DisposeAsync();
        _set = await OpenAsync();
        Assert.Contains("USING INDEX crm.people$index$name (tenant=? AND <expr>=?)", PlanOf("name"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_index_that_a_later_version_declares_is_used_at_once()
    {
        await DeclareAsync(People());
        Assert.Contains("USING PRIMARY KEY (tenant=?)", PlanOf("name"), StringComparison.Ordinal);

        await DeclareAsync(People(new IndexDescriptor(["name"])));

        Assert.Contains("USING INDEX crm.people$index$name", PlanOf("name"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Undoing_a_table_with_indexes_leaves_schema_and_figures_as_they_were()
    {
        var before = await DumpAsync();

        await using (await _set.Schema.BeginAsync(new SchemaRequest("crm", [People(new IndexDescriptor(["name"]))], []), CancellationToken.None))
            Assert.NotEqual(before, await DumpAsync());

        Assert.Equal(before, await DumpAsync());
    }

    private Task<string> DumpAsync() => ((SqliteRecords)_set.Records).File.Writer.RunAsync(connection =>
    {
        var lines = new List<string>();
        foreach (var sql in new[] { "SELECT type||' '||name||' '||IFNULL(sql,'') FROM sqlite_master ORDER BY name", "SELECT tbl||' '||IFNULL(idx,'')||' '||stat FROM sqlite_stat1 ORDER BY 1" })
        {
            using var statement = connection.Prepare(sql);
            while (statement.Step())
                lines.Add(statement.Text(0)!);
        }

        return string.Join('\n', lines);
    });
}
