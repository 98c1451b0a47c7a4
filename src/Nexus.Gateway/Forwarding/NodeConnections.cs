using System.Net;
using System.Net.Security;
using Microsoft.Extensions.Logging;
using Nexus.Gateway.Security.Transport;

namespace Nexus.Gateway.Forwarding;

/// <summary>Connections to other nodes.</summary>
internal sealed class NodeConnections : IDisposable
{
    /// <summary>Opens them as they are needed.</summary>
    /// <param name="settings">Who vouches for the nodes' certificates, and which one they see.</param>
    /// <param name="time">When a renewed certificate is looked for.</param>
    /// <param name="log">Where it is told.</param>
    public NodeConnections(ForwardingSettings settings, TimeProvider time, ILogger<NodeConnections> log)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            EnableMultipleHttp2Connections = true,
            ActivityHeadersPropagator = null,
            ConnectTimeout = TimeSpan.FromSeconds(2),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            // A stream may be silent for hours, a node that answers no ping is gone.
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            KeepAlivePingDelay = TimeSpan.FromSeconds(10),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(20),
        };
        handler.SslOptions = Tls(settings.Current, time, log);
        Invoker = new HttpMessageInvoker(handler);
    }

    /// <summary>Sends requests.</summary>
    public HttpMessageInvoker Invoker { get; }

    /// <inheritdoc/>
    public void Dispose() => Invoker.Dispose();

    private static SslClientAuthenticationOptions Tls(ForwardingOptions options, TimeProvider time, ILogger log)
    {
        var tls = new SslClientAuthenticationOptions();
        if (options.CertificateAuthority is { } authorities)
            tls.CertificateChainPolicy = PeerAuthorities.Read("gateway.certificateAuthority", authorities, PeerAuthorities.Server);
        if (options.Certificate is { } file)
        {
            var shown = ServerCertificate.Open(new HttpsOptions { Certificate = file, Key = options.Key, Password = options.Password }, time, log, "gateway.certificate");
            // Asked at each handshake, so that a renewed one is shown from the next connection on.
            tls.LocalCertificateSelectionCallback = (_, _, _, _, _) => shown.Current.Leaf;
        }

        return tls;
    }
}
