using System.Diagnostics;
using System.Text.Json.Nodes;
using Nexus.Faults.Tests.Nodes;

namespace Nexus.Faults.Tests.Faults;

/// <summary>Sign-in on three nodes: begun on one, used on another, ended on a third.</summary>
[Collection<OneCluster>]
public sealed class SessionTests(Cluster cluster)
{
    private const string Mine = "/api/v1/auth/me";
    private const int Rounds = 12;

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);

    /// <summary>When one gives up: a machine that stands still for a while is no node that was not told.</summary>
    private static readonly TimeSpan Ever = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_session_that_is_ended_on_one_node_is_refused_on_all_within_a_second()
    {
        await cluster.UseAsync();
        List<TimeSpan> took = [];
        for (var round = 0; round < Rounds; round++)
        {
            var (begins, uses, ends) = (Node(round), Node(round + 1), Node(round + 2));
            var (access, _) = await SignInAsync(begins);
            Assert.Equal(200, await UntilAsync(uses, access, 200, Stopwatch.StartNew()));
            Assert.Equal(200, await UntilAsync(ends, access, 200, Stopwatch.StartNew()));

            var (status, text) = await ends.SendAsync(HttpMethod.Post, "/api/v1/auth/logout", access);
            var clock = Stopwatch.StartNew();
            Assert.True(status is >= 200 and < 300, text);
            // The node that ended it lets nobody in from its answer on.
            Assert.Equal(401, (await ends.SendAsync(HttpMethod.Get, Mine, access)).Status);
            foreach (var other in new[] { begins, uses })
                Assert.True(await UntilAsync(other, access, 401, clock) == 401, $"{other.Name} still took the session {clock.Elapsed.TotalMilliseconds:0} ms after its end");
            took.Add(clock.Elapsed);
        }

        TestContext.Current.TestOutputHelper!.WriteLine($"refused everywhere after {took.Max().TotalMilliseconds:0} ms at worst");
        // All were refused; a machine that stood still in the middle of some rounds says nothing about the second.
        Assert.True(took.Count(t => t <= Soon) >= Rounds * 3 / 4, $"refused everywhere after {string.Join(", ", took.Select(t => $"{t.TotalMilliseconds:0}"))} ms");
    }

    [Fact]
    public async Task A_refresh_token_that_was_exchanged_on_one_node_is_known_as_used_on_another_and_ends_the_session_everywhere()
    {
        await cluster.UseAsync();
        for (var round = 0; round < 6; round++)
        {
            var (one, two, three) = (Node(round), Node(round + 1), Node(round + 2));
            var (first, used) = await SignInAsync(one);
            // So that what the others have in memory of the session is what the exchange makes old.
            Assert.Equal(200, await UntilAsync(two, first, 200, Stopwatch.StartNew()));
            var (status, text) = await one.SendAsync(HttpMethod.Post, "/api/v1/auth/refresh", null, new { refresh_token = used });
            Assert.True(status == 200, text);
            var (access, fresh) = ((string)JsonNode.Parse(text)!["access_token"]!, (string)JsonNode.Parse(text)!["refresh_token"]!);

            // At once: no node may believe its memory here.
            var (replayed, said) = await two.SendAsync(HttpMethod.Post, "/api/v1/auth/refresh", null, new { refresh_token = used });
            var clock = Stopwatch.StartNew();

            Assert.True(replayed == 401, $"{two.Name} exchanged a token that {one.Name} had exchanged: {replayed} {said}");
            Assert.Equal(401, (await three.SendAsync(HttpMethod.Post, "/api/v1/auth/refresh", null, new { refresh_token = fresh })).Status);
            foreach (var node in new[] { one, two, three })
                Assert.True(await UntilAsync(node, access, 401, clock) == 401, $"{node.Name} still took the session {clock.Elapsed.TotalMilliseconds:0} ms after a used token came again");
        }
    }

    [Fact]
    public async Task Of_one_refresh_token_that_comes_to_all_nodes_at_once_one_exchange_at_most_succeeds()
    {
        await cluster.UseAsync();
        for (var round = 0; round < 6; round++)
        {
            var (_, token) = await SignInAsync(Node(round));

            var answers = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => Node(i).SendAsync(HttpMethod.Post, "/api/v1/auth/refresh", null, new { refresh_token = token })));

            Assert.InRange(answers.Count(a => a.Status == 200), 0, 1);
            Assert.All(answers, a => Assert.True(a.Status is 200 or 401, $"{a.Status} {a.Text}"));
        }
    }

    private Target Node(int number) => cluster.Targets[number % cluster.Nodes.Count];

    private static async Task<(string Access, string Refresh)> SignInAsync(Target node)
    {
        var (status, text) = await node.SendAsync(HttpMethod.Post, "/login", null, new { username = "admin", password = Cluster.Password });
        Assert.True(status == 200, text);
        var answer = JsonNode.Parse(text)!;
        return ((string)answer["access_token"]!, (string)answer["refresh_token"]!);
    }

    /// <summary>Asks until the answer is the one that is waited for, bounded.</summary>
    private static async Task<int> UntilAsync(Target node, string token, int wanted, Stopwatch clock)
    {
        while (true)
        {
            var (status, _) = await node.SendAsync(HttpMethod.Get, Mine, token);
            if (status == wanted || clock.Elapsed > Ever) return status;
            await Task.Delay(10);
        }
    }
}
