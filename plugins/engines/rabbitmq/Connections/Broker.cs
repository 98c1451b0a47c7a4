using System.Collections.Immutable;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using RabbitMQ.Client;

namespace Nexus.Engines.RabbitMq.Connections;

/// <summary>How to reach the broker.</summary>
/// <param name="factory">Makes connections; reconnecting is done by us, since what was under way must be known to be lost.</param>
/// <param name="endpoints">Tried in turn.</param>
internal sealed class Broker(ConnectionFactory factory, ImmutableArray<AmqpTcpEndpoint> endpoints)
{
    /// <summary>Its addresses, without a password.</summary>
    public string Address { get; } = string.Join(", ", endpoints.Select(e => $"{e.HostName}:{e.Port}"));

    /// <exception cref="NexusException"><c>CONFIGURATION_ERROR</c>; the text has no password.</exception>
    public static Broker Parse(RabbitMqOptions options)
    {
        ConnectionFactory? factory = null;
        var endpoints = ImmutableArray.CreateBuilder<AmqpTcpEndpoint>();
        foreach (var text in (options.ConnectionString ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!Uri.TryCreate(text, UriKind.Absolute, out var address) || address.Scheme is not ("amqp" or "amqps") || address.Host.Length == 0)
                throw new NexusException(ErrorCodes.ConfigurationError, "plugins.engines.rabbitmq.connectionString is not of the form amqp://user:password@host:port/vhost, or amqps for TLS.");
            factory ??= new ConnectionFactory { Uri = address };
            var ssl = address.Scheme == "amqps" ? Tls(options, address.Host) : new SslOption();
            endpoints.Add(new AmqpTcpEndpoint(address.Host, address.Port > 0 ? address.Port : address.Scheme == "amqps" ? 5671 : 5672, ssl));
        }

        if (factory is null)
            throw new NexusException(ErrorCodes.ConfigurationError, "plugins.engines.rabbitmq.connectionString names no broker.");
        (factory.AutomaticRecoveryEnabled, factory.TopologyRecoveryEnabled) = (false, false);
        factory.ClientProvidedName = $"nexus {Environment.MachineName} {Environment.ProcessId}";
        factory.RequestedConnectionTimeout = factory.ContinuationTimeout = factory.HandshakeContinuationTimeout = TimeSpan.FromSeconds(5);
        factory.RequestedHeartbeat = TimeSpan.FromSeconds(10);
        return new Broker(factory, endpoints.ToImmutable());
    }

    public Task<IConnection> ConnectAsync(CancellationToken cancellationToken) => factory.CreateConnectionAsync(endpoints, cancellationToken);

    private static SslOption Tls(RabbitMqOptions options, string host)
    {
        var ssl = new SslOption(options.TlsServerName ?? host, enabled: true);
        if (options.TlsAuthority is not { } file)
            return ssl;
        var authority = X509CertificateLoader.LoadCertificateFromFile(file);
        ssl.CertificateValidationCallback = (_, certificate, _, errors) =>
        {
            if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
                return false;
            using var chain = new X509Chain();
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.Add(authority);
            chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            return chain.Build(X509CertificateLoader.LoadCertificate(certificate.Export(X509ContentType.Cert)));
        };
        return ssl;
    }
}
