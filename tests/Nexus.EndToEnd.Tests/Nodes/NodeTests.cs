using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Npgsql;

namespace Nexus.EndToEnd.Tests.Nodes;

/// <summary>Several nodes on one PostgreSQL: they know each other, and what is done on one holds on all.</summary>
public sealed class NodeTests
{
    /// <summary>A change is told within a second; who is not told of a session's end learns of it after half a minute. What lies between is for a machine that stands still.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task Nodes_know_each_other_and_one_that_is_killed_is_gone_after_its_lease()
    {
        await using var cluster = await Cluster.StartAsync(2, Cluster.Mortal);
        var token = await cluster.SignInAsync();
        var client = cluster.Nodes[0].Client;
        await Cluster.UntilAsync(client, token, "/api/v1/nodes", (_, nodes) => nodes.AsArray().Count == 2);
        var (_, listed) = await Cluster.SendAsync(client, token, HttpMethod.Get, "/api/v1/nodes");
        var self = (await Cluster.SendAsync(client, token, HttpMethod.Get, "/api/v1/nodes/self")).Body;
        var other = listed.AsArray().Single(n => !(bool)n!["self"]!)!;
        var command = await Programs.CliAsync(cluster.Nodes[0], "nodes", "list", "--json");

        await cluster.Nodes[1].KillAsync();
        await Cluster.UntilAsync(client, token, "/api/v1/nodes", (_, nodes) => nodes.AsArray().Count == 1);
        await Cluster.UntilAsync(client, token, "/api/v1/events?pattern=node.left", (_, events) => RunningHost.Rows(events).Count == 1);
        var (status, _) = await Cluster.SendAsync(client, token, HttpMethod.Get, $"/api/v1/nodes/{other["id"]}");
        await cluster.Nodes[1].KillAndRestartAsync();
        await Cluster.UntilAsync(client, token, $"/api/v1/nodes/{other["id"]}", (code, _) => code == 200);

        Assert.Equal(cluster.Nodes.Select(n => n.Address.ToString().TrimEnd('/')).Order(), listed.AsArray().Select(n => (string)n!["address"]!).Order());
        Assert.Equal(await File.ReadAllTextAsync(Path.Combine(cluster.Nodes[0].Folder, "data", "node-id")), self["id"] + "\n");
        Assert.Contains(self["plugins"]!.AsArray(), p => (string)p!["id"]! == "users" && (string)p["state"]! == "Active" && (long)p["generation"]! > 0);
        Assert.Equal("all", (string)self["roles"]![0]!);
        Assert.True(command.ExitCode == 0, command.Errors);
        Assert.Equal(2, JsonNode.Parse(command.Output)!.AsArray().Count);
        Assert.Equal(404, status);
        var (_, joined) = await Cluster.SendAsync(client, token, HttpMethod.Get, "/api/v1/events?pattern=node.joined");
        Assert.Equal(3, RunningHost.Rows(joined).Count);
    }

    [Fact]
    public async Task A_session_of_one_node_serves_on_the_second_and_is_over_everywhere_when_the_third_ends_it()
    {
        await using var cluster = await Cluster.StartAsync(3);
        var admin = await cluster.SignInAsync();
        var (one, two, three) = (cluster.Nodes[0].Client, cluster.Nodes[1].Client, cluster.Nodes[2].Client);
        List<TimeSpan> took = [await Cluster.UntilAsync(two, admin, "/api/v1/users", (status, _) => status == 200), await Cluster.UntilAsync(three, admin, "/api/v1/users", (status, _) => status == 200)];

        var (made, key) = await Cluster.SendAsync(two, admin, HttpMethod.Post, "/api/v1/api-keys", new { name = "k", scopes = new[] { "platform.users:read" } });
        took.Add(await Cluster.UntilAsync(three, (string)key["key"]!, "/api/v1/users", (status, _) => status == 200));
        await Cluster.SendAsync(three, admin, HttpMethod.Delete, $"/api/v1/api-keys/{key["id"]}");
        took.Add(await Cluster.UntilAsync(one, (string)key["key"]!, "/api/v1/users", (status, _) => status == 401));
        var (role, _) = await Cluster.SendAsync(one, admin, HttpMethod.Post, "/api/v1/roles", new { name = "clerk", permissions = new[] { "core.identity:use" } });
        took.Add(await Cluster.UntilAsync(two, admin, "/api/v1/roles/clerk", (status, _) => status == 200));

        var ending = await Cluster.LoginAsync(one, Cluster.Password);
        took.Add(await Cluster.UntilAsync(two, ending, "/api/v1/users", (status, _) => status == 200));
        await Cluster.UntilAsync(three, ending, "/api/v1/users", (status, _) => status == 200);
        var (ended, _) = await Cluster.SendAsync(three, ending, HttpMethod.Post, "/api/v1/auth/logout");
        took.Add(await Cluster.UntilAsync(one, ending, "/api/v1/users", (status, _) => status == 401));
        took.Add(await Cluster.UntilAsync(two, ending, "/api/v1/users", (status, _) => status == 401));

        Assert.Equal((201, 201), (made, role));
        Assert.InRange(ended, 200, 204);
        Assert.All(took, t => Assert.InRange(t, TimeSpan.Zero, Soon));
        Assert.Equal(200, (await Cluster.SendAsync(one, admin, HttpMethod.Get, "/api/v1/users")).Status);
    }

