namespace Nexus.Faults.Tests.History;

/// <summary>What a client did.</summary>
internal enum Deed
{
    Create,
    Update,
    Delete,
    Read,

    /// <summary>An event is published whose handler leaves one effect.</summary>
    Publish,

    /// <summary>A task is enqueued whose try commits with its settlement.</summary>
    Enqueue,

    /// <summary>A task is enqueued that promises no more than at least once.</summary>
    EnqueueLoose,

    /// <summary>A journal is posted to the ledger.</summary>
    Post,
    CacheWrite,
    CacheRead,
    SignIn,
    Use,
    Revoke,
}

/// <summary>What the client knows of it.</summary>
internal enum Outcome
{
    /// <summary>Acknowledged.</summary>
    Ok,

    /// <summary>Refused: it has no effect.</summary>
    Failed,

    /// <summary>No answer, or one that does not tell: it may have happened, or happen yet.</summary>
    Unknown,
}

/// <summary>One entry of a history.</summary>
internal sealed record Operation
{
    /// <summary>Absent, of a register that was not created yet.</summary>
    public const long Before = 0;

    /// <summary>Absent, of a register that was deleted.</summary>
    public const long Deleted = long.MaxValue;

    /// <summary>Unique in the history; the effect of the operation carries it.</summary>
    public required string Id { get; init; }

    public required Deed Deed { get; init; }

    /// <summary>Register, counter, book, cache key or sign-in session.</summary>
    public required string Key { get; init; }

    public int Client { get; init; }

    /// <summary>Which node was asked, or the balancer.</summary>
    public string Node { get; init; } = "";

    /// <summary>When it was asked, on the one clock of the program that asks.</summary>
    public required TimeSpan Invoked { get; init; }

    public required TimeSpan Completed { get; init; }

    public required Outcome Outcome { get; init; }

    /// <summary>Revision that a change demanded.</summary>
    public long Expected { get; init; }

    /// <summary>Revision that a change made or a read saw; null when a read saw none.</summary>
    public long? Revision { get; init; }

    /// <summary>Value that was written or read.</summary>
    public string? Value { get; init; }

    /// <summary>HTTP status, or the fault that took its place.</summary>
    public string Answer { get; init; } = "";
}

/// <summary>What is there when all is quiet.</summary>
internal sealed record FinalState
{
    public Dictionary<string, (long Revision, string Value)> Registers { get; init; } = [];

    /// <summary>Effects of events by the operation that published them, as often as they are there.</summary>
    public List<(string Operation, string Counter)> Effects { get; init; } = [];

    /// <summary>Counters as their handlers left them.</summary>
    public Dictionary<string, long> Counters { get; init; } = [];

    /// <summary>Tasks that ran, by operation.</summary>
    public List<string> Jobs { get; init; } = [];

    public List<string> LooseJobs { get; init; } = [];

    /// <summary>Journals by operation.</summary>
    public List<string> Journals { get; init; } = [];

    /// <summary>Sum of all balances of the books, which is zero.</summary>
    public decimal LedgerSum { get; init; }

    /// <summary>What the ledger's own audit found broken.</summary>
    public List<string> LedgerFindings { get; init; } = [];

    /// <summary>Values in the cache of each node by key; absent where there is none.</summary>
    public List<(string Node, string Key, string Value)> Cached { get; init; } = [];

    /// <summary>Times for which the schedule of the load fired.</summary>
    public List<string> Ticks { get; init; } = [];
}
