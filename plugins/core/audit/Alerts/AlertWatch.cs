using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Nexus.Core.Audit.Chain;

namespace Nexus.Core.Audit.Alerts;

/// <summary>Raises an alert when entries repeat beyond a rule: a row, a log line, an entry of its own, and the event <c>core.audit.alert_raised</c>. Called by the sealer alone, in the order of the trail.</summary>
internal sealed partial class AlertWatch(ISqlDatabase database, IAuditTrail trail, IEvents? events, ImmutableArray<AlertRule> rules, ILogger log)
{
    private const int MaxKeys = 10_000;

    private readonly Dictionary<string, bool> _watched = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Rule, string Tenant, string Who), Queue<DateTimeOffset>> _seen = [];

    /// <summary>Rules of a node that has none configured.</summary>
    public static ImmutableArray<AlertRule> BuiltIn { get; } =
    [
        new() { Name = "repeated-failed-sign-in", Action = "auth.login.failed", By = "address", Count = 10, Minutes = 5 },
        new() { Name = "repeated-denied-access", Action = "auth.access.denied", By = "actor", Count = 20, Minutes = 5 },
        new() { Name = "plugin-operation-refused", Action = "platform.plugin.*", Result = AuditResult.Failure, By = "actor", Count = 3, Minutes = 10 },
        new() { Name = "mass-deletion", Action = "*.deleted", By = "actor", Count = 500, Minutes = 5 },
    ];

    /// <summary>Counts entries; an alert for the same thing is raised again only after its time has passed.</summary>
    public async Task WatchAsync(Batch batch, CancellationToken cancellationToken)
    {
        for (var i = 0; i < batch.Count; i++)
        {
            // Most entries fit no rule, which their action alone says.
            var action = Encoding.UTF8.GetString(AuditEncoding.TextOf(batch.Encoded(i).Span, AuditEncoding.Action));
            if (!IsWatched(action) || batch.Find(i) is not { } entry)
                continue;
            foreach (var rule in rules)
            {
                if (Matches(rule, entry.Entry) && Count(rule, entry.Entry) is { } who)
                    await RaiseAsync(rule, who, entry, cancellationToken);
            }
        }
    }

    // What the trail says of itself must not feed itself.
    private bool IsWatched(string action)
    {
        if (_watched.TryGetValue(action, out var known))
            return known;
        if (_watched.Count > MaxKeys)
            _watched.Clear();
        return _watched[action] = FitsAny(action);
    }

    private bool FitsAny(string action) => !action.StartsWith("core.audit.", StringComparison.Ordinal)
        && rules.Any(r => System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(r.Action, action, ignoreCase: false));

    private static bool Matches(AlertRule rule, AuditEntry entry) =>
        (rule.Result is null || rule.Result == entry.Result) && System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(rule.Action, entry.Action, ignoreCase: false);

    private string? Count(AlertRule rule, AuditEntry entry)
    {
        var who = rule.By switch { "address" => entry.Address ?? "", "subject" => entry.Subject ?? "", "tenant" => entry.Tenant, _ => entry.Actor };
        if (_seen.Count > MaxKeys)
            _seen.Clear();
        if (!_seen.TryGetValue((rule.Name, entry.Tenant, who), out var times))
            _seen[(rule.Name, entry.Tenant, who)] = times = new Queue<DateTimeOffset>();
        while (times.TryPeek(out var oldest) && entry.At - oldest > TimeSpan.FromMinutes(rule.Minutes))
            times.Dequeue();
        times.Enqueue(entry.At);
        if (times.Count < rule.Count)
            return null;
        times.Clear();
        return who;
    }

    private async Task RaiseAsync(AlertRule rule, string who, SealedEntry last, CancellationToken cancellationToken)
    {
        var tenant = last.Entry.Tenant;
        LogAlert(log, rule.Name, rule.By, who, rule.Count, rule.Minutes, tenant);
        await database.WriteAsync((session, _) => session.ExecuteAsync(
            "INSERT INTO alerts (at,rule,who,count,position) VALUES (@at,@rule,@who,@count,@position)",
            new Dictionary<string, object?> { ["at"] = TrailStore.Microseconds(last.Entry.At), ["rule"] = rule.Name, ["who"] = who, ["count"] = rule.Count, ["position"] = last.Position }), cancellationToken);
        var detail = JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["rule"] = rule.Name, [rule.By] = who, ["count"] = rule.Count, ["minutes"] = rule.Minutes, ["position"] = last.Position });
        await trail.RecordAsync(AuditEntry.For(CallContext.System with { Tenant = tenant }, last.Entry.At, "core.audit.alert_raised", $"alerts/{rule.Name}", AuditResult.Success, detail), cancellationToken);
        if (events is not null)
            await events.PublishAsync(new EventMessage { Name = "core.audit.alert_raised", Tenant = tenant, Key = string.Create(CultureInfo.InvariantCulture, $"{rule.Name}/{who}"), Data = detail, Source = "core.audit" }, Delivery.Durable, cancellationToken);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "audit.alert {Rule} {By}={Who}: {Count} within {Minutes} min (tenant {Tenant})")]
    private static partial void LogAlert(ILogger log, string rule, string by, string who, int count, int minutes, string tenant);
}