    [Fact]
    public async Task A_node_that_stood_still_for_longer_than_marks_are_kept_takes_over_all_it_missed()
    {
        await using var cluster = await Cluster.StartAsync(2, Cluster.Mortal);
        var admin = await cluster.SignInAsync();
        var (one, two) = (cluster.Nodes[0].Client, cluster.Nodes[1].Client);
        var ending = await Cluster.LoginAsync(one, Cluster.Password);
        await Cluster.UntilAsync(two, ending, "/api/v1/users", (status, _) => status == 200);

        await SignalAsync(cluster.Nodes[1], "-STOP");
        await Cluster.SendAsync(one, ending, HttpMethod.Post, "/api/v1/auth/logout");
        var (made, _) = await Cluster.SendAsync(one, admin, HttpMethod.Post, "/api/v1/roles", new { name = "clerk", permissions = new[] { "core.identity:use" } });
        await NoMarksAsync(cluster.Database);
        await Cluster.UntilAsync(one, admin, "/api/v1/nodes", (_, nodes) => nodes.AsArray().Count == 1);
        await SignalAsync(cluster.Nodes[1], "-CONT");

        Assert.Equal(201, made);
        Assert.InRange(await Cluster.UntilAsync(two, ending, "/api/v1/users", (status, _) => status == 401), TimeSpan.Zero, Soon);
        await Cluster.UntilAsync(two, admin, "/api/v1/roles/clerk", (status, _) => status == 200);
        await Cluster.UntilAsync(one, admin, "/api/v1/nodes", (_, nodes) => nodes.AsArray().Count == 2);
    }

    [Fact]
    public async Task Settings_and_blocked_addresses_of_one_node_hold_on_another()
    {
        await using var cluster = await Cluster.StartAsync(2);
        var admin = await cluster.SignInAsync();
        var (one, two) = (cluster.Nodes[0].Client, cluster.Nodes[1].Client);

        var (rules, _) = await Cluster.SendAsync(one, admin, HttpMethod.Put, "/api/v1/security/ip-rules", new { allow = Array.Empty<string>(), deny = new[] { "198.51.100.0/24" } });
        var settings = await Cluster.UntilAsync(two, admin, "/api/v1/security/ip-rules", (_, body) => body["deny"] is JsonArray { Count: 1 });
        var (blocked, _) = await Cluster.SendAsync(two, admin, HttpMethod.Post, "/api/v1/security/block-ip", new { address = "203.0.113.7" });
        var blocks = await Cluster.UntilAsync(one, admin, "/api/v1/security/ip-rules", (_, body) => body["blocked"]!.AsArray().Any(b => (string)b!["address"]! == "203.0.113.7"));

        Assert.Equal((200, 201), (rules, blocked));
        Assert.InRange(settings, TimeSpan.Zero, Soon);
        Assert.InRange(blocks, TimeSpan.Zero, Soon);
    }

    private static async Task SignalAsync(RunningHost host, string signal)
    {
        using var kill = Process.Start("kill", [signal, host.Pid.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Waits until what was changed is not marked any more: who did not look meanwhile cannot learn of it by a mark.</summary>
    private static async Task NoMarksAsync(string database)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        await using var find = new NpgsqlCommand("SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) FROM information_schema.tables WHERE table_name = 'nexus.changes'", connection);
        await using var count = new NpgsqlCommand($"SELECT count(*) FROM {await find.ExecuteScalarAsync()}", connection);
        var clock = Stopwatch.StartNew();
        while ((long)(await count.ExecuteScalarAsync())! > 0)
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), "marks are not removed");
            await Task.Delay(200);
        }
    }
}
