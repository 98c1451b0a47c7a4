using System.Collections.Immutable;

namespace Nexus;

/// <summary>One line of the audit trail: who did what, when, where from, with which result. Never holds secrets: what may be shown to an auditor is in <see cref="Detail"/>.</summary>
public sealed record AuditEntry
{
    /// <summary>When, UTC, microseconds.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Tenant whose trail it belongs to.</summary>
    public required string Tenant { get; init; }

    /// <summary>Id of the caller.</summary>
    public required string Actor { get; init; }

    /// <summary>Dotted action, past tense as events are: <c>auth.login.succeeded</c>, <c>auth.access.denied</c>, <c>custom.orders.orders.created</c>, <c>platform.plugin.installed</c>, <c>platform.config.changed</c>.</summary>
    public required string Action { get; init; }

    /// <summary>What it was done to, such as <c>orders/0198…</c>, or null.</summary>
    public string? Subject { get; init; }

    /// <summary>How it ended.</summary>
    public AuditResult Result { get; init; }

    /// <summary>Address of the caller, or null.</summary>
    public string? Address { get; init; }

    /// <summary>Value of <c>User-Agent</c>, cut at 256 characters, or null.</summary>
    public string? UserAgent { get; init; }

    /// <summary>Request id, or that of the event that was handled.</summary>
    public string? CorrelationId { get; init; }

    /// <summary>An entry of the current moment about what the caller of a context did.</summary>
    public static AuditEntry For(CallContext context, DateTimeOffset at, string action, string? subject = null, AuditResult result = AuditResult.Success, ReadOnlyMemory<byte> detail = default)
    {
        ArgumentNullException.ThrowIfNull(context);
        return new AuditEntry
        {
            At = at,
            Tenant = context.Tenant,
            Actor = context.Caller.Id,
            Action = action,
            Subject = subject,
            Result = result,
            Address = context.Address,
            UserAgent = context.UserAgent,
            CorrelationId = context.CorrelationId,
            Detail = detail,
        };
    }

    /// <summary>UTF-8 JSON object of what else matters (changed fields, old and new value of what is neither secret nor personal, reason); empty when nothing.</summary>
    public ReadOnlyMemory<byte> Detail { get; init; }
}

/// <summary>How an audited action ended.</summary>
public enum AuditResult
{
    /// <summary>Done.</summary>
    Success,

    /// <summary>Refused by a rule.</summary>
    Denied,

    /// <summary>Tried and failed.</summary>
    Failure,
}

/// <summary>Takes down what must leave a trace. Resource changes are taken down in their own commit (<see cref="WriteBatch.Audit"/>); everything else comes here.</summary>
public interface IAuditTrail
{
    /// <summary>Whether a plugin seals the trail; when not, entries go to the log only and need not be composed for <see cref="WriteBatch.Audit"/>.</summary>
    bool IsKept { get; }

    /// <summary>Takes an entry down; it is durable when the call returns. Never throws for a full or failing trail of a denied action: it logs, and health says so.</summary>
    ValueTask RecordAsync(AuditEntry entry, CancellationToken cancellationToken = default);
}

/// <summary>Entries that were committed and not yet sealed, in commit order. Only the plugin that seals the trail gets it.</summary>
public interface IAuditQueue
{
    /// <summary>Entries after a position, oldest first.</summary>
    ValueTask<ImmutableArray<QueuedAuditEntry>> ReadAsync(long after, int limit, CancellationToken cancellationToken);

    /// <summary>Removes what was sealed durably elsewhere, up to and with a position. The newest entry may stay, so that positions go on growing; it is never read again by who asks for those after it.</summary>
    ValueTask RemoveAsync(long through, CancellationToken cancellationToken);

    /// <summary>Returns when there are entries after a position; at once when there are.</summary>
    ValueTask WaitAsync(long after, CancellationToken cancellationToken);
}

/// <summary>An entry with its position in commit order.</summary>
/// <param name="Position">Grows with each entry, without gaps that mean anything.</param>
/// <param name="Encoded">The entry as <see cref="AuditEncoding"/> writes it, so that who hashes it need not decode it.</param>
public readonly record struct QueuedAuditEntry(long Position, ReadOnlyMemory<byte> Encoded)
{
    /// <summary>The entry, decoded at each call.</summary>
    public AuditEntry Entry => AuditEncoding.Decode(Encoded);
}

/// <summary>The plugin seals the audit trail: it gets <see cref="IAuditQueue"/>.</summary>
public sealed record AuditContribution : Contribution;
