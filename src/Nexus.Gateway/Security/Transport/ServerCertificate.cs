using System.Formats.Asn1;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace Nexus.Gateway.Security.Transport;

/// <summary>The certificate of HTTPS with its chain. A file that was replaced is read again within a minute, so that a renewal needs no restart; one that cannot be read leaves the last good one.</summary>
internal sealed partial class ServerCertificate
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);
    private readonly Func<Loaded> load;
    private readonly string file;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly Lock gate = new();
    private volatile Loaded current;
    private DateTimeOffset lookedAt;
    private DateTime writtenAt;

    private ServerCertificate(string file, Func<Loaded> load, TimeProvider time, ILogger log)
    {
        (this.file, this.load, this.time, this.log) = (file, load, time, log);
        (lookedAt, writtenAt) = (time.GetUtcNow(), File.GetLastWriteTimeUtc(file));
        current = load();
    }

    /// <summary>The certificate of now.</summary>
    public Loaded Current
    {
        get
        {
            if (time.GetUtcNow() - lookedAt > Interval)
                Look();
            return current;
        }
    }

    /// <summary>Opens the configured certificate.</summary>
    /// <exception cref="NexusException"><c>CONFIG_VALIDATION_ERROR</c>: a file is not there, cannot be read, or its key does not fit.</exception>
    public static ServerCertificate Open(HttpsOptions options, TimeProvider time, ILogger log, string key = "server.https.certificate")
    {
        var file = options.Certificate!;
        return new ServerCertificate(file, () => Read(options, key), time, log);
    }

    /// <summary>The certificate of a development host: made once, offline, for the loopback names and those it is given, kept in a folder that only its owner reads, and made again before it ends.</summary>
    public static ServerCertificate OpenDevelopment(string folder, IReadOnlyCollection<string> names, TimeProvider time, ILogger log)
    {
        var file = Path.Combine(folder, "development.pfx");
        Loaded Load()
        {
            if (!File.Exists(file) || ReadPfx(file, null) is var known && (known.Leaf.NotAfter < time.GetUtcNow().AddDays(7) || !names.All(n => known.Leaf.MatchesHostname(n, allowCommonName: false))))
                Make(file, names, time.GetUtcNow());
            return ReadPfx(file, null);
        }

        _ = Load();
        return new ServerCertificate(file, Load, time, log);
    }

    private static Loaded Read(HttpsOptions options, string setting)
    {
        var file = options.Certificate!;
        try
        {
            if (Path.GetExtension(file) is ".pfx" or ".p12")
                return ReadPfx(file, options.Password);
            var key = options.Key ?? file;
            using var pem = options.Password is { } password ? X509Certificate2.CreateFromEncryptedPemFile(file, password, key) : X509Certificate2.CreateFromPemFile(file, key);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(file);
            // Through PKCS#12, because a key that was only read stays bound to the text it came from.
            var leaf = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
            return new Loaded(leaf, [.. chain.Where(c => c.Thumbprint != leaf.Thumbprint)]);
        }
        catch (Exception exception) when (exception is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new NexusException(ErrorCodes.ConfigurationError, $"{setting}: {file} with its key cannot be used: {exception.Message}", exception);
        }
    }

    private static Loaded ReadPfx(string file, string? password)
    {
        var bytes = File.ReadAllBytes(file);
        if (!IsAuthenticated(bytes))
            throw new CryptographicException("it has no MAC, so nothing proves that it is whole; export it with one");
        var all = X509CertificateLoader.LoadPkcs12Collection(bytes, password);
        var leaf = all.FirstOrDefault(c => c.HasPrivateKey) ?? throw new CryptographicException("it has no private key");
        return new Loaded(leaf, [.. all.Where(c => c != leaf)]);
    }

    /// <summary>Whether the file has the part that the loader checks with the password, which RFC 7292 (4) leaves optional and the loader does not ask for.</summary>
    private static bool IsAuthenticated(byte[] pfx)
    {
        try
        {
            var parts = new AsnReader(pfx, AsnEncodingRules.BER).ReadSequence();
            _ = (parts.ReadEncodedValue(), parts.ReadEncodedValue());
            return parts.HasData;
        }
        catch (AsnContentException e)
        {
            throw new CryptographicException("it is not a PFX file", e);
        }
    }

    private static void Make(string file, IReadOnlyCollection<string> names, DateTimeOffset now)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Nexus development", key, HashAlgorithmName.SHA256);
        var subject = new SubjectAlternativeNameBuilder();
        foreach (var name in names.Distinct(StringComparer.OrdinalIgnoreCase))
        {
            if (IPAddress.TryParse(name.Trim('[', ']'), out var address))
                subject.AddIpAddress(address);
            else
                subject.AddDnsName(name);
        }
        request.CertificateExtensions.Add(subject.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(396));
        var made = file + ".new";
        var owner = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            owner.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var stream = new FileStream(made, owner))
            stream.Write(certificate.Export(X509ContentType.Pkcs12));
        File.Move(made, file, overwrite: true);
        File.WriteAllText(Path.ChangeExtension(file, ".crt"), certificate.ExportCertificatePem());
    }

    private void Look()
    {
        lock (gate)
        {
            var now = time.GetUtcNow();
            if (now - lookedAt <= Interval)
                return;
            lookedAt = now;
            try
            {
                var written = File.GetLastWriteTimeUtc(file);
                if (written == writtenAt)
                    return;
                current = load();
                writtenAt = written;
                TellRead(log, file, current.Leaf.NotAfter);
            }
            catch (Exception exception) when (exception is NexusException or CryptographicException or IOException or UnauthorizedAccessException)
            {
                TellRefused(log, file, exception.Message);
            }
        }
    }

    [LoggerMessage(9, LogLevel.Information, "The certificate {File} was read again; it is valid until {NotAfter}.")]
    private static partial void TellRead(ILogger log, string file, DateTime notAfter);

    [LoggerMessage(10, LogLevel.Error, "The certificate {File} was replaced by one that cannot be used; the last good one stays: {Error}")]
    private static partial void TellRefused(ILogger log, string file, string error);

    /// <summary>A certificate with its private key, and those that lead to its root.</summary>
    internal sealed record Loaded(X509Certificate2 Leaf, X509Certificate2Collection Chain)
    {
        /// <summary>Both as the handshake takes them; made once, because making it costs as much as a handshake.</summary>
        public SslStreamCertificateContext Context { get; } = SslStreamCertificateContext.Create(Leaf, Chain, offline: true);
    }
}
