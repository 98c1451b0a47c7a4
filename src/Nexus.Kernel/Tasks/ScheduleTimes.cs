using System.Globalization;
using Quartz;

namespace Nexus.Kernel.Tasks;

/// <summary>The times of a schedule. Cron is Quartz's: fields as crontab has them; where both day fields are limited, either decides; a time that the clock skips fires when the clock goes on, one that it repeats fires once, and what counts in steps of hours or minutes goes on through both.</summary>
internal sealed class ScheduleTimes
{
    private const string Every = "@every ";
    private readonly CronExpression? cron;
    private readonly TimeSpan interval;

    private ScheduleTimes(CronExpression? cron, TimeSpan interval) => (this.cron, this.interval) = (cron, interval);

    /// <exception cref="NexusException"><c>SCHEDULE_INVALID</c>, with what is wrong.</exception>
    public static ScheduleTimes Parse(string expression, string timeZone)
    {
        try
        {
            return expression.StartsWith(Every, StringComparison.Ordinal)
                ? new ScheduleTimes(null, Interval(expression[Every.Length..].Trim()))
                : new ScheduleTimes(Cron(expression).WithTimeZone(TimeZoneInfo.FindSystemTimeZoneById(timeZone)), default);
        }
        catch (Exception e) when (e is FormatException or TimeZoneNotFoundException or InvalidTimeZoneException or ArgumentException)
        {
            throw new NexusException(ErrorCodes.ScheduleInvalid, $"The schedule \"{expression}\" ({timeZone}) cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Refuses schedules of a plugin that could never fire.</summary>
    /// <exception cref="NexusException"><c>SCHEDULE_INVALID</c>.</exception>
    public static void Check(ActivePlugin plugin)
    {
        foreach (var schedule in plugin.Schedules)
        {
            Parse(schedule.Expression, schedule.TimeZone);
            if (!plugin.Tasks.Any(t => t.Name == schedule.Task))
                throw new NexusException(ErrorCodes.ScheduleInvalid, $"The schedule {schedule.Name} fires {schedule.Task}, which {plugin.Manifest.Name} does not declare. Add it with AddTask.");
        }
    }

    /// <summary>The first time after an instant; null when there is none.</summary>
    public DateTimeOffset? After(DateTimeOffset instant) => cron is null ? Aligned(instant) + interval : cron.GetNextValidTimeAfter(instant)?.ToUniversalTime();

    /// <summary>The last time up to and with an instant, of those from <paramref name="first"/> on.</summary>
    public DateTimeOffset LastUpTo(DateTimeOffset instant, DateTimeOffset first)
    {
        if (cron is null)
            return Aligned(instant);
        // Cron fires at whole seconds, and the search finds what lies before its argument.
        var second = new DateTimeOffset(instant.UtcTicks - (instant.UtcTicks % TimeSpan.TicksPerSecond), TimeSpan.Zero).AddSeconds(1);
        return cron.GetPreviousValidTimeBefore(second)?.ToUniversalTime() is { } last && last > first ? last : first;
    }

    private DateTimeOffset Aligned(DateTimeOffset instant) => new(instant.UtcTicks - ((instant.UtcTicks - DateTime.UnixEpoch.Ticks) % interval.Ticks), TimeSpan.Zero);

    /// <summary>Five fields as crontab has them, a sixth before them for seconds.</summary>
    private static CronExpression Cron(string expression)
    {
        var fields = expression.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length != 6)
            return CronExpression.Parse(expression, CronFormat.Unix);
        var minutes = CronExpression.Parse(string.Join(' ', fields[1..]), CronFormat.Unix).CronExpressionString;
        return CronExpression.Parse(fields[0] + minutes[minutes.IndexOf(' ', StringComparison.Ordinal)..], CronFormat.Quartz);
    }

    private static TimeSpan Interval(string text)
    {
        var unit = text.Length > 1 ? text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86400, _ => 0 } : 0;
        return unit > 0 && int.TryParse(text.AsSpan()[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? TimeSpan.FromSeconds((long)number * unit)
            : throw new FormatException($"\"{text}\" is no interval; write a whole number and s, m, h or d, such as 15m.");
    }
}
