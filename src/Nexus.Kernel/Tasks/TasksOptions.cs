using Nexus.Kernel.Events.Transport;

namespace Nexus.Kernel.Tasks;

/// <summary>Settings of tasks (<c>tasks</c> in the configuration).</summary>
public sealed class TasksOptions
{
    /// <summary>Whether this node runs tasks; every node can ask for them.</summary>
    public bool Worker { get; set; } = true;

    /// <summary>Tasks that this node runs at once.</summary>
    public int Concurrency { get; set; } = 16;

    /// <summary>What carries tasks to workers: <c>database</c>, or the name of a transport that an active plugin brings, such as <c>rabbitmq</c> or <c>redis</c>. The database keeps every task either way.</summary>
    public string Transport { get; set; } = TransportLink.Database;

    /// <summary>Time limit of one try of a task that does not say itself.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Tries after the first of a task that does not say itself.</summary>
    public int MaxRetries { get; set; } = 3;

    /// <summary>Wait before the second try of a task that does not say itself.</summary>
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Longest wait between two tries.</summary>
    public TimeSpan MaxRetryDelay { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Random part added to each wait between tries, as a fraction of it, so that what failed together is not retried together.</summary>
    public double RetryJitter { get; set; } = 0.1;

    /// <summary>Time after which a task whose worker shows no life is due again; workers show it three times as often.</summary>
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Time that a task gets to stop when it is cancelled or over its time limit; then it is abandoned.</summary>
    public TimeSpan CancelGrace { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Time that running tasks get to end when the node stops; then they are handed back untried.</summary>
    public TimeSpan StopTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Time for which finished tasks are kept with their results and logs.</summary>
    public TimeSpan Retention { get; set; } = TimeSpan.FromDays(7);

    /// <summary>Greatest size of an input or a result in bytes.</summary>
    public int MaxBytes { get; set; } = 1 << 20;

    /// <summary>Lines that one try may write to its log; further ones are dropped.</summary>
    public int MaxLogLines { get; set; } = 1000;

    /// <summary>A time of a schedule with <see cref="MisfirePolicy.Skip"/> that is later than this is passed over.</summary>
    public TimeSpan MisfireAfter { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Schedules of the operator, by name.</summary>
    public Dictionary<string, ScheduleOptions> Schedules { get; } = new(StringComparer.Ordinal);
}

/// <summary>A schedule of the operator.</summary>
public sealed class ScheduleOptions
{
    /// <summary>Whole name of the task.</summary>
    public string Task { get; set; } = "";

    /// <summary>When: a cron expression of five or six fields, or <c>@every 15m</c>.</summary>
    public string Schedule { get; set; } = "";

    /// <summary>IANA name of the time zone.</summary>
    public string TimeZone { get; set; } = "UTC";

    /// <summary>Input as JSON text.</summary>
    public string Input { get; set; } = "null";
}
