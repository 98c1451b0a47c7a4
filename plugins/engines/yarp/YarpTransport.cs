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
        var transformer = new Transformer(sending);
        var error = await forwarder.SendAsync(context, sending.Target.GetLeftPart(UriPartial.Authority), sending.Connections, new ForwarderRequestConfig { ActivityTimeout = sending.Timeout }, transformer);
        var exception = context.Features.Get<IForwarderErrorFeature>()?.Exception;
        context.Features.Set<IForwarderErrorFeature>(null);
        return new NodeAnswer(transformer.Status, error switch
        {
            ForwarderError.None => transformer.IsRefused ? NodeOutcome.Refused : NodeOutcome.Answered,
            ForwarderError.RequestCanceled or ForwarderError.RequestBodyCanceled or ForwarderError.ResponseBodyCanceled or ForwarderError.UpgradeRequestCanceled or ForwarderError.UpgradeResponseCanceled
                or ForwarderError.RequestBodyClient or ForwarderError.ResponseBodyClient or ForwarderError.UpgradeRequestClient or ForwarderError.UpgradeResponseClient => NodeOutcome.CallerLeft,
            ForwarderError.RequestTimedOut => NodeOutcome.TimedOut,
            // A node that ends while a connection to it is made leaves a bare socket exception; nothing was sent to it.
            _ when exception is SocketException or HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError } => NodeOutcome.NotReached,
            _ => NodeOutcome.Broken,
        });
    }

    private sealed class Transformer(NodeSending sending) : HttpTransformer
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
            Status = (int)proxyResponse.StatusCode;
            IsRefused = !sending.Accept(proxyResponse);
            if (IsRefused)
                return false;
            await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
            sending.Complete();
            return true;
        }
    }
}
