using System.Diagnostics;
using Nexus.Core.Identity.Policy;
using Nexus.Core.Identity.SignIn;

namespace Nexus.Core.Identity.Tests.SignIn;

/// <summary>Runs alone: what the neighbours do is not to be measured.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

[Collection(nameof(Alone))]
public sealed class TimeTests
{
    [Fact]
    public async Task An_unknown_name_takes_as_long_as_a_wrong_password()
    {
        await using var node = await IdentityNode.StartAsync(options => options.Settings["plugins:core.identity:password:attempts"] = "100");
        await node.AddUserAsync("ada", "user");
        foreach (var name in new[] { "ada", "nobody" }) await TimeAsync(node, name);
        var names = Enumerable.Range(0, 100).Select(i => i % 2 == 0 ? "ada" : "nobody").ToArray();
        new Random(7).Shuffle(names);

        var times = new List<(string Name, double Time)>();
        foreach (var name in names) times.Add((name, await TimeAsync(node, name)));

        Assert.InRange(Median(times, "nobody") / Median(times, "ada"), 0.8, 1.25);
    }

    [Fact]
    public async Task Asking_who_calls_and_what_it_may_allocates_next_to_nothing()
    {
        await using var node = await IdentityNode.StartAsync();
        var (strategy, policy) = (node.Get<BearerStrategy>(), node.Get<AccessPolicy>());
        var credentials = new Credentials { Authorization = $"Bearer {node.Admin}" };
        var found = (await strategy.AuthenticateAsync(credentials, default)).SignedIn!;
        var context = new CallContext(found.Caller, found.Tenant, "r");
        _ = await policy.DecideAsync(context, "platform.users:read", default);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
        {
            var who = strategy.AuthenticateAsync(credentials, default);
            var may = policy.DecideAsync(context, "platform.users:read", default);
            Assert.True(who.IsCompletedSuccessfully && may.IsCompletedSuccessfully);
        }

        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / 1_000, 0, 200);
    }

    private static async Task<double> TimeAsync(IdentityNode node, string name)
    {
        var start = Stopwatch.GetTimestamp();
        Assert.Equal(401, (await node.LoginAsync(name, "wrong password")).Status);
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private static double Median(List<(string Name, double Time)> times, string name) => times.Where(t => t.Name == name).Select(t => t.Time).Order().ElementAt(24);
}
