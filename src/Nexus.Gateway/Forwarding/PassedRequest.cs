using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.Extensions.Primitives;
using Nexus.Gateway.Pipeline;

namespace Nexus.Gateway.Forwarding;

/// <summary>What changes of a request on its way to a node, and of the answer on its way back.</summary>
internal sealed class PassedRequest(HttpContext context, ForwardingRoute? route, PassedCall? call = null)
{
    /// <summary>Says that a request was passed on: it is not passed on again.</summary>
    public const string Mark = "X-Nexus-Forwarded";

    private static readonly string[] OwnHeaders = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", Mark, "X-Request-ID", "traceparent"];

    private KeyValuePair<string, StringValues>[]? own;

    /// <summary>The path that the node sees.</summary>
    public static PathString PathOf(HttpRequest request, ForwardingRoute? route) =>
        route?.Rewrite is { } rewrite ? new PathString(rewrite.TrimEnd('/') + request.Path.Value![route.Path.TrimEnd('/').Length..]) : request.Path;

    /// <summary>One sending of it.</summary>
    public NodeSending To(Place place, HttpMessageInvoker connections, TimeSpan timeout, bool mayRetry) => new(Address(place), connections, timeout)
    {
        IsCall = call is not null,
        Prepare = Prepare,
        Accept = answer => Accept(answer, mayRetry),
        Complete = Complete,
    };

    private Uri Address(Place place) => new((call is null ? place.Address : place.Http2Address!).TrimEnd('/') + UriHelper.BuildRelative(default, PathOf(context.Request, route), context.Request.QueryString));

    private void Prepare(HttpRequestMessage message)
    {
        var (request, known, headers) = (context.Request, GatewayRequest.Of(context), message.Headers);
        // What a caller wrote of itself was judged by the address stage; what that left is what holds.
        foreach (var name in OwnHeaders)
            headers.Remove(name);
        if (context.Connection.RemoteIpAddress is { } address)
            headers.TryAddWithoutValidation("X-Forwarded-For", address.ToString());
        headers.TryAddWithoutValidation("X-Forwarded-Proto", request.Scheme);
        headers.TryAddWithoutValidation("X-Forwarded-Host", request.Host.Value);
        headers.TryAddWithoutValidation(Mark, "1");
        headers.TryAddWithoutValidation("X-Request-ID", known.Id);
        if ((known.Span?.Id ?? request.Headers.TraceParent.ToString()) is { Length: > 0 } trace)
            headers.TryAddWithoutValidation("traceparent", trace);
        foreach (var (name, value) in route?.RequestHeaders ?? new Dictionary<string, string>())
        {
            headers.Remove(name);
            if (value.Length > 0)
                headers.TryAddWithoutValidation(name, value);
        }
    }

    private bool Accept(HttpResponseMessage answer, bool mayRetry)
    {
        if (mayRetry && PassedCall.StatusOf(answer) is 502 or 503 or 504)
            return false;
        call?.Begin();
        own = [.. context.Response.Headers];
        // The node's word counts where this node has put its own.
        foreach (var (name, _) in answer.Headers)
            context.Response.Headers.Remove(name);
        return true;
    }

    /// <summary>Takes an answer back that was accepted and broke before anything of it was sent.</summary>
    public void TakeBack()
    {
        context.Response.StatusCode = StatusCodes.Status200OK;
        if (own is null)
            return;
        context.Response.Headers.Clear();
        foreach (var (name, value) in own)
            context.Response.Headers[name] = value;
    }

    private void Complete()
    {
        foreach (var (name, value) in route?.ResponseHeaders ?? new Dictionary<string, string>())
        {
            if (value.Length > 0)
                context.Response.Headers[name] = value;
            else
                context.Response.Headers.Remove(name);
        }
    }
}
