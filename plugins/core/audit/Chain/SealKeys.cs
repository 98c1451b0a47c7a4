using System.Collections.Immutable;
using System.Security.Cryptography;

namespace Nexus.Core.Audit.Chain;

/// <summary>The key that signs seals, and the public keys of all that ever did, as files: <c>seal.pem</c> (only its owner may read it) and <c>{id}.pub</c>. Taking <c>seal.pem</c> away makes the next start begin with a new one.</summary>
internal sealed class SealKeys : IDisposable
{
    private readonly string _folder;
    private readonly ECDsa _current;
    private readonly Lock _gate = new();

    private SealKeys(string folder, ECDsa current)
    {
        _folder = folder;
        _current = current;
        Current = IdOf(current);
    }

    /// <summary>Id of the key that signs now: the first 8 bytes of the SHA-256 of its public key, hex.</summary>
    public string Current { get; }

    /// <summary>Opens the folder; makes a key when there is none.</summary>
    public static SealKeys Open(string folder)
    {
        Directory.CreateDirectory(folder);
        var file = Path.Combine(folder, "seal.pem");
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        if (File.Exists(file))
        {
            key.ImportFromPem(File.ReadAllText(file));
        }
        else
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using var stream = new FileStream(file, options);
            stream.Write(System.Text.Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem() + "\n"));
            stream.Flush(flushToDisk: true);
        }

        var keys = new SealKeys(folder, key);
        var known = Path.Combine(folder, keys.Current + ".pub");
        if (!File.Exists(known))
            File.WriteAllText(known, key.ExportSubjectPublicKeyInfoPem() + "\n");
        return keys;
    }

    /// <summary>Signs bytes.</summary>
    public byte[] Sign(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            return _current.SignData(bytes, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        }
    }

    /// <summary>The public keys by id.</summary>
    public ImmutableDictionary<string, string> PublicKeys() =>
        Directory.EnumerateFiles(_folder, "*.pub").ToImmutableDictionary(f => Path.GetFileNameWithoutExtension(f), File.ReadAllText, StringComparer.Ordinal);

    /// <summary>Whether a known key signed the bytes.</summary>
    public static bool Verifies(ImmutableDictionary<string, string> keys, string id, ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> signature)
    {
        if (!keys.TryGetValue(id, out var pem))
            return false;
        using var key = ECDsa.Create();
        key.ImportFromPem(pem);
        return IdOf(key) == id && key.VerifyData(bytes, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
    }

    public void Dispose() => _current.Dispose();

    private static string IdOf(ECDsa key) => Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo())[..8]);
}
