using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Nexus.Gateway.Security.Transport;

/// <summary>Who vouches for the certificate of a peer: authorities of one's own, and nobody else, not even those that the machine trusts.</summary>
internal static class PeerAuthorities
{
    /// <summary>What the certificate of a caller must be made for.</summary>
    public const string Client = "1.3.6.1.5.5.7.3.2";

    /// <summary>What the certificate of a server must be made for.</summary>
    public const string Server = "1.3.6.1.5.5.7.3.1";

    /// <summary>Reads a PEM file of authorities; those that did not sign themselves only complete chains.</summary>
    /// <exception cref="NexusException"><c>CONFIG_VALIDATION_ERROR</c>: the file cannot be read or has no root.</exception>
    public static X509ChainPolicy Read(string key, string file, string purpose)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.ApplicationPolicy.Add(new Oid(purpose));
        try
        {
            var all = new X509Certificate2Collection();
            all.ImportFromPemFile(file);
            foreach (var one in all)
                (one.SubjectName.RawData.AsSpan().SequenceEqual(one.IssuerName.RawData) ? policy.CustomTrustStore : policy.ExtraStore).Add(one);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new NexusException(ErrorCodes.ConfigurationError, $"{key}: {file} cannot be used: {e.Message}", e);
        }

        return policy.CustomTrustStore.Count > 0 ? policy : throw new NexusException(ErrorCodes.ConfigurationError, $"{key}: {file} has no certificate of an authority that signed itself.");
    }
}
