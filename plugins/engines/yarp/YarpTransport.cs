using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;

namespace Nexus.Engines.Yarp;

/// <summary>One request to one node.</summary>
internal sealed class YarpTransport(IHttpForwarder forwarder) : INodeTransport
{
    /// <inheritdoc/>
    public async Task<NodeAnswer> SendAsync(HttpContext context, NodeSending sending)
    {
        // An answer that may be silent has begun in time, or not at all.
        using var beginning = sending.IsCall ? new CancellationTokenSource(sending.Timeout) : null;
        var transformer = new Transformer(sending, beginning);
        var how = beginning is null
            ? new ForwarderRequestConfig { ActivityTimeout = sending.Timeout }
            : new ForwarderRequestConfig { ActivityTimeout = Timeout.InfiniteTimeSpan, Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        var error = await forwarder.SendAsync(context, sending.Target.GetLeftPart(UriPartial.Authority), sending.Connections, how, transformer, beginning?.Token ?? default);
        var exception = context.Features.Get<IForwarderErrorFeature>()?.Exception;
        context.Features.Set<IForwarderErrorFeature>(null);
        return new NodeAnswer(transformer.Status, error switch
        {
            not ForwarderError.None when beginning is { IsCancellationRequested: true } && !context.RequestAborted.IsCancellationRequested => NodeOutcome.TimedOut,
            ForwarderError.None => transformer.IsRefused ? NodeOutcome.Refused : NodeOutcome.Answered,
            ForwarderError.RequestCanceled or ForwarderError.RequestBodyCanceled or ForwarderError.ResponseBodyCanceled or ForwarderError.UpgradeRequestCanceled or ForwarderError.UpgradeResponseCanceled
                or ForwarderError.RequestBodyClient or ForwarderError.ResponseBodyClient or ForwarderError.UpgradeRequestClient or ForwarderError.UpgradeResponseClient => NodeOutcome.CallerLeft,
            ForwarderError.RequestTimedOut => NodeOutcome.TimedOut,
            // A node that ends while a connection to it is made leaves a bare socket exception; nothing was sent to it.
            _ when exception is SocketException or HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError } => NodeOutcome.NotReached,
            _ => NodeOutcome.Broken,
        });
    }

    private sealed class Transformer(NodeSending sending, CancellationTokenSource? beginning) : HttpTransformer
    {
        public int Status { get; private set; }

        public bool IsRefused { get; private set; }

        public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
        {
            await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
            proxyRequest.RequestUri = sending.Target;
            sending.Prepare(proxyRequest);
        }

        public override async ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
        {
            if (proxyResponse is null)
                return await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
            beginning?.CancelAfter(Timeout.InfiniteTimeSpan);
            Status = (int)proxyResponse.StatusCode;
            IsRefused = !sending.Accept(proxyResponse);
            if (IsRefused)
                return false;
            await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
            sending.Complete();
            // The caller waits for the headers of a stream, whose first message may come much later. An answer that has its status in its headers is nothing but them.
            if (sending.IsCall && !proxyResponse.Headers.Contains("grpc-status"))
                await httpContext.Response.Body.FlushAsync(cancellationToken);
            return true;
        }
    }
}
