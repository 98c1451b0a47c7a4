using Npgsql;

namespace Nexus.Engines.PostgreSql.Tests.Nodes;

/// <summary>A node that starts while others serve.</summary>
public sealed class StartTests
{
    [Fact]
    public async Task A_node_that_starts_waits_for_no_writer_of_another_and_holds_up_none()
    {
        var database = await PostgreSqlServer.DatabaseAsync();
        await using var first = await Opened.OpenAsync(database);
        await using var writer = new NpgsqlConnection(database);
        await writer.OpenAsync();
        await using var unit = await writer.BeginTransactionAsync();
        await using var writing = new NpgsqlCommand("LOCK TABLE nexus.documents, nexus.events, nexus.deliveries, nexus.tasks IN ROW EXCLUSIVE MODE", writer);
        await writing.ExecuteNonQueryAsync();

        await using var second = await Opened.OpenAsync(database).WaitAsync(TimeSpan.FromSeconds(15));

        Assert.Equal(HealthLevel.Healthy, (await second.CheckHealth(CancellationToken.None)).Status);
    }

    [Fact]
    public async Task Nodes_that_bring_what_is_there_already_do_not_wait_for_each_other_and_one_with_something_new_is_waited_for()
    {
        var database = await PostgreSqlServer.DatabaseAsync();
        await using var first = await Opened.OpenAsync(database);
        await using var second = await Opened.OpenAsync(database);
        await first.DeclareAsync([]);

        await using (var held = await first.Schema.BeginAsync(Request([]), CancellationToken.None))
        {
            await using var change = await second.Schema.BeginAsync(Request([]), CancellationToken.None).AsTask().WaitAsync(TimeSpan.FromSeconds(30));
            await change.CommitAsync(CancellationToken.None);
            await held.CommitAsync(CancellationToken.None);
        }

        var named = new IndexDescriptor(["name"]);
        await using var begun = await first.Schema.BeginAsync(Request([named]), CancellationToken.None);
        var waiting = second.Schema.BeginAsync(Request([named]), CancellationToken.None).AsTask();
        Assert.False(await Task.WhenAny(waiting, Task.Delay(300)) == waiting, "it began what another node is at");
        await begun.CommitAsync(CancellationToken.None);
        await using var after = await waiting.WaitAsync(TimeSpan.FromSeconds(30));
        await after.CommitAsync(CancellationToken.None);
    }

    private static SchemaRequest Request(IndexDescriptor[] indexes) =>
        new("crm", [new ResourceDescriptor { Plugin = "crm", Name = "people", Singular = "Person", Fields = [], Indexes = [.. indexes] }], []);
}
