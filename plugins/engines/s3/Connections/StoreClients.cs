using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Amazon.Runtime;

namespace Nexus.Engines.S3.Connections;

/// <summary>The HTTP client of the store: bounded in connections and time, with the operator's certificate authority.</summary>
internal sealed class StoreClients(S3Settings settings) : HttpClientFactory
{
    private static readonly TimeSpan Connecting = TimeSpan.FromSeconds(5);

    public override HttpClient CreateHttpClient(IClientConfig clientConfig)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectTimeout = settings.Timeout < Connecting ? settings.Timeout : Connecting,
            MaxConnectionsPerServer = 64,
            // A name that points elsewhere after a failover is looked up again.
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        };
        if (settings.CertificateAuthority is { } path)
        {
            var chain = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            chain.CustomTrustStore.ImportFromPemFile(path);
            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = chain };
        }

#pragma warning disable RS0030 // Blobs are opened with the storage, before plugins have clients of the node.
        return new HttpClient(handler) { Timeout = settings.Timeout };
#pragma warning restore RS0030
    }
}
