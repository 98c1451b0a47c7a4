using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Nexus.Core.Identity.Audit;

/// <summary>Takes down what happens to accounts, sessions, keys and rights.</summary>
internal sealed partial class SecurityTrail(IServiceProvider services, TimeProvider time, ILogger<SecurityTrail> log)
{
    private static readonly FrozenDictionary<string, ImmutableArray<string>> Names = new Dictionary<string, ImmutableArray<string>>
    {
        ["auth.user.created"] = ["user.created"],
        ["auth.user.registered"] = ["user.registration.started", "user.created", "user.registered"],
        ["auth.user.changed"] = ["user.updated"],
        ["auth.user.deleted"] = ["user.deleted"],
        ["auth.profile.changed"] = ["user.updated", "user.profile.updated"],
        ["auth.login.succeeded"] = ["user.login", "auth.login"],
        ["auth.logout.succeeded"] = ["user.logout", "auth.logout"],
        ["auth.password.changed"] = ["user.security.password_changed"],
        ["auth.password.reset"] = ["user.security.password_changed"],
        ["auth.password.set"] = ["user.security.password_changed"],
        ["auth.two-factor.enabled"] = ["user.security.factor_added"],
        ["auth.two-factor.disabled"] = ["user.security.factor_removed"],
        ["auth.backup-codes.renewed"] = ["user.security.backup_codes_renewed"],
        ["auth.passkey.registered"] = ["user.security.passkey_added"],
        ["auth.passkey.removed"] = ["user.security.passkey_removed"],
        ["auth.key.created"] = ["user.security.key_created"],
        ["auth.key.revoked"] = ["user.security.key_revoked"],
        ["auth.user.roles_changed"] = ["user.security.roles_changed"],
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private readonly IAuditTrail? trail = services.GetService<IAuditTrail>();
    private readonly IEvents? events = services.GetService<IEvents>();

    /// <summary>Takes one thing down. Never throws: what happened has happened.</summary>
    public async ValueTask TellAsync(string action, Origin origin, string actor, string tenant, string? subject = null, AuditResult result = AuditResult.Success, JsonObject? detail = null)
    {
        Told(log, action, result, actor, subject);
        if (result == AuditResult.Success) await PublishAsync(action, actor, tenant, subject, detail);
        if (trail is null) return;
        try
        {
            await trail.RecordAsync(new AuditEntry
            {
                At = time.GetUtcNow(),
                Tenant = tenant,
                Actor = actor,
                Action = action,
                Subject = subject,
                Result = result,
                Address = origin.Address,
                UserAgent = origin.UserAgent,
                CorrelationId = origin.CorrelationId,
                Detail = detail is null ? default : System.Text.Encoding.UTF8.GetBytes(detail.ToJsonString()),
            });
        }
        catch (NexusException e)
        {
            NotKept(log, action, e.Message);
        }
    }

    /// <summary>What others may want to act on is an event as well: who and what, and nothing else of the account.</summary>
    private async ValueTask PublishAsync(string action, string actor, string tenant, string? subject, JsonObject? detail)
    {
        if (events is null || !Names.TryGetValue(action, out var names)) return;
        // The subject of a sign-in is its session; the user is who did it.
        var user = subject?.StartsWith("users/", StringComparison.Ordinal) == true ? subject["users/".Length..] : actor;
        var data = new JsonObject { ["user"] = user, ["by"] = actor };
        if ((string?)detail?["userName"] is { } name) data["userName"] = name;
        var bytes = System.Text.Encoding.UTF8.GetBytes(data.ToJsonString());
        try
        {
            await events.PublishAsync([.. names.Select(n => new EventMessage { Name = n, Data = bytes, Tenant = tenant, Key = user })]);
        }
        catch (NexusException e)
        {
            NotKept(log, action, e.Message);
        }
    }

    [LoggerMessage(1, LogLevel.Information, "{Action} {Result} by {Actor} on {Subject}")]
    private static partial void Told(ILogger log, string action, AuditResult result, string actor, string? subject);

    [LoggerMessage(2, LogLevel.Error, "The audit trail did not take {Action}: {Reason}")]
    private static partial void NotKept(ILogger log, string action, string reason);
}

/// <summary>Where a request comes from.</summary>
/// <param name="Address">Address, or null.</param>
/// <param name="UserAgent">Browser or program, at most 256 characters, or null.</param>
/// <param name="CorrelationId">Id of the request.</param>
internal sealed record Origin(string? Address, string? UserAgent, string? CorrelationId)
{
    /// <summary>The node itself.</summary>
    public static Origin Node { get; } = new(null, null, null);

    /// <summary>Where a request comes from.</summary>
    public static Origin Of(HttpContext context)
    {
        var agent = context.Request.Headers.UserAgent.Count > 0 ? context.Request.Headers.UserAgent[0] : null;
        return new Origin(context.Connection.RemoteIpAddress?.ToString(), agent is { Length: > 256 } ? agent[..256] : agent, CallContext.Current.CorrelationId);
    }
}
