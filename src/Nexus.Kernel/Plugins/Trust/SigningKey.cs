using System.Collections.Immutable;
using System.Security.Cryptography;

namespace Nexus.Kernel.Plugins.Trust;

/// <summary>A publisher's private key (ECDSA P-256), in a PEM file that only its owner may read.</summary>
internal sealed class SigningKey : IDisposable
{
    private readonly ECDsa key;

    private SigningKey(ECDsa key)
    {
        this.key = key;
        PublicKey = Convert.ToBase64String(key.ExportSubjectPublicKeyInfo());
        Id = IdOf(PublicKey);
    }

    /// <summary>The first 32 hex digits of the SHA-256 of the public key.</summary>
    public string Id { get; }

    /// <summary>SubjectPublicKeyInfo, base64.</summary>
    public string PublicKey { get; }

    public static SigningKey Generate() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <exception cref="NexusException"><c>PLUGIN_UNTRUSTED</c>: the file is not a private key on P-256.</exception>
    public static SigningKey Load(string file)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(File.ReadAllText(file));
            if (key.KeySize != 256 || key.ExportParameters(includePrivateParameters: true).D is null)
                throw new CryptographicException("it is not a private key on P-256");
            return new SigningKey(key);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            key.Dispose();
            throw new NexusException(ErrorCodes.PluginUntrusted, $"{file}: the key cannot be used: {e.Message} Make one with `nexus plugin keygen`.", e);
        }
    }

    /// <summary>Writes the private key; an existing file is never replaced.</summary>
    public void Save(string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var writer = new StreamWriter(file, options);
        writer.Write(key.ExportPkcs8PrivateKeyPem());
    }

    public PackageSignature Sign(string contentHash, string archive, DateTimeOffset now, DateTimeOffset? expires, ImmutableArray<KeyCertificate> certificates)
    {
        var unsigned = new PackageSignature(1, Id, PackageSignature.Text(now), expires is { } end ? PackageSignature.Text(end) : null, archive, certificates, "");
        return unsigned with { Signature = Convert.ToHexStringLower(key.SignData(unsigned.Message(contentHash), HashAlgorithmName.SHA256)) };
    }

    /// <summary>Vouches for another key.</summary>
    public KeyCertificate Certify(string publicKey, string name, DateTimeOffset until)
    {
        var unsigned = new KeyCertificate(IdOf(publicKey), name, publicKey, PackageSignature.Text(until), Id, "");
        return unsigned with { Signature = Convert.ToHexStringLower(key.SignData(unsigned.Message(), HashAlgorithmName.SHA256)) };
    }

    public static string IdOf(string publicKey) => Convert.ToHexStringLower(SHA256.HashData(Convert.FromBase64String(publicKey)))[..32];

    /// <summary>Whether a signature is that key's; false for keys and signatures that are none.</summary>
    public static bool Verify(string publicKey, byte[] message, string signature)
    {
        try
        {
            using var key = ECDsa.Create();
            key.ImportSubjectPublicKeyInfo(Convert.FromBase64String(publicKey), out _);
            // One spelling of each signature: hex in lower case.
            return key.KeySize == 256 && signature.All(char.IsAsciiHexDigitLower) && key.VerifyData(message, Convert.FromHexString(signature), HashAlgorithmName.SHA256);
        }
        catch (Exception e) when (e is CryptographicException or FormatException)
        {
            return false;
        }
    }

    public void Dispose() => key.Dispose();
}
