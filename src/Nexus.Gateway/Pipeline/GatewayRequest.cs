using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Monitoring;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Security.Limits;

namespace Nexus.Gateway.Pipeline;

/// <summary>What the gateway knows of one request. Holds host types only, because log scopes and idle connections may outlive the plugin that answered.</summary>
internal sealed class GatewayRequest
{
    private static readonly AsyncLocal<GatewayRequest?> Slot = new();
    private const int MaxAgent = 256;
    private readonly HttpContext? source;
    private string? id;

    // One byte where an optional enum takes eight: every request pays for it.
    private sbyte access = -1;
    private CallContext? context;

    public GatewayRequest(string id) => this.id = id;

    /// <summary>A request that has the server's own id, which is made when it is first asked for.</summary>
    public GatewayRequest(HttpContext source) => this.source = source;

    /// <summary>The request of the current async flow, or null.</summary>
    public static GatewayRequest? Current
    {
        get => Slot.Value;
        set => Slot.Value = value;
    }

    /// <summary>Id of the request, from <c>X-Request-ID</c> or generated.</summary>
    public string Id => id ??= source!.TraceIdentifier;

    /// <summary>When it began, in ticks of <see cref="Stopwatch"/>.</summary>
    public long StartedAt { get; init; }

    /// <summary>Caller, tenant, correlation.</summary>
    public CallContext Context
    {
        get => context ??= ContextFor(Caller.Anonymous, CallContext.DefaultTenant);
        set => context = value;
    }

    /// <summary>Who signed in, or null.</summary>
    public SignedIn? SignedIn { get; set; }

    /// <summary>On which records the policy allows its route; null on a route without a permission.</summary>
    public AccessScope? Access
    {
        get => access < 0 ? null : (AccessScope)access;
        set => access = value is { } scope ? (sbyte)scope : (sbyte)-1;
    }

    /// <summary>Why the credentials that came were refused, safe to send; null when none came or they were accepted.</summary>
    public string? Refusal { get; set; }

    /// <summary>The limit that its answer's headers tell of.</summary>
    public LimitNotice Limit { get; set; }

    /// <summary>Address of the caller, or null where the transport has none.</summary>
    public IPAddress? RemoteAddress { get; set; }

    /// <summary>The address as text; made only when a log line asks.</summary>
    public string? Address => RemoteAddress?.ToString();

    /// <summary>Value of <c>User-Agent</c>.</summary>
    public string? UserAgent { get; set; }

    /// <summary>The route that was matched, or null.</summary>
    public RouteFacts? Route { get; private set; }

    /// <summary>Span of the whole request, or null when nobody listens.</summary>
    public Activity? Span { get; set; }

    /// <summary>Span of the current search for a route, or null.</summary>
    public Activity? Routing { get; set; }

    /// <summary>Somebody watched as it came, and is told once when a handler is found: the features of the request know who.</summary>
    public bool IsWatched { get; set; }

    /// <summary>Its route's rate limit has counted it; another routing does not count it again.</summary>
    public bool Counted { get; set; }

    /// <summary>The matched generation drains and refused its lease; the request is routed again.</summary>
    public bool Refused { get; set; }

    /// <summary>The body, once it was read into memory; kept for a second routing.</summary>
    public ReadOnlyMemory<byte>? Body { get; set; }

    /// <summary>The status that was sent; 0 until the end.</summary>
    public int Status { get; set; }

    /// <summary>Milliseconds taken; 0 until the end.</summary>
    public double ElapsedMilliseconds { get; set; }

    /// <summary>The request of a context that passed <see cref="RequestEntry"/>.</summary>
    public static GatewayRequest Of(HttpContext context) =>
        RequestView.Of(context).Request;

    /// <summary>Routing has chosen a handler, which runs from now on.</summary>
    public void Matched(RouteFacts route, HttpContext context)
    {
        Route = route;
        Routing?.Dispose();
        Routing = null;
        if (!IsWatched)
            return;
        // Once, however often it is routed.
        IsWatched = false;
        context.Features.Get<WatchedRequest>()?.Start(this);
    }

    /// <summary>Goes on as if the caller had not signed in.</summary>
    public void SignOut()
    {
        SignedIn = null;
        Become(Caller.Anonymous, CallContext.DefaultTenant);
    }

    /// <summary>Goes on in the name of a caller.</summary>
    public void Become(Caller caller, string tenant) => CallContext.Current = Context = ContextFor(caller, tenant);

    private CallContext ContextFor(Caller caller, string tenant) =>
        new(caller, tenant, Id) { Address = Address, UserAgent = UserAgent is { Length: > MaxAgent } agent ? agent[..MaxAgent] : UserAgent };

    /// <summary>Forgets the handler: the request is routed again.</summary>
    public void Unmatched() => (Route, Refused) = (null, false);

    /// <summary>Id under which the request is found in logs and traces.</summary>
    public string TraceId => Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity ? activity.TraceId.ToHexString() : Id;
}
