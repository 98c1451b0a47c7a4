using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests.Nodes;

/// <summary>The shipped configurations of nginx and HAProxy in front of three nodes, one of which is killed under load.</summary>
public sealed class BalancerTests
{
    [Theory]
    [InlineData("nginx")]
    [InlineData("haproxy")]
    public async Task No_idempotent_request_fails_and_no_acknowledged_write_is_lost_when_a_node_is_killed_behind(string program)
    {
        Assert.SkipWhen(Balancer.Find(program) is null, $"{program} is not installed");
        await using var cluster = await Cluster.StartAsync(3);
        var token = await cluster.SignInAsync();
        using var balancer = await Balancer.StartAsync(program, cluster.Nodes);
        // A node may take a fifth of a second to know what another one changed.
        foreach (var node in cluster.Nodes) await Cluster.UntilAsync(node.Client, token, "/api/v1/users", (status, _) => status == 200);
        var (wrong, acknowledged, nodes) = (new ConcurrentBag<string>(), new ConcurrentBag<string>(), new ConcurrentDictionary<string, int>());
        var (reads, refused) = (0, 0);
        using var ending = new CancellationTokenSource();

        async Task ReadAsync()
        {
            while (!ending.IsCancellationRequested)
            {
                var (status, body) = await TryAsync(balancer.Client, token, HttpMethod.Get, "/api/v1/nodes/self");
                Interlocked.Increment(ref reads);
                if (status == 200) nodes.AddOrUpdate((string)body["id"]!, 1, (_, n) => n + 1);
                else wrong.Add($"{status} {body}");
            }
        }

        async Task WriteAsync(int writer)
        {
            for (var i = 0; !ending.IsCancellationRequested; i++)
            {
                var (status, body) = await TryAsync(balancer.Client, token, HttpMethod.Post, "/api/business/users/users", new { name = "Ada", email = $"ada{writer}.{i}@example.org" });
                if (status == 201) acknowledged.Add((string)body["id"]!);
                else Interlocked.Increment(ref refused);
            }
        }

        Task[] load = [.. Enumerable.Range(0, 4).Select(_ => ReadAsync()), .. Enumerable.Range(0, 2).Select(WriteAsync)];
        await ServedAsync(() => nodes.Count == 3 && acknowledged.Count > 20);
        await cluster.Nodes[0].KillAsync();
        var (before, written) = (Volatile.Read(ref reads), acknowledged.Count);
        await ServedAsync(() => Volatile.Read(ref reads) > before + 300 && acknowledged.Count > written + 20);
        await ending.CancelAsync();
        await Task.WhenAll(load);

        Assert.True(wrong.IsEmpty, $"{wrong.Count} of {reads}: {string.Join('\n', wrong.Take(5))}");
        // Writes that were sent to the killed node before the balancer marked it down are without an answer: some for each writer, not a stream of them.
        Assert.InRange(refused, 0, 10);
        foreach (var id in acknowledged) Assert.Equal(200, (await Cluster.SendAsync(balancer.Client, token, HttpMethod.Get, $"/api/business/users/users/{id}")).Status);
    }

    private static async Task<(int Status, JsonNode Body)> TryAsync(HttpClient client, string token, HttpMethod method, string path, object? body = null)
    {
        try
        {
            return await Cluster.SendAsync(client, token, method, path, body);
        }
        catch (Exception e) when (RunningHost.IsAway(e))
        {
            return (0, JsonValue.Create(e.Message)!);
        }
    }

    private static async Task ServedAsync(Func<bool> condition)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), "the load does not get through");
            await Task.Delay(20);
        }
    }
}
