using System.Collections.Immutable;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Nexus.Gateway.Forwarding;

namespace Nexus.Gateway.Tests.Forwarding;

public sealed class ChoiceTests
{
    private static readonly HashSet<Backend> None = [];
    private readonly SetClock clock = new();

    [Fact]
    public void Requests_are_spread_evenly_over_nodes_that_are_alike()
    {
        var choice = new Choice(Settings());
        var counts = Count(choice, [Node("a"), Node("b"), Node("c")], 300);

        Assert.Equal((100, 100, 100), (counts["a"], counts["b"], counts["c"]));
    }

    [Fact]
    public void The_node_with_the_fewest_requests_under_way_for_its_weight_is_asked()
    {
        var choice = new Choice(Settings());
        Place heavy = Node("heavy", weight: 3), light = Node("light");
        var got = new Dictionary<string, int>();
        for (var i = 0; i < 40; i++)
        {
            var chosen = choice.Next([heavy, light], null, None)!.Backend;
            // None ends: a node's share of what is under way is its weight.
            chosen.Begin(again: false);
            got[chosen.Node] = got.GetValueOrDefault(chosen.Node) + 1;
        }

        Assert.InRange(got["heavy"], 29, 31);
    }

    [Fact]
    public void In_turn_each_node_gets_the_share_of_its_weight()
    {
        var choice = new Choice(Settings(("gateway:balancing", "roundRobin")));
        var counts = Count(choice, [Node("a", weight: 3), Node("b")], 1000);

        Assert.InRange(counts["a"], 745, 755);
    }

    [Fact]
    public void Shares_of_versions_hold_and_a_version_without_a_share_gets_nothing()
    {
        var choice = new Choice(Settings());
        var route = new ForwardingRoute { Path = "/api/x/y", Versions = { ["1.0.0"] = 90, ["2.0.0"] = 10 } };
        var counts = Count(choice, [Node("a", "1.0.0"), Node("b", "1.0.0"), Node("c", "2.0.0"), Node("d", "3.0.0")], 1000, route);

        Assert.InRange(counts["a"] + counts["b"], 895, 905);
        Assert.InRange(counts["c"], 95, 105);
        Assert.DoesNotContain("d", counts.Keys);
    }

    [Fact]
    public void One_that_is_left_out_or_not_ready_is_asked_only_when_no_other_is_left()
    {
        var choice = new Choice(Settings());
        Place good = Node("good"), bad = Node("bad"), unready = Node("unready") with { IsReady = false };
        for (var i = 0; i < 20; i++) bad.Backend.Breaker.Note(failed: false, bad: true);

        Assert.Equal(100, Count(choice, [good, bad, unready], 100)["good"]);
        Assert.Equal(["bad", "unready"], Count(choice, [bad, unready], 100).Keys.Order());
        Assert.Null(choice.Next([good], null, new HashSet<Backend> { good.Backend }));
    }

    [Fact]
    public void One_that_failed_a_request_is_not_asked_for_it_again_whatever_it_did_meanwhile()
    {
        var choice = new Choice(Settings());
        Place one = Node("one"), other = Node("other");
        var tried = new HashSet<Backend> { one.Backend };
        one.Backend.Begin(again: false);
        one.Backend.End();

        Assert.All(Enumerable.Range(0, 10), _ => Assert.Equal("other", choice.Next([one, other], null, tried)!.Backend.Node));
    }

    [Fact]
    public void One_whose_breaker_is_open_is_not_asked()
    {
        var choice = new Choice(Settings());
        Place good = Node("good"), broken = Node("broken");
        for (var i = 0; i < 5; i++) broken.Backend.Breaker.Note(failed: true, bad: true);

        Assert.Equal(100, Count(choice, [good, broken], 100)["good"]);
        Assert.Null(choice.Next([broken], null, None));
    }

    private static Dictionary<string, int> Count(Choice choice, ImmutableArray<Place> places, int times, ForwardingRoute? route = null) =>
        Enumerable.Range(0, times).Select(_ => choice.Next(places, route, None)!.Backend.Node).CountBy(n => n).ToDictionary();

    private static ForwardingSettings Settings(params (string Key, string Value)[] settings)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings.Select(s => KeyValuePair.Create(s.Key, (string?)s.Value))).Build();
        var services = new ServiceCollection().Configure<ForwardingOptions>(configuration.GetSection("gateway")).BuildServiceProvider();
        return new ForwardingSettings(configuration, services.GetRequiredService<IOptionsMonitor<ForwardingOptions>>());
    }

    private Place Node(string name, string version = "1.0.0", double weight = 1) =>
        new(new Backend(name, "plugin", new Breaker(new BreakerOptions(), clock)), $"http://{name}/", version, weight, IsReady: true);
}
