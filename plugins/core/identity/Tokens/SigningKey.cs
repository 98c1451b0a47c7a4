using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Nexus.Core.Identity.Tokens;

/// <summary>An ECDSA P-256 key pair for ES256 (RFC 7518 section 3.4). Thread-safe: each call rents its own native key, because the framework promises nothing about one that is shared.</summary>
internal sealed class SigningKey : IDisposable
{
    private readonly ConcurrentBag<ECDsa> _idle = [];
    private readonly ECParameters _parameters;

    private SigningKey(ECParameters parameters, DateTimeOffset signsFrom)
    {
        (_parameters, SignsFrom) = (parameters, signsFrom);
        X = Base64Url.EncodeToString(parameters.Q.X);
        Y = Base64Url.EncodeToString(parameters.Q.Y);
        // RFC 7638: the thumbprint of the key is its name, so that a name never stands for two keys.
        KeyId = Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes($$"""{"crv":"P-256","kty":"EC","x":"{{X}}","y":"{{Y}}"}""")));
    }

    /// <summary>Its thumbprint (RFC 7638).</summary>
    public string KeyId { get; }

    /// <summary>When it begins to sign; it can be looked up before, so that every verifier has it in time.</summary>
    public DateTimeOffset SignsFrom { get; }

    /// <summary>Abscissa of the public point, base64url.</summary>
    public string X { get; }

    /// <summary>Ordinate of the public point, base64url.</summary>
    public string Y { get; }

    /// <summary>A new key.</summary>
    public static SigningKey Create(DateTimeOffset signsFrom)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new SigningKey(key.ExportParameters(includePrivateParameters: true), signsFrom);
    }

    /// <summary>A stored key.</summary>
    public static SigningKey Restore(string x, string y, byte[] secret, DateTimeOffset signsFrom) => new(
        new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = Base64Url.DecodeFromChars(x), Y = Base64Url.DecodeFromChars(y) }, D = secret }, signsFrom);

    /// <summary>The private scalar, 32 bytes.</summary>
    public byte[] Secret() => [.. _parameters.D!];

    /// <summary>Signs: 64 bytes, r and s.</summary>
    public byte[] Sign(ReadOnlySpan<byte> text)
    {
        var key = Rent();
        try
        {
            return key.SignData(text, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
        finally
        {
            _idle.Add(key);
        }
    }

    /// <summary>Whether a signature of exactly 64 bytes is this key's over a text.</summary>
    public bool Verify(ReadOnlySpan<byte> text, ReadOnlySpan<byte> signature)
    {
        if (signature.Length != 64)
            return false;
        var key = Rent();
        try
        {
            return key.VerifyData(text, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
        finally
        {
            _idle.Add(key);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_idle.TryTake(out var key)) key.Dispose();
    }

    private ECDsa Rent() => _idle.TryTake(out var key) ? key : ECDsa.Create(_parameters);
}
