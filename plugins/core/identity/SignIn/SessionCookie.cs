using System.Buffers.Text;
using System.Security.Cryptography;

namespace Nexus.Core.Identity.SignIn;

/// <summary>The cookie of browsers: session id and 32 secret bytes in base64url.</summary>
internal static class SessionCookie
{
    private const int Length = 16 + 32;

    public static string Text(string sessionId, byte[] secret)
    {
        Span<byte> bytes = stackalloc byte[Length];
        Guid.Parse(sessionId).TryWriteBytes(bytes, bigEndian: true, out _);
        secret.CopyTo(bytes[16..]);
        return Base64Url.EncodeToString(bytes);
    }

    /// <summary>Session and secret of a cookie; null for any other text.</summary>
    public static (string SessionId, byte[] Secret)? Parse(string text)
    {
        Span<byte> bytes = stackalloc byte[Length];
        return text.Length == 64 && Base64Url.IsValid(text) && Base64Url.TryDecodeFromChars(text, bytes, out var written) && written == Length
            ? (new Guid(bytes[..16], bigEndian: true).ToString(), bytes[16..].ToArray())
            : null;
    }

    /// <summary>What a page must send along with this cookie to change something: only who can read answers of this origin knows it, and it says nothing about the cookie.</summary>
    public static string CsrfToken(byte[] secret) => Base64Url.EncodeToString(HMACSHA256.HashData(secret, "csrf"u8));
}
