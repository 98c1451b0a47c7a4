using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Nexus.Gateway.Security.Watch;

/// <summary>The latest alerts of this node, for its operators; each is also a warning in the log and an entry of the audit trail.</summary>
internal sealed partial class Alerts(TimeProvider time, ILogger<Alerts> log)
{
    private const int Kept = 1000;
    private readonly Lock gate = new();
    private readonly Queue<Alert> latest = new();
    private long raised;

    /// <summary>Alerts since the process began.</summary>
    public long Raised => Volatile.Read(ref raised);

    /// <summary>The latest ones, newest first.</summary>
    public ImmutableArray<Alert> Latest
    {
        get
        {
            lock (gate)
                return [.. latest.Reverse()];
        }
    }

    /// <summary>Raises one.</summary>
    public Alert Raise(string kind, string? address, string? actor, string detail)
    {
        var alert = new Alert(Guid.CreateVersion7(), time.GetUtcNow(), kind, address, actor, detail);
        lock (gate)
        {
            if (latest.Count == Kept)
                latest.Dequeue();
            latest.Enqueue(alert);
            raised++;
        }
        Tell(log, kind, address, actor, detail);
        return alert;
    }

    [LoggerMessage(8, LogLevel.Warning, "security alert {Kind}: address={Address} actor={Actor} {Detail}")]
    private static partial void Tell(ILogger log, string kind, string? address, string? actor, string detail);
}

/// <summary>Something an operator should look at.</summary>
/// <param name="Id">Its id.</param>
/// <param name="At">When.</param>
/// <param name="Kind"><c>login_abuse</c> or <c>privilege_escalation</c>.</param>
/// <param name="Address">Address it came from, or null.</param>
/// <param name="Actor">Id of the caller, or null when nobody had signed in.</param>
/// <param name="Detail">What happened, for people.</param>
internal sealed record Alert(Guid Id, DateTimeOffset At, string Kind, string? Address, string? Actor, string Detail);
