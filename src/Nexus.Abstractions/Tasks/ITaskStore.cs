using System.Collections.Immutable;

namespace Nexus;

/// <summary>
/// Stored tasks with their leases. Tasks enter through <see cref="WriteBatch.Tasks"/>, so that they are there if and only if what was written with them is. A known id adds nothing; one whose <see cref="TaskEntry.Key"/> an unfinished task of its tenant and name has fails the batch with a <see cref="StorageConflictException"/> on <see cref="Keys"/>. Thread-safe.
/// </summary>
public interface ITaskStore : ITaskHistory
{
    /// <summary>Table that conflicts of deduplication keys name.</summary>
    const string Keys = "nexus.task_keys";

    /// <summary>Table that conflicts of lost leases name.</summary>
    const string Leases = "nexus.task_leases";

    /// <summary>Takes due tasks under a lease, by priority descending, then due time, then age; never more of one name than is free. The try is counted now. Tasks of the named ones whose lease has ended are due again, or have failed when that was their last try, or are cancelled when that was asked for. Waits up to <see cref="TaskClaim.MaxWait"/> for the first; cancelling ends the wait only: a claim that was made is returned.</summary>
    ValueTask<ImmutableArray<TaskEntry>> ClaimAsync(TaskClaim claim, CancellationToken cancellationToken);

    /// <summary>Begins reserved tasks under a lease; the try is counted now. Those that are not reserved by that number any more are passed over, so that each is begun once, however often its number arrives.</summary>
    ValueTask<ImmutableArray<TaskEntry>> TakeAsync(ImmutableArray<TaskReservation> reserved, string worker, TimeSpan lease, CancellationToken cancellationToken);

    /// <summary>Extends leases and stores progress. Those that were lost are passed over.</summary>
    ValueTask BeatAsync(ImmutableArray<TaskBeat> beats, TimeSpan lease, CancellationToken cancellationToken);

    /// <summary>Ends tries; those whose lease was lost meanwhile are passed over. The same holds for <see cref="WriteBatch.TaskSettlements"/>, except that a lost lease fails the batch with a <see cref="StorageConflictException"/> on <see cref="Leases"/>.</summary>
    ValueTask SettleAsync(ImmutableArray<TaskSettlement> settlements, CancellationToken cancellationToken);
}

/// <summary>What was asked for and what became of it. Thread-safe.</summary>
public interface ITaskHistory
{
    /// <summary>Reads tasks, newest first.</summary>
    ValueTask<ImmutableArray<TaskEntry>> ListAsync(TaskQuery query, CancellationToken cancellationToken);

    /// <summary>Changes tasks by hand and returns those that it changed, as they are now.</summary>
    ValueTask<ImmutableArray<TaskEntry>> ChangeAsync(TaskChange change, TaskQuery which, CancellationToken cancellationToken);

    /// <summary>Removes finished tasks, oldest first, and returns them.</summary>
    ValueTask<ImmutableArray<TaskEntry>> PurgeAsync(TaskPurge purge, CancellationToken cancellationToken);

    /// <summary>How many tasks there are by name and state.</summary>
    /// <param name="tenant">Of one tenant, or null for all.</param>
    /// <param name="state">In one state, or null for all; waiting and running ones are counted fast, finished ones may take a walk over all.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    ValueTask<ImmutableArray<TaskCount>> CountAsync(string? tenant, TaskState? state, CancellationToken cancellationToken);
}

/// <summary>A claim.</summary>
/// <param name="Worker">Who claims.</param>
/// <param name="Tasks">Names that run here.</param>
/// <param name="Limit">Greatest number of tasks.</param>
/// <param name="Lease">Time after which an unsettled task is due again, unless a beat extends it.</param>
/// <param name="MaxWait">Time to wait for the first.</param>
public sealed record TaskClaim(string Worker, ImmutableArray<TaskCapacity> Tasks, int Limit, TimeSpan Lease, TimeSpan MaxWait)
{
    /// <summary>Reserves them for whoever <see cref="ITaskStore.TakeAsync">takes</see> them by their number: they stay pending, no try is counted, and until the lease ends nobody else is given them.</summary>
    public bool Reserve { get; init; }
}

