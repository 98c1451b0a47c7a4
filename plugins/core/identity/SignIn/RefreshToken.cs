using System.Buffers.Text;
using System.Security.Cryptography;

namespace Nexus.Core.Identity.SignIn;

/// <summary>A refresh token: <c>nxr_</c>, then session id, 16 bytes that its family shares and 32 bytes that are its own, in base64url.</summary>
/// <param name="SessionId">The session.</param>
/// <param name="Family">Shared by all tokens of the session.</param>
/// <param name="Secret">Of this token alone.</param>
internal readonly record struct RefreshToken(string SessionId, byte[] Family, byte[] Secret)
{
    private const string Prefix = "nxr_";
    private const int Length = 16 + 16 + 32;

    /// <summary>A new token of a session.</summary>
    public static RefreshToken New(string sessionId, byte[]? family = null) =>
        new(sessionId, family ?? RandomNumberGenerator.GetBytes(16), RandomNumberGenerator.GetBytes(32));

    /// <summary>Reads a token; null for any other text.</summary>
    public static RefreshToken? Parse(string? text)
    {
        if (text is null || text.Length > 120 || !text.StartsWith(Prefix, StringComparison.Ordinal)) return null;
        Span<byte> bytes = stackalloc byte[Length];
        return Base64Url.IsValid(text.AsSpan(Prefix.Length), out var decoded) && decoded == Length && Base64Url.TryDecodeFromChars(text.AsSpan(Prefix.Length), bytes, out var written) && written == Length
            ? new RefreshToken(new Guid(bytes[..16], bigEndian: true).ToString(), bytes[16..32].ToArray(), bytes[32..].ToArray())
            : null;
    }

    /// <summary>Whether it is of a session's family; a used one is.</summary>
    public bool IsOf(SignInSession session) => session.Id == SessionId && session.FamilyHash == Hash(Family);

    public static string Hash(byte[] secret) => Base64Url.EncodeToString(SHA256.HashData(secret));

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Length];
        Guid.Parse(SessionId).TryWriteBytes(bytes, bigEndian: true, out _);
        Family.CopyTo(bytes[16..]);
        Secret.CopyTo(bytes[32..]);
        return Prefix + Base64Url.EncodeToString(bytes);
    }
}
