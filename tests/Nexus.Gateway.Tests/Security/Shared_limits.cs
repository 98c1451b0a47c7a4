using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Tests.Fakes;

namespace Nexus.Gateway.Tests.Security;

public sealed class Shared_limits
{
    private static readonly (string, string)[] Three = [("security:rateLimits:loopback", "true"), ("security:rateLimits:shared", "true"), ("security:rateLimits:address:requests", "3"), ("security:rateLimits:address:seconds", "600")];

    [Fact]
    public async Task Two_nodes_count_an_address_together()
    {
        var limits = new FakeLimits();
        await using var one = await NodeAsync(limits);
        await using var two = await NodeAsync(limits);

        var statuses = new List<int>();
        for (var i = 0; i < 4; i++)
            statuses.Add((int)(await (i % 2 == 0 ? one : two).Client.GetAsync("/health/live")).StatusCode);
        var refused = await one.Client.GetAsync("/health/live");

        Assert.Equal([200, 200, 200, 429], statuses);
        Assert.Equal("200", refused.Headers.GetValues("Retry-After").Single());
        Assert.Equal(["address-127.0.0.1"], limits.Keys);
    }

    [Fact]
    public async Task A_node_that_gets_no_answer_counts_by_itself_and_serves()
    {
        var limits = new FakeLimits { IsDown = true };
        await using var node = await NodeAsync(limits);

        var statuses = new List<int>();
        for (var i = 0; i < 4; i++)
            statuses.Add((int)(await node.Client.GetAsync("/health/live")).StatusCode);

        Assert.Equal([200, 200, 200, 429], statuses);
        Assert.Equal(1, limits.Calls);
    }

    [Fact]
    public async Task Nothing_is_shared_unless_it_is_told_to()
    {
        var limits = new FakeLimits();
        await using var node = await GatewayHost.StartAsync([Three[0], .. Three[2..]], kestrel: true);
        node.Plugins.Publish(FakePlugins.Plugin() with { Shared = new SharedPorts("fake") { Limits = limits } });

        await node.Client.GetAsync("/health/live");

        Assert.Equal(0, limits.Calls);
    }

    private static async Task<GatewayHost> NodeAsync(ISharedLimits limits)
    {
        // A node that got no answer asks again after a second; on a clock that stands still it does not.
        var host = await GatewayHost.StartAsync(Three, kestrel: true, configure: s => s.AddSingleton<TimeProvider>(new FakeTime()));
        host.Plugins.Publish(FakePlugins.Plugin() with { Shared = new SharedPorts("fake") { Limits = limits } });
        return host;
    }

    private sealed class FakeLimits : ISharedLimits
    {
        private int taken;

        public bool IsDown { get; init; }

        public int Calls { get; private set; }

        public HashSet<string> Keys { get; } = [];

        public ValueTask<SharedVerdict> TakeAsync(SharedTake take, CancellationToken cancellationToken)
        {
            Calls++;
            if (IsDown)
                throw new IOException("down");
            Keys.Add(take.Key);
            return new(++taken <= take.Requests ? new SharedVerdict(true, take.Requests - taken, TimeSpan.Zero, TimeSpan.FromSeconds(200)) : new SharedVerdict(false, 0, TimeSpan.FromSeconds(200), TimeSpan.FromSeconds(600)));
        }
    }
}