/// <summary>A reserved task.</summary>
/// <param name="Id">The task.</param>
/// <param name="Fence">Number of the reservation.</param>
public readonly record struct TaskReservation(Guid Id, long Fence);

/// <summary>What a worker can take of one name.</summary>
/// <param name="Task">The name.</param>
/// <param name="Free">Greatest number; 0 takes none, but ends what its lease has left.</param>
/// <param name="MaxAttempts">Tries of tasks that do not say themselves.</param>
public readonly record struct TaskCapacity(string Task, int Free, int MaxAttempts);

/// <summary>A sign of life of a running task.</summary>
/// <param name="Id">The task.</param>
/// <param name="Fence">Number of the lease.</param>
/// <param name="Percent">How far it is, or null when it does not tell.</param>
/// <param name="Step">What it is at, or null.</param>
public readonly record struct TaskBeat(Guid Id, long Fence, double? Percent = null, string? Step = null);

/// <summary>The end of a try.</summary>
/// <param name="Id">The task.</param>
/// <param name="Fence">Number of the lease.</param>
/// <param name="State">New state; <see cref="TaskState.Pending"/> tries again. Pending without <see cref="Error"/> hands the task back untried: that try does not count. It gives a reservation back as well.</param>
public sealed record TaskSettlement(Guid Id, long Fence, TaskState State)
{
    /// <summary>When to try again; at once when null.</summary>
    public DateTimeOffset? RetryAt { get; init; }

    /// <summary>Text of the failure.</summary>
    public string? Error { get; init; }

    /// <summary>The result as UTF-8 JSON.</summary>
    public ReadOnlyMemory<byte> Result { get; init; }
}

/// <summary>Which tasks.</summary>
public sealed record TaskQuery
{
    /// <summary>These; default for any.</summary>
    public ImmutableArray<Guid> Ids { get; init; }

    /// <summary>Of one tenant; null for the platform itself, which serves all.</summary>
    public string? Tenant { get; init; }

    /// <summary>Of one plugin.</summary>
    public string? Plugin { get; init; }

    /// <summary>Of one name.</summary>
    public string? Task { get; init; }

    /// <summary>In one state.</summary>
    public TaskState? State { get; init; }

    /// <summary>Unfinished ones with this deduplication key.</summary>
    public string? Key { get; init; }

    /// <summary>Fired by one schedule.</summary>
    public string? Schedule { get; init; }

    /// <summary>Only older ones than this task: the last of the page before.</summary>
    public Guid? Before { get; init; }

    /// <summary>Greatest number.</summary>
    public int Limit { get; init; } = 100;
}

/// <summary>A change by hand.</summary>
public enum TaskChange
{
    /// <summary>A waiting task is cancelled, a running one asked to stop.</summary>
    Cancel,

    /// <summary>A failed or cancelled task is due at once with all its tries, unless an unfinished one has its key.</summary>
    Retry,

    /// <summary>A running task that did not stop when asked is cancelled; its worker cannot settle it any more.</summary>
    Abandon,
}

/// <summary>Which finished tasks go.</summary>
/// <param name="FinishedBefore">Those that ended before this.</param>
/// <param name="Limit">Greatest number.</param>
public sealed record TaskPurge(DateTimeOffset FinishedBefore, int Limit = 500);

/// <summary>A count.</summary>
/// <param name="Task">Name.</param>
/// <param name="State">State.</param>
/// <param name="Count">How many.</param>
/// <param name="OldestDueAt">Earliest due time among them.</param>
public sealed record TaskCount(string Task, TaskState State, long Count, DateTimeOffset OldestDueAt);
