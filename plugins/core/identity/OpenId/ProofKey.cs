using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Nexus.Core.Identity.Tokens;

namespace Nexus.Core.Identity.OpenId;

/// <summary>Proof key for code exchange (RFC 7636), method S256; <c>plain</c> is not taken.</summary>
internal static class ProofKey
{
    /// <summary>The one method.</summary>
    public const string Method = "S256";

    /// <summary>The challenge of a verifier.</summary>
    public static string ChallengeOf(string verifier) => Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));

    /// <summary>Whether a text can be a challenge: 43 characters of base64url.</summary>
    public static bool IsChallenge(string? text) => text is { Length: 43 } && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    /// <summary>Whether a verifier (43 to 128 unreserved characters) is that of a challenge.</summary>
    public static bool Matches(string? verifier, string challenge) =>
        verifier is { Length: >= 43 and <= 128 } && verifier.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '~') && Secrets.Same(ChallengeOf(verifier), challenge);
}
