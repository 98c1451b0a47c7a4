using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Nexus.Gateway.Security.Watch;

namespace Nexus.Gateway.Security.Rules;

/// <summary>Refuses requests whose address has the shape of an attack, or only records them, as <c>security.requestRules</c> says.</summary>
internal sealed class RequestRulesStage(RequestDelegate next, SecuritySettings options, Refusals refusals, SecurityTrail trail, IMeterFactory meters)
{
    private readonly Counter<long> blocks = meters.Create("Nexus.Security").CreateCounter<long>("waf_blocks", description: "Requests that the request rules refused.");

    public Task InvokeAsync(HttpContext context)
    {
        var mode = options.Current.RequestRules;
        if (mode == RequestRuleMode.Off || RequestRules.Find(TargetOf(context)) is not { } rule)
            return next(context);
        if (mode != RequestRuleMode.Block)
            return RecordAsync(context, rule);
        blocks.Add(1, new KeyValuePair<string, object?>("rule", rule));
        return refusals.RefuseAsync(context, ErrorCodes.RequestBlocked, "security.request.blocked", "The address of the request looks like an attack and is not passed on.", rule);
    }

    /// <summary>The target as it came over the wire; a transport that does not keep it has only the decoded one.</summary>
    private static string TargetOf(HttpContext context)
    {
        var raw = context.Features.Get<IHttpRequestFeature>()?.RawTarget;
        return string.IsNullOrEmpty(raw) ? context.Request.Path.Value + context.Request.QueryString.Value : raw;
    }

    private async Task RecordAsync(HttpContext context, string rule)
    {
        await trail.DeniedAsync(context, "security.request.suspected", "The address of the request looks like an attack; it was passed on.", rule);
        await next(context);
    }
}
