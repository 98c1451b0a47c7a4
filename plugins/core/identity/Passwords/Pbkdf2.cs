using System.Globalization;
using System.Security.Cryptography;

namespace Nexus.Core.Identity.Passwords;

/// <summary>PBKDF2 with HMAC-SHA-512 (RFC 8018) and 210,000 rounds, where the library of Argon2 is not installed.</summary>
internal sealed class Pbkdf2 : IPasswordHash
{
    private const int Rounds = 210_000;
    private const string Prefix = "$pbkdf2-sha512$";

    public bool Made(string encoded) => encoded.StartsWith(Prefix, StringComparison.Ordinal);

    public bool IsDated(string encoded) => !encoded.StartsWith($"{Prefix}{Rounds}$", StringComparison.Ordinal);

    public string Hash(ReadOnlySpan<byte> password)
    {
        var salt = RandomNumberGenerator.GetBytes(16);
        return $"{Prefix}{Rounds}${Convert.ToBase64String(salt)}${Convert.ToBase64String(Rfc2898DeriveBytes.Pbkdf2(password, salt, Rounds, HashAlgorithmName.SHA512, 32))}";
    }

    public bool Verify(ReadOnlySpan<byte> password, string encoded)
    {
        var parts = encoded[Prefix.Length..].Split('$');
        var expected = Convert.FromBase64String(parts[2]);
        var actual = Rfc2898DeriveBytes.Pbkdf2(password, Convert.FromBase64String(parts[1]), int.Parse(parts[0], CultureInfo.InvariantCulture), HashAlgorithmName.SHA512, expected.Length);
        return CryptographicOperations.FixedTimeEquals(actual, expected);
    }
}
