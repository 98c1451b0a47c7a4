using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Errors;
using Nexus.Gateway.Grpc.Calls;
using Nexus.Gateway.Grpc.Schema;

namespace Nexus.Gateway.Forwarding;

/// <summary>
/// Stands after routing. What no plugin of this node answers goes to a node that has the plugin; that node decides who may do what.
/// 1. Choose a node whose breaker lets the request pass. 2. Send. 3. When it was not reached, or when it failed and the request may be repeated, choose
/// another one. 4. When none is left, answer 503 at once, with the time until one may be tried.
/// </summary>
internal sealed partial class ForwardingStage(RequestDelegate next, IPlugins plugins, ForwardingSettings settings, NodeDirectory nodes, Choice choice, NodeConnections connections, ILogger<ForwardingStage> log)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (!settings.IsOn || context.Request.Headers.ContainsKey(PassedRequest.Mark))
            return next(context);
        if (GrpcStatus.IsAsked(context.Request))
            return CallAsync(context);
        var route = settings.RouteOf(context.Request.Path.Value ?? "");
        if (PrefixOf(context, route) is not { } prefix || nodes.Find(prefix) is not { IsEmpty: false } places)
            return next(context);
        // A route of this node that matched has nothing to say any more.
        context.SetEndpoint(null);
        return ForwardAsync(context, route, places, Transport(), null);
    }

    private Task CallAsync(HttpContext context)
    {
        if (PassedCall.PackageOf(context.Request.Path) is not { } package || !settings.IsGatewayOnly && HasOwn(package))
            return next(context);
        var places = nodes.Find(package.StartsWith(PassedCall.OfPlugins, StringComparison.Ordinal) ? package : NodeDirectory.Everything);
        if (places.IsEmpty)
            return next(context);
        places = places.RemoveAll(p => p.Http2Address is null);
        if (places.IsEmpty)
            throw new NexusException(ErrorCodes.ServiceUnavailable, "No node that has the plugin is reached by HTTP/2; it needs TLS, or server.http2Port.");
        context.SetEndpoint(null);
        return ForwardAsync(context, settings.RouteOf(context.Request.Path.Value!), places, Transport(), new PassedCall(context, settings.Current.BufferBytes));
    }

    /// <summary>Whether a package of gRPC is of this node: one of its plugins', or none of a plugin at all.</summary>
    private bool HasOwn(string package) =>
        !package.StartsWith(PassedCall.OfPlugins, StringComparison.Ordinal)
        || plugins.Current.Plugins.Any(p => PluginFile.PackageOf(p.Manifest.Name) == package) || plugins.Current.Inactive.Any(m => PluginFile.PackageOf(m.Name) == package);

    /// <summary>Under which name the nodes for a path are found; null where this node answers itself.</summary>
    private string? PrefixOf(HttpContext context, ForwardingRoute? route)
    {
        if (context.GetEndpoint() is not null)
            return settings.IsSurface(context.Request.Path) ? NodeDirectory.Everything : null;
        var path = PassedRequest.PathOf(context.Request, route).Value ?? "";
        if (!path.StartsWith("/api/", StringComparison.OrdinalIgnoreCase) || path.IndexOf('/', 5) is not (> 0 and var category))
            return null;
        var plugin = path.IndexOf('/', category + 1);
        return (plugin < 0 ? path : path[..plugin]).ToLowerInvariant();
    }

    private INodeTransport Transport() => plugins.Current.Plugins.FirstOrDefault(p => p.Shared?.Transport is not null)?.Shared!.Transport
        ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This node has no engine that carries requests to other nodes; put engines.yarp into its plugin folder.");

    private async Task ForwardAsync(HttpContext context, ForwardingRoute? route, ImmutableArray<Place> places, INodeTransport transport, PassedCall? call)
    {
        var options = settings.Current;
        await using var kept = call;
        var passed = new PassedRequest(context, route, call);
        var isKept = call is not null || await KeepBodyAsync(context, options.BufferBytes);
        var mayRepeat = isKept && (call?.MayRepeat(places) ?? IsIdempotent(context.Request.Method) || context.Request.Headers.ContainsKey("Idempotency-Key"));
        var timeout = TimeSpan.FromSeconds(route?.TimeoutSeconds ?? options.TimeoutSeconds);
        timeout = call?.Patience(timeout) ?? timeout;
        var most = Math.Min(options.Tries, places.Length);
        var tried = new HashSet<Backend>();
        var last = NodeOutcome.NotReached;
        while (tried.Count < most && choice.Next(places, route, tried) is { } place)
        {
            var backend = place.Backend;
            tried.Add(backend);
            var answer = await SendAsync(context, transport, passed.To(place, connections.Invoker, timeout, mayRepeat && tried.Count < most), backend, tried.Count > 1, call);
            last = answer.Outcome;
            if (last is not (NodeOutcome.Answered or NodeOutcome.CallerLeft))
                NotServed(log, backend.Plugin, backend.Node, last, answer.Status, tried.Count, most);
            if (last is NodeOutcome.Answered or NodeOutcome.CallerLeft || context.Response.HasStarted)
            {
                call?.Finish(last);
                return;
            }

            passed.TakeBack();
            if (last is not NodeOutcome.Refused && !(isKept && last is NodeOutcome.NotReached) && !(mayRepeat && last is NodeOutcome.Broken))
                break;
            if (call?.TryRewind() == false)
                break;
            if (context.Request.Body.CanSeek)
                context.Request.Body.Position = 0;
        }

        call?.Finish(last);
        if (call?.TryEnd(last) == true)
            return;
        context.Response.Headers.RetryAfter = Math.Max(1, (int)Math.Ceiling(places.Min(p => p.Backend.Breaker.Wait).TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        await Problem.WriteAsync(context, ErrorCodes.ServiceUnavailable, tried.Count == 0 ? "No node that has the plugin may be asked now: each failed too often." : last == NodeOutcome.TimedOut ? "The node that has the plugin did not answer in time." : "No node that has the plugin answered.");
    }

    private static async Task<NodeAnswer> SendAsync(HttpContext context, INodeTransport transport, NodeSending sending, Backend backend, bool again, PassedCall? call)
    {
        backend.Begin(again);
        var noted = false;
        try
        {
            // The breaker hears of a failure before the caller does, whose next request is judged by it.
            var answer = await transport.SendAsync(context, sending with { Accept = message => sending.Accept(message) && Hear(message) });
            answer = answer with { Status = call?.StatusOf(answer) ?? answer.Status };
            if (!noted && answer.Outcome != NodeOutcome.CallerLeft && !context.RequestAborted.IsCancellationRequested)
                Note(answer.Outcome is NodeOutcome.NotReached or NodeOutcome.Broken or NodeOutcome.TimedOut, answer.Status);
            return answer;
        }
        finally
        {
            backend.End();
            if (!noted)
                backend.Breaker.Forget();
        }

        bool Hear(HttpResponseMessage message)
        {
            if (PassedCall.StatusOf(message) is >= 500 and var status)
                Note(false, status);
            else
                backend.Breaker.Begin();
            return true;
        }

        void Note(bool isLost, int status)
        {
            var failed = isLost || status is 502 or 503 or 504;
            backend.Breaker.Note(failed, failed || status >= 500);
            noted = true;
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "A request for {Plugin} was not served by node {Node}: {Outcome}, status {Status}, try {Try} of {Most}")]
    private static partial void NotServed(ILogger log, string plugin, string node, NodeOutcome outcome, int status, int @try, int most);

    private static bool IsIdempotent(string method) => HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsPut(method) || HttpMethods.IsDelete(method) || HttpMethods.IsOptions(method);

    /// <summary>Keeps a small body for another try.</summary>
    /// <returns>Whether the request can be sent twice.</returns>
    private static async ValueTask<bool> KeepBodyAsync(HttpContext context, long limit)
    {
        var request = context.Request;
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == false)
            return true;
        if (request.ContentLength is not { } length || length > limit)
            return false;
        var kept = new MemoryStream((int)length);
        await request.Body.CopyToAsync(kept, context.RequestAborted);
        kept.Position = 0;
        request.Body = kept;
        return true;
    }
}
