using System.Diagnostics;
using Npgsql;

namespace Nexus.EndToEnd.Tests.Nodes;

/// <summary>The audit trail of several nodes on one database: its chain has one end, so one node seals at a time.</summary>
public sealed class SealingTests
{
    [Fact]
    public async Task One_node_seals_for_all_and_another_takes_its_turn_when_it_is_killed()
    {
        await using var cluster = await Cluster.StartAsync(3, [Path.Combine(Programs.Plugins, "core.audit")], ["--plugins:core.audit:sealMilliseconds=20", Cluster.Mortal]);
        var token = await cluster.SignInAsync();
        foreach (var node in cluster.Nodes) await Cluster.UntilAsync(node.Client, token, "/api/v1/users", (status, _) => status == 200);
        await Task.WhenAll(cluster.Nodes.SelectMany(n => Enumerable.Range(0, 4).Select(_ => Cluster.LoginAsync(n.Client, Cluster.Password))));
        await SealedAsync(cluster);
        var holder = (await TextAsync(cluster, "SELECT body->>'holder' FROM documents WHERE id LIKE '%sealer'"))!;
        var sealing = cluster.Nodes.Single(n => holder.Contains(n.Folder, StringComparison.Ordinal));
        var before = await CountAsync(cluster);

        await sealing.KillAsync();
        await Task.WhenAll(cluster.Nodes.Where(n => n != sealing).Select(n => Cluster.LoginAsync(n.Client, Cluster.Password)));
        await SealedAsync(cluster);

        var after = await CountAsync(cluster);
        Assert.True(after.Seals > before.Seals, "the second sealer sealed nothing");
        Assert.Equal(after.Seals, after.Last);
        Assert.All(cluster.Nodes, n => Assert.DoesNotContain("audit.sealing.failed", n.Log, StringComparison.Ordinal));
    }

    private static async Task SealedAsync(Cluster cluster)
    {
        var clock = Stopwatch.StartNew();
        while (await TextAsync(cluster, "SELECT count(*)::text FROM audit_queue") != "0")
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(120), "the queue is not sealed");
            await Task.Delay(100);
        }
    }

    private static async Task<(long Seals, long Last)> CountAsync(Cluster cluster)
    {
        var parts = (await TextAsync(cluster, "SELECT count(*) || ' ' || coalesce(max(number),0) FROM seals"))!.Split(' ');
        return (long.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture), long.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>One text of the database, in whichever schema the table is.</summary>
    private static async Task<string?> TextAsync(Cluster cluster, string sql)
    {
        await using var connection = new NpgsqlConnection(cluster.Database);
        await connection.OpenAsync();
        await using (var schemas = new NpgsqlCommand("SELECT set_config('search_path', string_agg(DISTINCT quote_ident(table_schema), ','), false) FROM information_schema.tables WHERE table_name IN ('seals','audit_queue','documents') AND table_schema NOT LIKE 'pg_%'", connection)) await schemas.ExecuteScalarAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (string?)await command.ExecuteScalarAsync();
    }
}
