using System.Globalization;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Security.Limits;

/// <summary>Counts the callers of routes that have a rate limit. Counts belong to the route's pattern, not to a generation, so that a swap does not give anybody a fresh start.</summary>
internal sealed class RouteLimits : IDisposable
{
    private readonly PartitionedRateLimiter<Use> limiter = PartitionedRateLimiter.Create<Use, Use>(static use => RateLimitPartition.GetFixedWindowLimiter(use, static key => new FixedWindowRateLimiterOptions
    {
        PermitLimit = key.Limit.Requests,
        Window = key.Limit.Window,
        QueueLimit = 0,
    }));

    /// <summary>Counts a request and writes the headers that say what is left; false when its caller is over the limit, and the caller of this method answers.</summary>
    public bool TryCount(HttpContext context, GatewayRequest request, RouteFacts route, RateLimit limit)
    {
        if (request.Counted)
            return true;
        request.Counted = true;
        var use = new Use(route.Pattern, context.Request.Method, CallerOf(request), limit);
        using var lease = limiter.AttemptAcquire(use);
        var headers = context.Response.Headers;
        headers["RateLimit-Policy"] = string.Create(CultureInfo.InvariantCulture, $"{limit.Requests};w={(long)Math.Ceiling(limit.Window.TotalSeconds)}");
        headers["RateLimit-Limit"] = headers["X-RateLimit-Limit"] = limit.Requests.ToString(CultureInfo.InvariantCulture);
        headers["RateLimit-Remaining"] = headers["X-RateLimit-Remaining"] = (limiter.GetStatistics(use)?.CurrentAvailablePermits ?? 0).ToString(CultureInfo.InvariantCulture);
        if (lease.IsAcquired)
            return true;
        var wait = lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? after : limit.Window;
        headers.RetryAfter = headers["RateLimit-Reset"] = headers["X-RateLimit-Reset"] = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        return false;
    }

    /// <inheritdoc/>
    public void Dispose() => limiter.Dispose();

    /// <summary>Who is counted: a caller who signed in by id wherever it comes from; all others by address.</summary>
    private static string CallerOf(GatewayRequest request) =>
        request.Context.Caller == Caller.Anonymous ? request.Address ?? "unknown" : request.Context.Caller.Id;

    /// <summary>One caller of one route under one limit.</summary>
    private sealed record Use(string Pattern, string Method, string Caller, RateLimit Limit);
}
