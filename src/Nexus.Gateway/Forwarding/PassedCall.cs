using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Nexus.Gateway.Grpc.Calls;

namespace Nexus.Gateway.Forwarding;

/// <summary>
/// A call of gRPC on its way to a node. Its body has no length, and its end says in trailers what a status says elsewhere: the body is kept while it is small, a node
/// that breaks off in the middle of an answer leaves <c>UNAVAILABLE</c> instead of a reset stream, and the breaker hears of the status that the trailers have.
/// </summary>
internal sealed class PassedCall : IAsyncDisposable
{
    /// <summary>Beginning of the packages of plugins.</summary>
    public const string OfPlugins = "nexus.plugins.";

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);
    private readonly HttpContext context;
    private readonly HeldReset? reset;
    private readonly KeptBody body;
    private readonly string service;
    private readonly string method;

    public PassedCall(HttpContext context, long bufferBytes)
    {
        this.context = context;
        var path = context.Request.Path.Value!;
        var slash = path.IndexOf('/', 1);
        (service, method) = (path[1..slash], path[(slash + 1)..]);
        body = new KeptBody(context.Request.Body, bufferBytes);
        context.Request.Body = body.TryRead()!;
        if (context.Features.Get<IHttpResetFeature>() is { } own)
            context.Features.Set<IHttpResetFeature>(reset = new HeldReset(own));
        // A stream of the caller has no length and no rate; its node, which knows what is called, has a limit for each message and for the wait for the next.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = null;
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
            rate.MinDataRate = null;
    }

    /// <summary>The package of a path such as <c>/nexus.plugins.orders.Orders/Get</c>; null where the path is no call that nodes answer.</summary>
    public static string? PackageOf(PathString path)
    {
        if (path.Value is not { Length: > 1 } text || text.IndexOf('/', 1) is not (> 0 and var slash) || text.LastIndexOf('.', slash) is not (> 0 and var dot))
            return null;
        var package = text[1..dot];
        return package.StartsWith(OfPlugins, StringComparison.Ordinal) || package is "nexus.v1" || package.StartsWith("grpc.", StringComparison.Ordinal) ? package : null;
    }

    /// <summary>Status of an answer that begins, as REST has it; that of a call which has messages is known at its end alone.</summary>
    public static int StatusOf(HttpResponseMessage answer) => StatusOf(answer.Headers.TryGetValues("grpc-status", out var status) ? status.FirstOrDefault() : null, (int)answer.StatusCode);

    /// <summary>Whether it may be carried out twice: it only reads a resource, asks about the node, or is a change of a resource that the node knows again by its key.</summary>
    public bool MayRepeat(ImmutableArray<Place> places) =>
        service.StartsWith("grpc.", StringComparison.Ordinal)
        || places.All(p => p.Resources.Contains(service)) && (method is "Get" or "List" or "StreamList" or "Watch" || method is not "Batch" && context.Request.Headers.ContainsKey("Idempotency-Key"));

    /// <summary>Time until the answer must have begun: that of the gateway, or that of the caller and a little, since the node says itself when it is over.</summary>
    public TimeSpan Patience(TimeSpan own) => Deadline is { } deadline && deadline + Grace < own ? deadline + Grace : own;

    /// <summary>Makes the body ready to be sent again.</summary>
    /// <returns>Whether all that was read of it is still there.</returns>
    public bool TryRewind()
    {
        if (body.TryRead() is not { } again)
            return false;
        context.Request.Body = again;
        return true;
    }

    /// <summary>The answer begins.</summary>
    public void Begin() => body.Forget();

    /// <summary>Ends what still reads the caller's body.</summary>
    public ValueTask DisposeAsync() => body.DisposeAsync();

    /// <summary>What the node's answer says, as the status that REST has for it.</summary>
    public int StatusOf(in NodeAnswer answer)
    {
        if (answer.Outcome is not NodeOutcome.Answered)
            return answer.Status;
        var trailers = context.Features.Get<IHttpResponseTrailersFeature>()?.Trailers;
        var status = context.Response.Headers["grpc-status"] is [{ } alone] ? alone : trailers?["grpc-status"].ToString();
        return StatusOf(status, answer.Status);
    }

    /// <summary>Ends an answer that broke off in the middle; called when the last sending is over.</summary>
    /// <param name="outcome">How it ended.</param>
    public void Finish(NodeOutcome outcome)
    {
        if (reset is null)
            return;
        context.Features.Set<IHttpResetFeature>(reset.Own);
        if (reset.Asked is not { } code)
            return;
        if (context.Response.HasStarted && outcome is NodeOutcome.Broken or NodeOutcome.TimedOut && context.Response.SupportsTrailers())
            new GrpcStatus(GrpcCode.Unavailable, "The node that answered went away.") { Reason = ErrorCodes.ServiceUnavailable }.Send(context);
        else
            reset.Own.Reset(code);
    }

    /// <summary>Answers that the caller's deadline has passed, where that is why no node answered.</summary>
    /// <returns>Whether it is.</returns>
    public bool TryEnd(NodeOutcome outcome)
    {
        if (outcome != NodeOutcome.TimedOut || Deadline is null)
            return false;
        new GrpcStatus(GrpcCode.DeadlineExceeded, "The deadline of the call has passed.").Send(context);
        return true;
    }

    private static int StatusOf(string? call, int status) => call == Text(GrpcCode.Unavailable) ? 503 : call == Text(GrpcCode.Internal) ? 500 : status;

    private static string Text(GrpcCode code) => ((int)code).ToString(CultureInfo.InvariantCulture);

    private TimeSpan? Deadline
    {
        get
        {
            try
            {
                return GrpcDeadline.Of(context.Request);
            }
            catch (GrpcException)
            {
                // The node refuses it.
                return null;
            }
        }
    }

    /// <summary>Notes that the stream shall be reset, and does not.</summary>
    private sealed class HeldReset(IHttpResetFeature own) : IHttpResetFeature
    {
        public IHttpResetFeature Own => own;

        public int? Asked { get; private set; }

        public void Reset(int errorCode) => Asked = errorCode;
    }
}
