using Nexus.Data.Sharing;

namespace Nexus.Data.Tests.Sharing;

/// <summary>Nodes that share an engine share its clock.</summary>
public sealed class NodeClockTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task A_node_goes_by_the_clock_of_its_engine_whatever_becomes_of_its_own()
    {
        var machine = new SetClock { Utc = Noon.AddHours(1) };
        var clock = new NodeClock(machine);
        var alone = clock.GetUtcNow();

        await clock.SteerAsync(_ => ValueTask.FromResult(Noon), CancellationToken.None);
        var steered = clock.GetUtcNow();
        machine.Utc = Noon.AddHours(-3);
        machine.Pass(TimeSpan.FromSeconds(10));

        Assert.Equal(Noon.AddHours(1), alone);
        Assert.Equal(Noon, steered);
        Assert.Equal(Noon.AddSeconds(10), clock.GetUtcNow());
    }

    [Fact]
    public async Task It_is_moved_when_the_engine_is_further_off_than_the_way_of_its_answer_explains()
    {
        var machine = new SetClock { Utc = Noon };
        var clock = new NodeClock(machine);
        ValueTask<DateTimeOffset> After(DateTimeOffset theirs)
        {
            machine.Pass(TimeSpan.FromMilliseconds(100));
            return ValueTask.FromResult(theirs);
        }

        await clock.SteerAsync(_ => After(Noon), CancellationToken.None);
        await clock.SteerAsync(_ => After(Noon.AddMilliseconds(130)), CancellationToken.None);
        var kept = clock.GetUtcNow();
        await clock.SteerAsync(_ => After(Noon.AddSeconds(60)), CancellationToken.None);

        Assert.Equal(Noon.AddMilliseconds(150), kept);
        Assert.Equal(Noon.AddSeconds(60).AddMilliseconds(50), clock.GetUtcNow());
    }

    private sealed class SetClock : TimeProvider
    {
        private long _passed;

        public DateTimeOffset Utc { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Pass(TimeSpan time) => _passed += time.Ticks;

        public override DateTimeOffset GetUtcNow() => Utc;

        public override long GetTimestamp() => _passed;
    }
}
