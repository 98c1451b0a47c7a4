using System.Security.Authentication;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Nexus.Gateway.Security.Transport;

/// <summary>Sets the server up: limits of size, time and number, the guard of connections, and TLS.</summary>
internal sealed class KestrelShell(
    IOptions<ServerOptions> server, IOptions<HttpsOptions> https, IOptions<SecurityOptions> security, ConnectionGuard guard, IConfiguration configuration, IHostEnvironment environment, TimeProvider time, ILoggerFactory loggers)
    : IConfigureOptions<KestrelServerOptions>, IConfigureOptions<FormOptions>
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public void Configure(KestrelServerOptions options)
    {
        var limits = server.Value.Limits;
        var connections = security.Value.Connections;
        options.AddServerHeader = false;
        options.Limits.MaxRequestBodySize = limits.BodyBytes;
        options.Limits.MaxRequestHeadersTotalSize = limits.HeaderBytes;
        options.Limits.MaxRequestLineSize = limits.UrlBytes;
        options.Limits.MaxRequestHeaderCount = limits.HeaderCount;
        options.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(connections.HeaderSeconds);
        options.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(connections.IdleSeconds);
        options.Limits.MaxConcurrentConnections = connections.Total;
        options.Limits.MaxConcurrentUpgradedConnections = connections.Total;
        options.Limits.MinRequestBodyDataRate = connections.BytesPerSecond > 0 ? new MinDataRate(connections.BytesPerSecond, Grace) : null;
        options.Limits.MinResponseDataRate = connections.BytesPerSecond > 0 ? new MinDataRate(connections.BytesPerSecond, Grace) : null;
        options.ConfigureEndpointDefaults(listen =>
        {
            listen.Use(next => connection => guard.RunAsync(connection, next));
            // Without TLS nothing tells which of the two a client will speak: HTTP/2 has a port of its own.
            if (server.Value.Http2Port > 0 && listen.IPEndPoint?.Port == server.Value.Http2Port)
                listen.Protocols = HttpProtocols.Http2;
        });
        if (https.Value.Port is not null)
            ConfigureTls(options);
    }

    /// <inheritdoc/>
    public void Configure(FormOptions options)
    {
        var limits = server.Value.Limits;
        options.ValueCountLimit = limits.FormParts;
        options.MultipartBodyLengthLimit = limits.BodyBytes;
        options.MultipartHeadersLengthLimit = 8 * 1024;
        options.MultipartBoundaryLengthLimit = 128;
        options.ValueLengthLimit = limits.JsonBytes;
    }

    private void ConfigureTls(KestrelServerOptions options)
    {
        var log = loggers.CreateLogger("Nexus.Gateway");
        var certificate = Certificate(log);
        var callers = https.Value.ClientAuthority is { } authorities ? PeerAuthorities.Read("server.https.clientAuthority", authorities, PeerAuthorities.Client) : null;
        // Plain and encrypted connections do not share ports, so the defaults are those of the one HTTPS endpoint.
        options.ConfigureHttpsDefaults(tls =>
        {
            tls.SslProtocols = https.Value.MinimumTls == "1.2" ? SslProtocols.Tls12 | SslProtocols.Tls13 : SslProtocols.Tls13;
            tls.HandshakeTimeout = TimeSpan.FromSeconds(10);
            tls.ClientCertificateMode = callers is null ? ClientCertificateMode.NoCertificate : ClientCertificateMode.RequireCertificate;
            tls.ServerCertificateSelector = (_, _) => certificate.Current.Leaf;
            tls.OnAuthenticate = (_, answer) =>
            {
                // The selector would win over the context, and it cannot send the chain.
                answer.ServerCertificateSelectionCallback = null;
                answer.ServerCertificateContext = certificate.Current.Context;
                answer.CertificateChainPolicy = callers?.Clone();
            };
        });
    }

    private ServerCertificate Certificate(ILogger log)
    {
        if (https.Value.Certificate is not null)
            return ServerCertificate.Open(https.Value, time, log);
        if (environment.IsProduction())
            throw new NexusException(ErrorCodes.ConfigurationError, "server.https.certificate is missing: a production host does not make a certificate of its own. Name a PEM or PFX file.");
        var folder = Path.Combine(configuration["plugins:dataDirectory"] ?? configuration["database:directory"] ?? "data", "certificates");
        return ServerCertificate.OpenDevelopment(Path.GetFullPath(folder), ["localhost", "127.0.0.1", "::1", .. server.Value.AllowedHosts.Where(h => h != "*").Select(h => h.Trim('[', ']'))], time, log);
    }
}
