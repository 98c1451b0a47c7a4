using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Nexus.Core.Identity.Tokens;

/// <summary>Random values, and their comparison without a hint of how far they agree.</summary>
internal static class Secrets
{
    /// <summary>256 random bits, base64url: 43 characters.</summary>
    public static string Random() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>Whether two texts are equal; the time tells their lengths at most.</summary>
    public static bool Same(string a, string b) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(a), Encoding.UTF8.GetBytes(b));
}
