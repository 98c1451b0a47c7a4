using System.Globalization;
using Nexus.Kernel.Tasks;

namespace Nexus.Kernel.Tests.Tasks;

/// <summary>When schedules fire.</summary>
public sealed class ScheduleTimesTests
{
    [Theory]
    [InlineData("0 3 * * *", "2026-01-01T03:00:00Z", "2026-01-02T03:00:00Z 2026-01-03T03:00:00Z")]
    [InlineData("*/15 * * * *", "2026-01-01T00:01:00Z", "2026-01-01T00:15:00Z 2026-01-01T00:30:00Z")]
    [InlineData("5,10-20/5 12 * jan,feb mon-wed", "2026-01-01T00:00:00Z", "2026-01-05T12:05:00Z 2026-01-05T12:10:00Z 2026-01-05T12:15:00Z 2026-01-05T12:20:00Z 2026-01-06T12:05:00Z")]
    [InlineData("0 12 13 * 5", "2026-01-01T00:00:00Z", "2026-01-02T12:00:00Z 2026-01-09T12:00:00Z 2026-01-13T12:00:00Z")]
    [InlineData("0 12 * * 0", "2026-01-01T00:00:00Z", "2026-01-04T12:00:00Z")]
    [InlineData("0 12 * * 7", "2026-01-01T00:00:00Z", "2026-01-04T12:00:00Z")]
    [InlineData("0 12 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T12:00:00Z 2032-02-29T12:00:00Z")]
    [InlineData("*/20 0 12 * * 1", "2026-01-01T00:00:00Z", "2026-01-05T12:00:00Z 2026-01-05T12:00:20Z 2026-01-05T12:00:40Z 2026-01-12T12:00:00Z")]
    [InlineData("@daily", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")]
    [InlineData("@every 15m", "2026-01-01T00:07:30Z", "2026-01-01T00:15:00Z 2026-01-01T00:30:00Z")]
    [InlineData("@every 90s", "2026-01-01T00:00:00Z", "2026-01-01T00:01:30Z 2026-01-01T00:03:00Z")]
    public void A_schedule_fires_at_its_times(string expression, string from, string expected) => Assert.Equal(expected, Next(expression, "UTC", from, expected.Count(' ') + 1));

    [Theory]
    // The night of 29 March has no 02:30: it fires when the clock goes on. The night of 25 October has two: the first counts.
    [InlineData("30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z 2026-03-30T00:30:00Z")]
    [InlineData("30 2 * * *", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z 2026-10-26T01:30:00Z")]
    // What counts in steps goes on through both.
    [InlineData("0 * * * *", "2026-10-24T23:30:00Z", "2026-10-25T00:00:00Z 2026-10-25T01:00:00Z 2026-10-25T02:00:00Z")]
    [InlineData("*/30 * * * *", "2026-03-29T00:10:00Z", "2026-03-29T00:30:00Z 2026-03-29T01:00:00Z 2026-03-29T01:30:00Z")]
    [InlineData("0 3 * * *", "2026-01-01T00:00:00Z", "2026-01-01T02:00:00Z")]
    public void Times_count_in_the_schedules_zone_also_when_its_clock_changes(string expression, string from, string expected) => Assert.Equal(expected, Next(expression, "Europe/Berlin", from, expected.Count(' ') + 1));

    [Theory]
    [InlineData("", "UTC")]
    [InlineData("0 3 * *", "UTC")]
    [InlineData("0 3 * * * * *", "UTC")]
    [InlineData("61 3 * * *", "UTC")]
    [InlineData("a 3 * * *", "UTC")]
    [InlineData("0 0 32 * *", "UTC")]
    [InlineData("61 0 3 * * *", "UTC")]
    [InlineData("@every 0s", "UTC")]
    [InlineData("@every 5", "UTC")]
    [InlineData("0 3 * * *", "Europe/Atlantis")]
    public void What_is_no_schedule_is_refused(string expression, string zone) => Assert.Equal("SCHEDULE_INVALID", Assert.Throws<NexusException>(() => ScheduleTimes.Parse(expression, zone)).Code);

    [Fact]
    public void The_last_of_missed_times_is_found()
    {
        var nightly = ScheduleTimes.Parse("0 3 * * *", "UTC");
        var quarters = ScheduleTimes.Parse("@every 15m", "UTC");

        Assert.Equal(At("2026-01-05T03:00:00Z"), nightly.LastUpTo(At("2026-01-05T03:00:00Z"), At("2026-01-02T03:00:00Z")));
        Assert.Equal(At("2026-01-04T03:00:00Z"), nightly.LastUpTo(At("2026-01-05T02:59:59.9Z"), At("2026-01-02T03:00:00Z")));
        Assert.Equal(At("2026-01-02T03:00:00Z"), nightly.LastUpTo(At("2026-01-02T03:00:00.2Z"), At("2026-01-02T03:00:00Z")));
        Assert.Equal(At("2026-01-01T08:45:00Z"), quarters.LastUpTo(At("2026-01-01T08:59:59Z"), At("2026-01-01T08:00:00Z")));
    }

    [Fact]
    public void Words_make_expressions()
    {
        Assert.Equal("30 6 * * *", Schedule.Daily(6, 30));
        Assert.Equal("5 * * * *", Schedule.Hourly(5));
        Assert.Equal("0 7 * * 1", Schedule.Weekly(DayOfWeek.Monday, 7));
        Assert.Equal("@every 900s", Schedule.EveryMinutes(15));
        Assert.Throws<ArgumentOutOfRangeException>(() => Schedule.Daily(24));
        Assert.Throws<ArgumentOutOfRangeException>(() => Schedule.Every(TimeSpan.FromMilliseconds(10)));
    }

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);

    private static string Next(string expression, string zone, string from, int count)
    {
        var times = ScheduleTimes.Parse(expression, zone);
        var at = At(from);
        var found = new List<string>();
        for (var i = 0; i < count; i++)
            found.Add((at = times.After(at)!.Value).ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture));
        return string.Join(' ', found);
    }
}
