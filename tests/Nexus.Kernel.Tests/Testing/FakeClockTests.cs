using Nexus.Testing;

namespace Nexus.Kernel.Tests.Testing;

public sealed class FakeClockTests
{
    [Fact]
    public void A_period_of_a_second_fires_ten_times_in_ten_seconds_each_at_its_own_time()
    {
        var clock = new FakeClock();
        var start = clock.GetUtcNow();
        var seen = new List<double>();
        using var timer = clock.CreateTimer(_ => seen.Add((clock.GetUtcNow() - start).TotalSeconds), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));

        clock.Advance(TimeSpan.FromSeconds(10.5));

        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], seen);
        Assert.Equal(10.5, (clock.GetUtcNow() - start).TotalSeconds);
    }

    [Fact]
    public async Task A_month_ends_though_a_loop_waits_a_tenth_of_a_second_and_another_waits_not_at_all()
    {
        var clock = new FakeClock();
        var start = clock.GetUtcNow();
        var turns = 0;
        var day = 0;
        using var loop = clock.CreateTimer(_ => { }, null, TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(100));
        ITimer? again = null;
        again = clock.CreateTimer(_ =>
        {
            turns++;
            again!.Change(TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }, null, TimeSpan.FromMinutes(1), Timeout.InfiniteTimeSpan);
        using var late = clock.CreateTimer(_ => day++, null, TimeSpan.FromDays(20), Timeout.InfiniteTimeSpan);

        await Task.Run(() => clock.Advance(TimeSpan.FromDays(31))).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        Assert.Equal(31, (clock.GetUtcNow() - start).TotalDays);
        Assert.Equal(1, day);
        Assert.InRange(turns, 9_000, 10_001);
        again.Dispose();
    }
}
