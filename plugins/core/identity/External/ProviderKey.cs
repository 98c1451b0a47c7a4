using System.Buffers.Text;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;

namespace Nexus.Core.Identity.External;

/// <summary>A public key of a provider (RFC 7517): RSA of at least 2048 bits for RS256, or P-256 for ES256. The key says which algorithm it is for, never the token: so no key is used for what it was not made for.</summary>
internal sealed record ProviderKey(string? KeyId, string Algorithm, RSAParameters? Rsa, ECParameters? Ec)
{
    /// <summary>The keys of a JWK set that sign with an algorithm we take; others are left out.</summary>
    public static ImmutableArray<ProviderKey> Read(JsonElement set) =>
        set.ValueKind == JsonValueKind.Object && set.TryGetProperty("keys", out var keys) && keys.ValueKind == JsonValueKind.Array
            ? [.. keys.EnumerateArray().Take(100).Select(ReadOne).OfType<ProviderKey>()]
            : [];

    /// <summary>Whether a signature is this key's.</summary>
    public bool Verify(ReadOnlySpan<byte> text, ReadOnlySpan<byte> signature)
    {
        try
        {
            if (Ec is { } point)
            {
                using var ec = ECDsa.Create(point);
                return signature.Length == 64 && ec.VerifyData(text, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
            }

            using var rsa = RSA.Create(Rsa!.Value);
            return rsa.VerifyData(text, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
        catch (CryptographicException)
        {
            // A point that is not on the curve, or a modulus that is none.
            return false;
        }
    }

    private static ProviderKey? ReadOne(JsonElement key)
    {
        if (key.ValueKind != JsonValueKind.Object || Text(key, "use") is not (null or "sig"))
            return null;
        var (kid, algorithm) = (Text(key, "kid"), Text(key, "alg"));
        return Text(key, "kty") switch
        {
            "RSA" when algorithm is null or "RS256" && Bytes(key, "n") is { Length: >= 256 and <= 1024 } n && Bytes(key, "e") is { Length: >= 1 and <= 8 } e =>
                new ProviderKey(kid, "RS256", new RSAParameters { Modulus = n, Exponent = e }, null),
            "EC" when algorithm is null or "ES256" && Text(key, "crv") == "P-256" && Bytes(key, "x") is { Length: 32 } x && Bytes(key, "y") is { Length: 32 } y =>
                new ProviderKey(kid, "ES256", null, new ECParameters { Curve = ECCurve.NamedCurves.nistP256, Q = new ECPoint { X = x, Y = y } }),
            _ => null,
        };
    }

    private static string? Text(JsonElement key, string name) => key.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static byte[]? Bytes(JsonElement key, string name) =>
        Text(key, name) is { } text && Base64Url.IsValid(text) ? Base64Url.DecodeFromChars(text) : null;
}
