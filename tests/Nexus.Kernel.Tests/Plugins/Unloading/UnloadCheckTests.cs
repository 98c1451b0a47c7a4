using Nexus.Kernel.Plugins.Unloading;

namespace Nexus.Kernel.Tests.Plugins.Unloading;

public sealed class UnloadCheckTests
{
    private readonly ImmediateClock clock = new();
    private readonly List<string> steps = [];
    private readonly WeakReference watch = new(new object());

    /// <summary>What the watch is on, for as long as it is to stay.</summary>
    private object? held;

    public UnloadCheckTests() => watch.Target = held = new object();

    [Theory]
    [InlineData(5, false, 1000)]
    [InlineData(50, false, 2000)]
    [InlineData(5, true, 20)]
    public async Task Collections_that_nobody_waits_for_are_two_hundred_pauses_apart_and_two_seconds_at_most(int pause, bool urgent, int apart)
    {
        var at = new List<TimeSpan>();
        var check = new UnloadCheck(clock, new CollectionSteps(() => { }, _ => Collect(), () => { }));

        Assert.True(await check.WaitAsync(watch, TimeSpan.FromSeconds(10), urgent, CancellationToken.None));

        Assert.Equal([TimeSpan.Zero, TimeSpan.FromMilliseconds(apart)], at);

        TimeSpan Collect()
        {
            at.Add(clock.Now);
            if (at.Count == 2)
            {
                Leave();
            }

            return TimeSpan.FromMilliseconds(pause);
        }
    }

    [Fact]
    public async Task Caches_are_cleared_before_each_collection_and_native_memory_is_returned_once_after_the_one_that_a_context_left_with()
    {
        var check = Check(leavesAt: 2);

        Assert.True(await check.WaitAsync(watch, TimeSpan.FromSeconds(10), urgent: true, CancellationToken.None));

        Assert.Equal(["forget", "collect", "forget", "collect", "trim"], steps);
    }

    [Fact]
    public async Task A_context_that_has_left_already_costs_no_collection()
    {
        Leave();

        Assert.True(await Check(leavesAt: 1).WaitAsync(watch, TimeSpan.FromSeconds(10), urgent: true, CancellationToken.None));

        Assert.Empty(steps);
    }

    [Fact]
    public async Task A_context_that_stays_is_collected_for_also_blocking_until_the_limit_and_nothing_is_trimmed()
    {
        Assert.False(await Check(leavesAt: int.MaxValue).WaitAsync(watch, TimeSpan.FromSeconds(1), urgent: true, CancellationToken.None));

        Assert.Equal(["collect", "collect", "collect", "collect", "collect blocking"], steps.Where(s => s != "forget").Take(5));
        Assert.DoesNotContain("trim", steps);
        GC.KeepAlive(held);
    }

    private UnloadCheck Check(int leavesAt) => new(clock, new CollectionSteps(
        () => steps.Add("forget"),
        blocking =>
        {
            steps.Add(blocking ? "collect blocking" : "collect");
            if (steps.Count(s => s.StartsWith("collect", StringComparison.Ordinal)) == leavesAt)
            {
                Leave();
            }

            return TimeSpan.FromMilliseconds(1);
        },
        () => steps.Add("trim")));

    private void Leave() => (held, watch.Target) = (null, null);
}
