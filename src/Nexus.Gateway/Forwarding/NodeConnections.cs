using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Nexus.Gateway.Forwarding;

/// <summary>Connections to other nodes.</summary>
internal sealed class NodeConnections : IDisposable
{
    /// <summary>Opens them as they are needed.</summary>
    /// <param name="settings">Who vouches for the nodes' certificates.</param>
    public NodeConnections(ForwardingSettings settings)
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
        };
        if (settings.Current.CertificateAuthority is { } file)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPemFile(file);
            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
        }

        Invoker = new HttpMessageInvoker(handler);
    }

    /// <summary>Sends requests.</summary>
    public HttpMessageInvoker Invoker { get; }

    /// <inheritdoc/>
    public void Dispose() => Invoker.Dispose();
}
