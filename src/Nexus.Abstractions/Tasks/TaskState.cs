namespace Nexus;

/// <summary>Where a task stands.</summary>
public enum TaskState
{
    /// <summary>Waits: for its time, a worker, or its next try.</summary>
    Pending,

    /// <summary>A worker runs it.</summary>
    Started,

    /// <summary>Done; its result can be read.</summary>
    Success,

    /// <summary>Failed for good, after all its tries; can be retried by hand.</summary>
    Failure,

    /// <summary>Called off.</summary>
    Cancelled,
}

/// <summary>The states as other systems spell them.</summary>
public static class TaskStates
{
    /// <summary><c>PENDING</c>, <c>STARTED</c>, <c>SUCCESS</c>, <c>FAILURE</c> or <c>CANCELLED</c>.</summary>
    public static string ToWord(this TaskState state) => state.ToString().ToUpperInvariant();

    /// <summary>Whether nothing happens to it any more by itself.</summary>
    public static bool IsFinished(this TaskState state) => state > TaskState.Started;
}
