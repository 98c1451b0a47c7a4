using System.Diagnostics;
using Nexus.Engines.Redis.Tests;

namespace Nexus.EndToEnd.Tests.Nodes;

/// <summary>Limits of requests that three nodes and a gateway hold together over a real Redis.</summary>
public sealed class SharedLimitTests
{
    private const string Users = "/api/business/users/users";

    [Fact]
    public async Task A_limit_is_spent_once_whichever_nodes_are_asked_directly_or_through_a_gateway()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var cluster = await Cluster.StartAsync(3, [Path.Combine(Programs.Plugins, "engines.yarp"), Path.Combine(Programs.Plugins, "engines.redis")],
            [$"--redis:connectionString={redis.Address}", "--security:rateLimits:shared=true"]);
        var admin = await cluster.SignInAsync();
        var gateway = await cluster.AddAsync("--roles", "gateway");
        await GatewayTests.FoundAsync(gateway, admin, "users", 3);

        Assert.InRange(await SpendAsync(cluster, admin, [.. cluster.Nodes.Select(n => n.Client)]), 0, 1);
        Assert.InRange(await SpendAsync(cluster, admin, [gateway.Client]), 0, 1);
    }

    /// <summary>Asks the clients in turn with a new key of thirty requests a minute.</summary>
    /// <returns>How many more than thirty were served; one that the bucket won back meanwhile counts as none.</returns>
    private static async Task<int> SpendAsync(Cluster cluster, string admin, HttpClient[] clients)
    {
        var key = await KeyAsync(cluster, admin, 30);
        var clock = Stopwatch.StartNew();
        // Served, they are spent; refused with 401 while a node does not know the key yet, they are not.
        HttpClient[] all = [.. cluster.Nodes.Select(n => n.Client).Union(clients)];
        foreach (var client in all) await Cluster.UntilAsync(client, key, Users, (status, _) => status == 200);
        var answers = await Task.WhenAll(Enumerable.Range(0, 90).Select(i => Cluster.SendAsync(clients[i % clients.Length], key, HttpMethod.Get, Users)));
        var back = (int)Math.Ceiling(clock.Elapsed.TotalSeconds / 2);
        Assert.All(answers, a => Assert.True(a.Status is 200 or 429, $"{a.Status} {a.Body}"));
        var served = all.Length + answers.Count(a => a.Status == 200);
        Assert.True(served >= 30, $"only {served} were served");
        return Math.Max(0, served - 30 - back);
    }

    private static async Task<string> KeyAsync(Cluster cluster, string admin, int requestsPerMinute)
    {
        var (made, key) = await Cluster.SendAsync(cluster.Nodes[0].Client, admin, HttpMethod.Post, "/api/v1/api-keys", new { name = $"k{Guid.NewGuid():N}", scopes = new[] { "users.users:read" }, requests_per_minute = requestsPerMinute });
        Assert.True(made == 201, key.ToString());
        return (string)key["key"]!;
    }
}
