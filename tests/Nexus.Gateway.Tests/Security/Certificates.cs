using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using Nexus.Gateway.Security.Transport;

namespace Nexus.Gateway.Tests.Security;

/// <summary>Certificate files of the host: whole ones, and those that somebody altered.</summary>
public sealed class Certificates : IDisposable
{
    private const string Password = "pfx-password-4711";

    private readonly string _folder = Directory.CreateTempSubdirectory("nexus-pfx-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_pfx_opens_with_its_password_and_no_altered_one_does()
    {
        var whole = Make().Export(X509ContentType.Pkcs12, Password);
        Assert.Equal("CN=node", Open(whole).Current.Leaf.Subject);
        for (var at = 0; at < whole.Length; at += 7)
        {
            var altered = whole.ToArray();
            altered[at] ^= 0x10;
            AssertRefused(altered, Password);
        }

        for (var length = 0; length < whole.Length; length += 101)
            AssertRefused(whole[..length], Password);
    }

    [Fact]
    public void A_wrong_password_one_that_is_left_out_and_a_file_that_nothing_signs_are_refused_and_no_password_is_told()
    {
        var certificate = Make();
        var whole = certificate.Export(X509ContentType.Pkcs12, Password);
        // PFX ::= SEQUENCE { version, authSafe, macData OPTIONAL } (RFC 7292, 4): the same file without what proves it whole.
        var parts = new AsnReader(whole, AsnEncodingRules.BER).ReadSequence();
        var unsigned = new AsnWriter(AsnEncodingRules.DER);
        using (unsigned.PushSequence())
        {
            unsigned.WriteEncodedValue(parts.ReadEncodedValue().Span);
            unsigned.WriteEncodedValue(parts.ReadEncodedValue().Span);
        }

        AssertRefused(whole, "another");
        AssertRefused(whole, null);
        AssertRefused(unsigned.Encode(), Password);
        AssertRefused(Make().Export(X509ContentType.Cert), Password);
    }

    private static X509Certificate2 Make()
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        return new CertificateRequest("CN=node", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
    }

    private ServerCertificate Open(byte[] pfx, string? password = Password)
    {
        var path = Path.Combine(_folder, "node.pfx");
        File.WriteAllBytes(path, pfx);
        return ServerCertificate.Open(new HttpsOptions { Certificate = path, Password = password }, TimeProvider.System, NullLogger.Instance);
    }

    private void AssertRefused(byte[] pfx, string? password)
    {
        var error = Assert.Throws<NexusException>(() => Open(pfx, password));
        Assert.Equal(ErrorCodes.ConfigurationError, error.Code);
        Assert.Contains("node.pfx", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Password, error.Message, StringComparison.Ordinal);
    }
}
