using Nexus.Kernel.Plugins.Lifecycle;

namespace Nexus.Kernel.Tests.Plugins;

public sealed class PaceTests
{
    private readonly ImmediateClock clock = new();

    [Theory]
    [InlineData(3, 4, 12)]
    [InlineData(3, 100, 25)]
    [InlineData(3, 0, 0)]
    [InlineData(0, 100, 0)]
    public async Task A_piece_of_work_is_followed_by_a_rest_in_proportion_that_has_an_end(int rests, int worked, int rested)
    {
        var pace = new Pace(clock, rests);
        for (var piece = 1; piece <= 2; piece++)
        {
            clock.Advance(TimeSpan.FromMilliseconds(worked));
            await pace.GiveWayAsync(CancellationToken.None);

            Assert.Equal(TimeSpan.FromMilliseconds(piece * (worked + rested)), clock.Now);
        }
    }
}
