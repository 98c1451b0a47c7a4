using System.Collections.Frozen;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Nexus.Gateway.Security.Watch;

namespace Nexus.Gateway.Pipeline;

/// <summary>
/// Keeps web pages away from a local node: by the Host header (DNS rebinding), and by Origin and Sec-Fetch-Site (requests that a
/// browser sends on behalf of another site). Origins that are allowed get CORS headers.
/// </summary>
internal sealed class HostFilter(RequestDelegate next, ServerSettings settings, Refusals refusals)
{
    private static readonly string[] Loopback = ["localhost", "127.0.0.1", "[::1]", "::1"];
    private volatile Names names = new(settings.Current);

    public Task InvokeAsync(HttpContext context)
    {
        var allowed = names;
        if (allowed.Options != settings.Current)
            names = allowed = new Names(settings.Current);
        var host = context.Request.Host;
        if (!allowed.AnyHost && !allowed.IsServed(host))
            return refusals.RefuseAsync(context, ErrorCodes.HostNotAllowed, "security.host.refused", $"The host name {host.Host} is not served here; call 127.0.0.1 or localhost, or add it to server.allowedHosts.");
        var headers = context.Request.Headers;
        if (headers.Origin is { Count: > 0 } origin)
        {
            if (IsSameOrigin(context, origin))
                return next(context);
            if (IsFile(context))
                return next(context);
            if (origin is not [{ } named] || !allowed.Origins.Contains(named))
                return refusals.RefuseAsync(context, ErrorCodes.OriginNotAllowed, "security.origin.refused", $"Pages of {origin} may not call this node; add the origin to server.allowedOrigins if they should.");
            var answer = context.Response.Headers;
            answer.AccessControlAllowOrigin = named;
            answer.AccessControlAllowCredentials = "true";
            answer.AccessControlExposeHeaders = "ETag, Link, Location, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Request-ID, X-Total-Count, Idempotency-Replayed";
            answer.Vary = "Origin";
            if (HttpMethods.IsOptions(context.Request.Method) && headers.AccessControlRequestMethod is { Count: > 0 } asked)
                return Preflight(context, asked, headers.AccessControlRequestHeaders);
        }
        else if (headers["Sec-Fetch-Site"] is ["cross-site"] && headers["Sec-Fetch-Mode"] is not ["navigate"] && !IsFile(context))
        {
            // Images, scripts and forms of other sites send no Origin with GET; a link that a person follows is a navigation.
            return refusals.RefuseAsync(context, ErrorCodes.OriginNotAllowed, "security.origin.refused", "Another site's page asked for this; only its own pages and allowed origins may.");
        }
        return next(context);
    }

    private static bool IsSameOrigin(HttpContext context, StringValues origin) =>
        origin is [{ } named] && named.Length == context.Request.Scheme.Length + 3 + context.Request.Host.Value!.Length
        && named.StartsWith(context.Request.Scheme, StringComparison.OrdinalIgnoreCase)
        && named.EndsWith(context.Request.Host.Value, StringComparison.OrdinalIgnoreCase);

    /// <summary>A plugin's page in a frame has no origin, so the browser asks for its scripts as if for another site. They are the same for everybody, and say nothing of the node.</summary>
    private static bool IsFile(HttpContext context) => HttpMethods.IsGet(context.Request.Method) && context.Request.Path.StartsWithSegments(PluginFiles.Root);

    private static Task Preflight(HttpContext context, StringValues methods, StringValues headers)
    {
        var answer = context.Response.Headers;
        answer.AccessControlAllowMethods = methods;
        answer.AccessControlAllowHeaders = headers;
        answer.AccessControlMaxAge = "600";
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    /// <summary>The allowed names of one state of the settings.</summary>
    private sealed class Names(ServerOptions options)
    {
        private readonly FrozenSet<string> hosts = (options.AllowedHosts is { Length: > 0 } named ? [.. named, .. Loopback] : Loopback).ToFrozenSet(StringComparer.OrdinalIgnoreCase);
        private volatile string? last;

        public ServerOptions Options { get; } = options;

        public bool AnyHost { get; } = options.AllowedHosts.Contains("*");

        public FrozenSet<string> Origins { get; } = options.AllowedOrigins.Select(o => o.TrimEnd('/')).ToFrozenSet(StringComparer.OrdinalIgnoreCase);

        /// <summary>Whether requests to a host are served. Nearly all name the one that the last one did.</summary>
        public bool IsServed(HostString host)
        {
            if (host.Value is { } named && named == last)
                return true;
            if (!host.HasValue || !hosts.Contains(host.Host) && !(IPAddress.TryParse(host.Host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address)))
                return false;
            last = host.Value;
            return true;
        }
    }
}
