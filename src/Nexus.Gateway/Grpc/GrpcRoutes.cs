using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Nexus.Gateway.Errors;
using Nexus.Gateway.Grpc.Calls;
using Nexus.Gateway.Grpc.Schema;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Grpc;

/// <summary>
/// gRPC: one route of HTTP/2 for all services, and the <c>.proto</c> files. Each method asks the policy point itself, so the route is open to anybody.
/// 1. Find the method. 2. Give it until the caller's deadline. 3. Run it. 4. Send how it ended.
/// </summary>
internal sealed partial class GrpcRoutes(GrpcSchema schema, IOptionsMonitor<GrpcOptions> options, TimeProvider time, ILoggerFactory loggers) : IPlatformRoutes
{
    private const string Files = "/grpc/protos";
    private readonly ILogger log = loggers.CreateLogger("Nexus.Gateway");

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes
    {
        get
        {
            if (!options.CurrentValue.Enabled)
                yield break;
            // A service's name has a package, and with it a dot: no other path of two parts that is posted to has one.
            yield return new("POST", @"/{service:regex(^[A-Za-z_][\w.]*\.[A-Za-z_]\w*$)}/{method:regex(^\w+$)}", "callGrpc", "A call of gRPC, over HTTP/2", PlatformRoute.Anyone, CallAsync) { Hidden = true };
            if (!options.CurrentValue.Reflection)
                yield break;
            yield return new("GET", Files, "listProtoFiles", "The .proto files of all gRPC services of this node", PlatformRoute.Anyone, ListAsync) { Answer = Answer.Of<ProtoFileView[]>() };
            yield return new("GET", Files + "/{**file}", "getProtoFile", "One .proto file, by the name that others import it by", PlatformRoute.Anyone, FileAsync) { Hidden = true };
        }
    }

    private async Task CallAsync(HttpContext context)
    {
        if (!GrpcStatus.IsAsked(context.Request))
            throw new NexusException(ErrorCodes.UnsupportedMediaType, $"This is a gRPC service: it is called by POST of application/grpc over HTTP/2, not of {context.Request.ContentType ?? "nothing"} over {context.Request.Protocol}. Without TLS HTTP/2 has a port of its own, server.http2Port.");
        context.Response.Headers["grpc-accept-encoding"] = "identity";
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        var status = await RunAsync(context, stop);
        if (!context.RequestAborted.IsCancellationRequested)
            status.Send(context);
    }

    private async Task<GrpcStatus> RunAsync(HttpContext context, CancellationTokenSource stop)
    {
        try
        {
            using var deadline = GrpcDeadline.Of(context.Request) is { } limit ? new CancellationTokenSource(limit, time) : null;
            await using var ending = deadline?.Token.Register(static source => ((CancellationTokenSource)source!).Cancel(), stop) ?? default;
            await DispatchAsync(context, stop.Token);
            return new GrpcStatus(GrpcCode.Ok, "");
        }
        catch (GrpcException exception)
        {
            return exception.Status;
        }
        catch (NexusException exception)
        {
            if (exception.Status >= 500)
                TellFailed(exception, context.Request.Path, exception.Code);
            return await LocatedAsync(GrpcStatus.Of(exception), context, exception);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return new GrpcStatus(GrpcCode.DeadlineExceeded, "The deadline of the call has passed.");
        }
        catch (BadHttpRequestException exception)
        {
            return new GrpcStatus(exception.StatusCode == StatusCodes.Status413PayloadTooLarge ? GrpcCode.ResourceExhausted : GrpcCode.Internal, "The request's stream cannot be read.");
        }
        catch (Exception exception) when (!context.RequestAborted.IsCancellationRequested)
        {
            TellFailed(exception, context.Request.Path, ErrorCodes.InternalError);
            return await LocatedAsync(GrpcStatus.Of(ErrorCodes.Get(ErrorCodes.InternalError), null, null), context, exception);
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // The caller reset the stream: there is nobody to tell.
            return new GrpcStatus(GrpcCode.DeadlineExceeded, "");
        }
    }

    // Where nothing of a plugin failed, the route says nothing that the call's path does not.
    private static async Task<GrpcStatus> LocatedAsync(GrpcStatus status, HttpContext context, Exception failure) =>
        FailureOrigin.Find(failure) is null ? status : status with { Origin = await Origins.ShowAsync(context, failure) };

    private async Task DispatchAsync(HttpContext context, CancellationToken stop)
    {
        var request = GatewayRequest.Of(context);
        if (request.SignedIn is { MustChangePassword: true })
            throw new NexusException(ErrorCodes.PasswordChangeRequired, "The password must be changed first; until then nothing else is served to this caller.");
        if (context.Request.Headers["grpc-encoding"] is [{ } encoding] && encoding != "identity")
            throw new GrpcException(GrpcCode.Unimplemented, $"Messages come uncompressed (identity), not by {encoding}.");
        var path = context.Request.Path.Value!;
        var method = await schema.FindAsync(path, request.Context, stop) ?? throw new GrpcException(GrpcCode.Unimplemented, $"This node serves no {path[1..]}.");
        if (method.ClientStreams)
            Unbind(context);
        await method.Handle(new GrpcCall(context, method, options.CurrentValue, stop));
    }

    /// <summary>A stream of the caller has no length and no rate: each of its messages has a limit, and so has the wait for the next.</summary>
    private static void Unbind(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = null;
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
            rate.MinDataRate = null;
    }

    private async Task ListAsync(HttpContext context)
    {
        var files = await schema.AllAsync(GatewayRequest.Of(context).Context, context.RequestAborted);
        await JsonAnswer.SendAsync(context, files.Files.Select(f => new ProtoFileView(f.Name, f.Package, [.. f.Services.Select(s => s.FullName)])));
    }

    private async Task FileAsync(HttpContext context)
    {
        var name = (string?)context.Request.RouteValues["file"] ?? "";
        var files = await schema.AllAsync(GatewayRequest.Of(context).Context, context.RequestAborted);
        var file = files.Files.FirstOrDefault(f => f.Name == name) ?? throw new NexusException(ErrorCodes.ResourceNotFound, $"There is no file {name}; {Files} lists them.");
        await JsonAnswer.SendBytesAsync(context, Encoding.UTF8.GetBytes(ProtoText.Print(file)), "text/plain; charset=utf-8");
    }

    [LoggerMessage(31, LogLevel.Error, "The call of {Path} failed with {Code}")]
    private partial void TellFailed(Exception exception, PathString path, string code);
}

/// <summary>A .proto file and the services it has.</summary>
internal sealed record ProtoFileView(string Name, string Package, IReadOnlyList<string> Services);
