using System.Collections.Immutable;

namespace Nexus.Gateway.Pipeline;

/// <summary>A stage of the pipeline, for people.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Does">What it does.</param>
internal sealed record PipelineStage(string Name, string Does)
{
    /// <summary>Every stage from the socket to the plugin; the answer passes them in reverse.</summary>
    public static ImmutableArray<PipelineStage> All { get; } =
    [
        new("request id and trace", "takes or makes X-Request-ID; measures X-Process-Time; writes the access line; turns failures into problem details"),
        new("address rules", "takes the caller's address, behind trusted proxies the forwarded one; refuses those that are denied, not allowed or blocked: 403"),
        new("rate limit by address", "a token bucket for each address; beyond it 429 with Retry-After, or a wait"),
        new("host, origin and TLS", "refuses foreign Host headers and other sites' pages; answers CORS; sends plain HTTP to HTTPS; security headers are on every answer"),
        new("request rules", "refuses addresses that look like SQL injection, scripts, path traversal or commands: 403"),
        new("authentication", "asks the strategies of the identity plugin who calls; on a development host without one, callers of this machine are the local administrator"),
        new("rate limit by caller or key", "a token bucket for each signed-in caller or API key: 429"),
        new("API version", "leads a caller who names a version by X-API-Version or Accept to the routes of that version"),
        new("re-routing", "routes a request again whose plugin was replaced between routing and handler"),
        new("routing", "finds the most specific route of the snapshot"),
        new("lazy plugins", "starts a lazy plugin whose path this is, and routes again"),
        new("other nodes", "on a node that is a gateway, or runs a part of the plugins: passes on what no plugin here answers to a node that has the plugin"),
        new("authorization", "CSRF token of cookie callers; asks the policy point for the route's permission: 401 or 403 before the plugin is reached"),
        new("rate limit of the route", "counts a caller's requests of a route that has a limit; beyond it 429 with Retry-After"),
        new("input validation", "limits of size, depth, length and time; idempotency keys"),
        new("plugin middleware", "middleware of all plugins, lowest order outermost"),
        new("plugin", "the handler, in a scope of the plugin's own services; resources by the one pipeline of all surfaces"),
        new("output sanitisation", "leaves out secret and hidden fields; escapes what HTML would interpret; completes cookies and the content security policy"),
        new("compression", "br or gzip, as the caller accepts"),
    ];
}
