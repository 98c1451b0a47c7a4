using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using Nexus.Gateway.Security.Transport;

namespace Nexus.Gateway.Tests.Security;

public sealed class Server_certificates : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("nexus-certificate-").FullName;

    [Fact]
    public void A_pfx_opens_with_its_password_and_with_no_other()
    {
        var file = Path.Combine(folder, "server.pfx");
        using var made = Make();
        File.WriteAllBytes(file, made.Export(X509ContentType.Pkcs12, "right horse"));

        Assert.Equal(made.Thumbprint, Open(file, "right horse").Current.Leaf.Thumbprint);
        foreach (var wrong in new[] { "wrong horse", null })
            AssertRefused(file, wrong);
    }

    [Fact]
    public void An_encrypted_pem_key_opens_with_its_password_and_with_no_other()
    {
        var (file, key) = (Path.Combine(folder, "server.pem"), Path.Combine(folder, "server.key"));
        using var made = Make();
        using var secret = made.GetECDsaPrivateKey()!;
        File.WriteAllText(file, made.ExportCertificatePem());
        File.WriteAllText(key, secret.ExportEncryptedPkcs8PrivateKeyPem("right horse", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000)));

        Assert.Equal(made.Thumbprint, Open(file, "right horse", key).Current.Leaf.Thumbprint);
        AssertRefused(file, "wrong horse", key);
    }

    [Fact]
    public void A_file_that_is_missing_or_no_certificate_is_refused_by_its_name()
    {
        var file = Path.Combine(folder, "none.pfx");
        AssertRefused(file, null);
        File.WriteAllText(file, "not a certificate");
        AssertRefused(file, "right horse");
    }

    [Fact]
    public void A_pfx_of_which_one_bit_was_altered_in_its_contents_or_its_mac_is_refused()
    {
        var file = Path.Combine(folder, "server.pfx");
        using var made = Make();
        var whole = made.Export(X509ContentType.Pkcs12, "right horse");
        var (contents, mac) = Parts(whole);
        // The first bytes of the contents tell what they are: the altered ones lie in what is encrypted, and in all of the digest.
        var places = Enumerable.Range(1, 20).Select(n => contents.Start.Value + (contents.End.Value - contents.Start.Value) * n / 21).Concat(Enumerable.Range(mac.Start.Value, mac.End.Value - mac.Start.Value)).ToArray();

        foreach (var place in places)
        {
            var altered = whole.ToArray();
            altered[place] ^= 1;
            File.WriteAllBytes(file, altered);
            AssertRefused(file, "right horse");
        }

        Assert.True(places.Length >= 40, $"{places.Length} places");
        File.WriteAllBytes(file, whole);
        Assert.Equal(made.Thumbprint, Open(file, "right horse").Current.Leaf.Thumbprint);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static void AssertRefused(string file, string? password, string? key = null)
    {
        var refusal = Assert.Throws<NexusException>(() => Open(file, password, key));
        Assert.Equal("CONFIG_VALIDATION_ERROR", refusal.Code);
        Assert.Contains(Path.GetFileName(file), refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("horse", refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>Where the authenticated contents and the digest of the MAC lie (RFC 7292, 4).</summary>
    private static (Range Contents, Range Mac) Parts(byte[] pfx)
    {
        Range Of(ReadOnlyMemory<byte> part) => pfx.AsSpan().IndexOf(part.Span) is var start and >= 0 ? start..(start + part.Length) : throw new InvalidOperationException();
        var parts = new AsnReader(pfx, AsnEncodingRules.BER).ReadSequence();
        parts.ReadInteger();
        var safe = parts.ReadSequence();
        safe.ReadObjectIdentifier();
        var contents = safe.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 0)).ReadOctetString();
        var digest = parts.ReadSequence().ReadSequence();
        digest.ReadSequence();
        return (Of(contents), Of(digest.ReadOctetString()));
    }

    private static ServerCertificate Open(string file, string? password, string? key = null) =>
        ServerCertificate.Open(new HttpsOptions { Certificate = file, Password = password, Key = key }, TimeProvider.System, NullLogger.Instance);

    private static X509Certificate2 Make()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UnixEpoch, TimeProvider.System.GetUtcNow().AddDays(1));
    }
}
