using System.Diagnostics;
using Nexus.Faults.Tests.Load;
using Nexus.Faults.Tests.Nodes;

namespace Nexus.Faults.Tests.Faults;

/// <summary>Messages that nobody can handle, and subscribers that cannot keep up.</summary>
[Collection<OneCluster>]
public sealed class MessageTests(Cluster cluster)
{
    [Fact]
    public async Task Poison_becomes_a_dead_letter_and_a_slow_subscriber_delays_itself_alone()
    {
        await cluster.UseAsync();
        await using var load = await Workload.StartAsync(cluster, seed: 421);
        var run = Guid.NewGuid().ToString("N");
        string[] drizzled = [.. Enumerable.Range(0, 40).Select(i => $"{run}-drizzle{i}")];
        string[] poisoned = [.. Enumerable.Range(0, 3).Select(i => $"{run}-poison{i}")];
        async Task PublishAsync(string path)
        {
            var (status, text) = await cluster.Balancer.SendAsync(HttpMethod.Post, $"{LoadPlugin.Routes}/{path}", cluster.Token, new { });
            Assert.True(status == 200, $"{path}: {status} {text}");
        }

        async Task<List<string>> DoneAsync(string who)
        {
            for (var clock = Stopwatch.StartNew(); ;)
            {
                var done = await load.EffectsAsync(run, who);
                if (done.Count >= drizzled.Length) return done;
                Assert.True(clock.Elapsed < TimeSpan.FromSeconds(120), $"the {who} subscriber was done with {done.Count} of {drizzled.Length}");
                await Task.Delay(100);
            }
        }

        await using (await cluster.HoldAsync())
        {
            await Task.WhenAll(poisoned.Select(op => PublishAsync($"poison?op={op}")).Concat(drizzled.Select(op => PublishAsync($"drizzle?op={op}"))));
            await cluster.UntilAsync("/api/v1/events/dead-letters?limit=1000", dead => poisoned.All(op => dead.ToJsonString().Contains(op, StringComparison.Ordinal)));
            await DoneAsync("quick");
            await load.ProgressAsync(200);
            await load.HandledAsync(10);
            Assert.Empty(await load.EffectsAsync(run, "slow"));
        }

        await DoneAsync("slow");
        await load.EndAsync();

        Assert.Equal(drizzled.Order(StringComparer.Ordinal), (await DoneAsync("quick")).Order(StringComparer.Ordinal));
        Assert.Equal(drizzled.Order(StringComparer.Ordinal), (await DoneAsync("slow")).Order(StringComparer.Ordinal));
    }
}
