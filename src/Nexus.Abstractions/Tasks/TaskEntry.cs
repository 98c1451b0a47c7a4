namespace Nexus;

/// <summary>A task as it is stored: what was asked for and what became of it.</summary>
public sealed record TaskEntry
{
    /// <summary>UUIDv7.</summary>
    public Guid Id { get; init; } = Guid.CreateVersion7();

    /// <summary>What runs: <c>{plugin}.{name}</c>; see <see cref="TaskName"/>.</summary>
    public required string Task { get; init; }

    /// <summary>Tenant for which it runs.</summary>
    public string Tenant { get; init; } = CallContext.DefaultTenant;

    /// <summary>Its input as UTF-8 JSON.</summary>
    public ReadOnlyMemory<byte> Input { get; init; } = "null"u8.ToArray();

    /// <summary>Higher is run first among the waiting; 0 is normal, −1000 to 1000.</summary>
    public int Priority { get; init; }

    /// <summary>Not run before this; of a running task, when it was due.</summary>
    public DateTimeOffset DueAt { get; init; }

    /// <summary>No two unfinished tasks of one tenant and name have the same key; null is no key.</summary>
    public string? Key { get; init; }

    /// <summary>Tries before it has failed; null leaves it to the declaration of the task.</summary>
    public int? MaxAttempts { get; init; }

    /// <summary>Id that ties it to what brought it about.</summary>
    public string? CorrelationId { get; init; }

    /// <summary>The span in which it was asked for, in the W3C form; null when nobody listened.</summary>
    public string? TraceParent { get; init; }

    /// <summary>Who asked for it: a caller's id.</summary>
    public string CreatedBy { get; init; } = "system";

    /// <summary>When it was asked for, UTC.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Schedule that fired it, or null.</summary>
    public string? Schedule { get; init; }

    /// <summary>Where it stands.</summary>
    public TaskState State { get; init; }

    /// <summary>Tries that were begun; counted before the try, so that one which takes its process along counts too.</summary>
    public int Attempt { get; init; }

    /// <summary>Number of the lease; who has an older one can change nothing any more.</summary>
    public long Fence { get; init; }

    /// <summary>Worker that runs it or ran it last, or null.</summary>
    public string? Worker { get; init; }

    /// <summary>End of the lease of a running task.</summary>
    public DateTimeOffset? LeaseUntil { get; init; }

    /// <summary>A running task was asked to stop.</summary>
    public bool CancelRequested { get; init; }

    /// <summary>Begin of the last try.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When it ended for good.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>How far it is, 0 to 100; null when it does not tell.</summary>
    public double? Percent { get; init; }

    /// <summary>What it is at, for people.</summary>
    public string? Step { get; init; }

    /// <summary>Its result as UTF-8 JSON; empty when it has none.</summary>
    public ReadOnlyMemory<byte> Result { get; init; }

    /// <summary>Text of the last failure, or null.</summary>
    public string? Error { get; init; }
}

/// <summary>The grammar of task names.</summary>
public static class TaskName
{
    /// <summary>Greatest length of a whole name.</summary>
    public const int MaxLength = 200;

    /// <summary>The whole name of a plugin's task.</summary>
    /// <param name="plugin">Its plugin.</param>
    /// <param name="name">One word of a–z, 0–9, <c>_</c> and <c>-</c> that starts with a letter; or the whole name of a task of that plugin.</param>
    /// <exception cref="NexusException"><c>TASK_UNKNOWN</c>, with the rule that the name breaks.</exception>
    public static string Of(string plugin, string name)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        ArgumentNullException.ThrowIfNull(name);
        var word = name.StartsWith(plugin + ".", StringComparison.Ordinal) ? name[(plugin.Length + 1)..] : name;
        if (word.Length == 0 || !char.IsAsciiLetterLower(word[0]) || word.Any(c => !char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c is not ('-' or '_')) || plugin.Length + 1 + word.Length > MaxLength)
            throw new NexusException(ErrorCodes.TaskUnknown, $"\"{name}\" is not the name of a task of {plugin}: it is one word of a–z, 0–9, - and _ that starts with a letter, such as nightly-report.");
        return $"{plugin}.{word}";
    }

    /// <summary>The plugin of a whole name.</summary>
    public static string PluginOf(string task)
    {
        ArgumentNullException.ThrowIfNull(task);
        return task.LastIndexOf('.') is var dot and > 0 ? task[..dot] : "";
    }
}
