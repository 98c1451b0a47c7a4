using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Nexus.Kernel.Plugins.Trust;

/// <summary>The file <c>signature.json</c> of a package: who vouches for its content. It is not in the file list, which it signs.</summary>
/// <param name="Format">1.</param>
/// <param name="KeyId">Id of the key that signed.</param>
/// <param name="SignedAt">When, UTC, whole seconds.</param>
/// <param name="ExpiresAt">From then on it is not installed any more; null for never.</param>
/// <param name="Archive">Digest of the archive that holds it (see <see cref="SignedArchive"/>); empty for a signed folder.</param>
/// <param name="Certificates">How a trusted key vouches for <paramref name="KeyId"/>: each certifies the key of the one before it.</param>
/// <param name="Signature">ECDSA P-256 over <see cref="Message"/>, 64 bytes in lower-case hex.</param>
internal sealed partial record PackageSignature(int Format, string KeyId, string SignedAt, string? ExpiresAt, string Archive, ImmutableArray<KeyCertificate> Certificates, string Signature)
{
    public const string FileName = "signature.json";

    /// <summary>Greatest size in bytes.</summary>
    public const int MaxBytes = 16 * 1024;

    private const int MaxCertificates = 4;

    /// <summary>What is signed: everything here but the signature, and the content.</summary>
    public byte[] Message(string contentHash) => Encoding.UTF8.GetBytes(string.Join('\n',
        "nexus package signature 1", KeyId, SignedAt, ExpiresAt ?? "-", contentHash, Archive,
        Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(Certificates, SignatureJson.Default.ImmutableArrayKeyCertificate)))) + "\n");

    public byte[] Write() => JsonSerializer.SerializeToUtf8Bytes(this, SignatureJson.Default.PackageSignature);

    /// <exception cref="NexusException"><c>PLUGIN_PACKAGE_INVALID</c>: it is not exactly what <see cref="Write"/> writes, so that there is one form of each signature.</exception>
    public static PackageSignature Read(ReadOnlySpan<byte> utf8, string package)
    {
        try
        {
            var read = utf8.Length <= MaxBytes ? JsonSerializer.Deserialize(utf8, SignatureJson.Default.PackageSignature) : null;
            if (read is { Format: 1, Certificates.IsDefault: false } && read.Certificates.Length <= MaxCertificates && utf8.SequenceEqual(read.Write()) && Time(read.SignedAt) is not null && (read.ExpiresAt is null || Time(read.ExpiresAt) is not null))
                return read;
            throw new JsonException("it is not in the form that `nexus plugin sign` writes");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw PackageErrors.Invalid(package, FileName, $"the signature cannot be read: {e.Message}; sign the package again with 'nexus plugin sign'", e);
        }
    }

    /// <summary>An instant in the one form that signatures use, or null.</summary>
    public static DateTimeOffset? Time(string text) =>
        DateTimeOffset.TryParseExact(text, "yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;

    public static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
    [JsonSerializable(typeof(PackageSignature))]
    [JsonSerializable(typeof(ImmutableArray<KeyCertificate>))]
    private sealed partial class SignatureJson : JsonSerializerContext;
}

/// <summary>A key that another key vouches for: how a publisher changes its key without asking every node.</summary>
/// <param name="KeyId">Id of the certified key.</param>
/// <param name="Name">Its name for people.</param>
/// <param name="PublicKey">SubjectPublicKeyInfo, base64.</param>
/// <param name="ValidUntil">Its signatures count until then.</param>
/// <param name="Issuer">Id of the key that vouches.</param>
/// <param name="Signature">The issuer's signature over <see cref="Message"/>, lower-case hex.</param>
internal sealed record KeyCertificate(string KeyId, string Name, string PublicKey, string ValidUntil, string Issuer, string Signature)
{
    public byte[] Message() => Encoding.UTF8.GetBytes(string.Join('\n', "nexus key certificate 1", KeyId, Convert.ToBase64String(Encoding.UTF8.GetBytes(Name)), PublicKey, ValidUntil, Issuer) + "\n");
}
