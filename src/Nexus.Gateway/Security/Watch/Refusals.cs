using System.Globalization;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Errors;

namespace Nexus.Gateway.Security.Watch;

/// <summary>Refuses a request: one line in the audit trail, one problem to the caller. Refusals are written, not thrown, so that a flood of them costs little.</summary>
internal sealed class Refusals(SecurityTrail trail, TimeProvider time)
{
    /// <summary>Answers with a problem and takes the refusal down.</summary>
    /// <param name="context">The request; nothing of its answer may have been sent.</param>
    /// <param name="code">Code of the error catalogue.</param>
    /// <param name="action">Action of the audit entry.</param>
    /// <param name="detail">Safe text for the caller, also kept in the entry.</param>
    /// <param name="rule">What decided, kept in the entry only.</param>
    public async Task RefuseAsync(HttpContext context, string code, string action, string detail, string? rule = null)
    {
        await trail.DeniedAsync(context, action, detail, rule);
        await Problem.WriteAsync(context, code, detail);
    }

    /// <summary>Whole seconds until a time, at least 1, as <c>Retry-After</c> has them.</summary>
    public string SecondsUntil(DateTimeOffset until) =>
        Math.Max(1, (long)Math.Ceiling((until - time.GetUtcNow()).TotalSeconds)).ToString(CultureInfo.InvariantCulture);
}
