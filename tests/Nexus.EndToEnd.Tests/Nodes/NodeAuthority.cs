using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Nexus.EndToEnd.Tests.Nodes;

/// <summary>An authority that makes certificates for nodes on loopback; its files lie in a folder of the test.</summary>
internal sealed class NodeAuthority
{
    private readonly X509Certificate2 root;
    private readonly string folder;

    public NodeAuthority(string folder, string name)
    {
        this.folder = Path.Combine(folder, name);
        Directory.CreateDirectory(this.folder);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        root = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(2));
        File = Path.Combine(this.folder, "authority.pem");
        System.IO.File.WriteAllText(File, root.ExportCertificatePem());
    }

    /// <summary>PEM file of the authority itself.</summary>
    public string File { get; }

    /// <summary>Makes a certificate for both ends of a connection, or for a server alone; a PEM file with its key.</summary>
    public string Issue(string name, string host = "127.0.0.1", bool server = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var subject = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(host, out var address)) subject.AddIpAddress(address);
        else subject.AddDnsName(host);
        request.CertificateExtensions.Add(subject.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(server ? [new Oid("1.3.6.1.5.5.7.3.1")] : [new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        using var made = request.Create(root, TimeProvider.System.GetUtcNow().AddHours(-1), TimeProvider.System.GetUtcNow().AddDays(1), RandomNumberGenerator.GetBytes(8));
        var file = Path.Combine(folder, name + ".pem");
        System.IO.File.WriteAllText(file, made.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n");
        if (!OperatingSystem.IsWindows()) System.IO.File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return file;
    }
}
