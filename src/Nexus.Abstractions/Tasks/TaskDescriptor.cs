namespace Nexus;

/// <summary>A declared task, inert but for its handler.</summary>
public sealed record TaskDescriptor
{
    /// <summary>Whole name: <c>{plugin}.{name}</c>.</summary>
    public required string Name { get; init; }

    /// <summary>What it does, for people.</summary>
    public string Description { get; init; } = "";

    /// <summary>Tries after the first; <c>tasks.maxRetries</c> decides when null.</summary>
    public int? MaxRetries { get; init; }

    /// <summary>Wait before the second try; <c>tasks.retryDelay</c> decides when null.</summary>
    public TimeSpan? RetryDelay { get; init; }

    /// <summary>Factor by which the wait grows with each further try; 1 keeps it.</summary>
    public double BackOff { get; init; } = 2;

    /// <summary>Time limit of one try; <c>tasks.timeout</c> decides when null.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Greatest number of them that one node runs at once; 0 leaves it to <c>tasks.concurrency</c>.</summary>
    public int Concurrency { get; init; }

    /// <summary>Priority of those that do not say themselves.</summary>
    public int Priority { get; init; }

    /// <summary>What the handler writes is committed together with its being done, so that it happens once however often the task is tried. The unit of work spans the whole handler: one that writes for minutes, or in steps that others should see, says false and opens its own units.</summary>
    public bool Atomic { get; init; } = true;

    /// <summary>The handler; given a scope of the plugin's provider. Called under the plugin's lease.</summary>
    public required TaskHandlerDelegate Handle { get; init; }
}

/// <summary>Runs one try of a task and returns its result as UTF-8 JSON; empty for none.</summary>
public delegate ValueTask<ReadOnlyMemory<byte>> TaskHandlerDelegate(IServiceProvider services, TaskContext context, CancellationToken cancellationToken);

/// <summary>A declared schedule.</summary>
public sealed record ScheduleDescriptor
{
    /// <summary>Its name, unique in the platform, so that it outlives a new version; by default the task's name and the expression.</summary>
    public required string Name { get; init; }

    /// <summary>Whole name of the task that it fires.</summary>
    public required string Task { get; init; }

    /// <summary>When: a cron expression of five fields (minute, hour, day of month, month, day of week) or six (a second first), or <c>@every 15m</c>; see <see cref="Schedule"/>.</summary>
    public required string Expression { get; init; }

    /// <summary>IANA name of the time zone in which cron fields count; UTC by default.</summary>
    public string TimeZone { get; init; } = "UTC";

    /// <summary>Input of the task as UTF-8 JSON.</summary>
    public ReadOnlyMemory<byte> Input { get; init; } = "null"u8.ToArray();

    /// <summary>What happens with times at which no node ran.</summary>
    public MisfirePolicy Misfire { get; init; } = MisfirePolicy.FireOnce;
}

/// <summary>What happens with the times of a schedule at which no node ran.</summary>
public enum MisfirePolicy
{
    /// <summary>However many there were, the task runs once.</summary>
    FireOnce,

    /// <summary>They are passed over.</summary>
    Skip,
}

/// <summary>Expressions of schedules in words.</summary>
public static class Schedule
{
    /// <summary>Every day at a time.</summary>
    public static string Daily(int hour, int minute = 0) => Checked(hour, 23, minute, 59, $"{minute} {hour} * * *");

    /// <summary>Every hour at a minute.</summary>
    public static string Hourly(int minute = 0) => Checked(0, 23, minute, 59, $"{minute} * * * *");

    /// <summary>Every week on a day, at a time.</summary>
    public static string Weekly(DayOfWeek day, int hour, int minute = 0) => Checked(hour, 23, minute, 59, $"{minute} {hour} * * {(int)day}");

    /// <summary>Every so many minutes.</summary>
    public static string EveryMinutes(int minutes) => Every(TimeSpan.FromMinutes(minutes));

    /// <summary>Again and again after an interval of whole seconds, counted from the Unix epoch: every 15 minutes is at :00, :15, :30 and :45.</summary>
    public static string Every(TimeSpan interval) => interval >= TimeSpan.FromSeconds(1) && interval.Ticks % TimeSpan.TicksPerSecond == 0
        ? $"@every {(long)interval.TotalSeconds}s"
        : throw new ArgumentOutOfRangeException(nameof(interval), interval, "An interval has whole seconds, at least one.");

    private static string Checked(int hour, int maxHour, int minute, int maxMinute, string expression)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(hour);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(hour, maxHour);
        ArgumentOutOfRangeException.ThrowIfNegative(minute);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minute, maxMinute);
        return expression;
    }
}

/// <summary>A task that the plugin runs.</summary>
/// <param name="Descriptor">Name, limits, handler.</param>
public sealed record TaskContribution(TaskDescriptor Descriptor) : Contribution;

/// <summary>A schedule that fires one of the plugin's tasks.</summary>
/// <param name="Descriptor">Expression, task, input.</param>
public sealed record ScheduleContribution(ScheduleDescriptor Descriptor) : Contribution;
