using Nexus.Data.Measuring;

namespace Nexus.Data.Tests.Measuring;

public sealed class StandstillTests
{
    private readonly Ticking _clock = new();

    [Fact]
    public void A_process_that_beats_in_time_or_a_little_late_did_not_stand_still()
    {
        var standstill = new Standstill(_clock);

        for (var i = 0; i < 100; i++)
        {
            _clock.Pass(TimeSpan.FromMilliseconds(500));
            standstill.Tick();
        }

        Assert.Equal(TimeSpan.Zero, standstill.Total);
    }

    [Fact]
    public void A_beat_that_comes_late_tells_for_how_long_it_stood_also_before_it_comes()
    {
        var standstill = new Standstill(_clock);
        _clock.Pass(TimeSpan.FromSeconds(3.1));

        Assert.Equal(TimeSpan.FromSeconds(3), standstill.Total);
        standstill.Tick();
        Assert.Equal(TimeSpan.FromSeconds(3), standstill.Total);
        _clock.Pass(TimeSpan.FromSeconds(1.1));
        standstill.Tick();
        _clock.Pass(Standstill.Beat);
        Assert.Equal(TimeSpan.FromSeconds(4), standstill.Total);
    }

    private sealed class Ticking : TimeProvider
    {
        private TimeSpan _passed;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _passed.Ticks;

        public void Pass(TimeSpan time) => _passed += time;
    }
}
