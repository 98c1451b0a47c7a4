using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Security.Addresses;
using Nexus.Gateway.Security.Watch;

namespace Nexus.Gateway.Security.Limits;

/// <summary>Counts the callers of routes that have a rate limit. Counts belong to the route's pattern, not to a generation, so that a swap does not give anybody a fresh start.</summary>
internal sealed class RouteLimits(Refusals refusals, TimeProvider time)
{
    private readonly LimitTable table = new(1 << 12, time);
    private readonly ConditionalWeakTable<RateLimit, Rate> rates = [];

    /// <summary>Counts a request; null when it may go on, else the answer that refuses it, being written.</summary>
    public Task? Refuse(HttpContext context, GatewayRequest request, RouteFacts route, RateLimit limit)
    {
        if (request.Counted)
            return null;
        request.Counted = true;
        var rate = rates.GetValue(limit, static l => new Rate(l.Requests, l.Window));
        var verdict = table.Count(LimitTable.Mix(KeyOf(request), route.Pattern) + LimitTable.Mix(context.Request.Method), rate);
        request.Limit = new LimitNotice(rate, verdict);
        if (verdict.Allowed)
            return null;
        context.Response.Headers.RetryAfter = LimitNotice.Seconds(verdict.Wait);
        return refusals.RefuseAsync(context, ErrorCodes.RateLimited, "security.rate.exceeded", $"{route.Pattern} answers one caller {limit.Requests} times in {limit.Window.TotalSeconds:0.###} s.");
    }

    /// <summary>Who is counted: a caller who signed in by key or id wherever it comes from; all others by address.</summary>
    private static ulong KeyOf(GatewayRequest request) =>
        request.SignedIn is { } signedIn ? LimitTable.Mix(signedIn.LimitKey ?? signedIn.Caller.Id)
        : request.RemoteAddress is { } address ? AddressSet.CountingKey(address)
        : 0;
}
