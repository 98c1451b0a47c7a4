using Nexus.Kernel.Nodes;
using Nexus.Testing;

namespace Nexus.Kernel.Tests.Nodes;

/// <summary>Who lives is judged by renewals, seen by the watcher's clock alone.</summary>
public sealed class NodeSightingsTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(15);

    [Fact]
    public void A_node_lives_while_it_renews_and_a_lease_longer()
    {
        var clock = new FakeClock();
        var sightings = new NodeSightings(clock);
        sightings.Note("a", 1, Lease);
        clock.Advance(TimeSpan.FromSeconds(14));
        var renewed = sightings.Note("a", 2, Lease);
        clock.Advance(TimeSpan.FromSeconds(15));
        var still = sightings.Note("a", 2, Lease);
        clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal((true, true, false), (renewed, still, sightings.Note("a", 2, Lease)));
    }

    [Fact]
    public void A_node_that_was_gone_and_comes_again_has_a_whole_lease()
    {
        var clock = new FakeClock();
        var sightings = new NodeSightings(clock);
        sightings.Note("a", 1, Lease);
        clock.Advance(TimeSpan.FromMinutes(1));
        var before = sightings.Note("a", 1, Lease);
        sightings.Keep(["b"]);

        Assert.Equal((false, true), (before, sightings.Note("a", 1, Lease)));
    }
}
