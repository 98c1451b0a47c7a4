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
}
