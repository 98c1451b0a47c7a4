using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Nexus.Core.Identity.Totp;

/// <summary>Time-based one-time codes (RFC 6238): HMAC-SHA-1, 6 digits, a new one every 30 s. Those parameters are what every authenticator application takes.</summary>
internal static class OneTimeCode
{
    /// <summary>Digits of a code.</summary>
    public const int Digits = 6;

    /// <summary>Length of a secret in bytes: that of the hash, as RFC 4226 section 4 advises.</summary>
    public const int SecretLength = 20;

    private const int Modulus = 1_000_000;

    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// <summary>How long a code is current.</summary>
    public static TimeSpan Step { get; } = TimeSpan.FromSeconds(30);

    /// <summary>The number of the step a moment lies in.</summary>
    public static long StepOf(DateTimeOffset moment) => moment.ToUnixTimeSeconds() / (long)Step.TotalSeconds;

    /// <summary>The code of a step.</summary>
    public static string Of(ReadOnlySpan<byte> secret, long step) => Truncate(secret, step, Modulus).ToString("D6", CultureInfo.InvariantCulture);

    /// <summary>The step of a code, within one step before or after a moment, that comes after the last one used; null when the code is none of those. Takes the same time whichever matches.</summary>
    public static long? Match(ReadOnlySpan<byte> secret, ReadOnlySpan<char> code, DateTimeOffset moment, long lastUsed)
    {
        if (code.Length != Digits || code.ContainsAnyExceptInRange('0', '9'))
            return null;
        Span<byte> given = stackalloc byte[Digits];
        Encoding.ASCII.GetBytes(code, given);
        long? match = null;
        var now = StepOf(moment);
        for (var step = now - 1; step <= now + 1; step++)
        {
            if (CryptographicOperations.FixedTimeEquals(given, Encoding.ASCII.GetBytes(Of(secret, step))) && step > lastUsed)
                match ??= step;
        }

        return match;
    }

    /// <summary>Base32 without padding (RFC 4648), as authenticator applications take secrets.</summary>
    public static string ToBase32(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder((bytes.Length * 8 + 4) / 5);
        int buffer = 0, bits = 0;
        foreach (var one in bytes)
        {
            buffer = (buffer << 8) | one;
            bits += 8;
            while (bits >= 5)
                text.Append(Alphabet[(buffer >> (bits -= 5)) & 31]);
            buffer &= (1 << bits) - 1;
        }

        if (bits > 0)
            text.Append(Alphabet[(buffer << (5 - bits)) & 31]);
        return text.ToString();
    }

    /// <summary>The address that an authenticator application reads from a QR code.</summary>
    public static string Address(string issuer, string account, ReadOnlySpan<byte> secret) =>
        $"otpauth://totp/{Uri.EscapeDataString(issuer)}:{Uri.EscapeDataString(account)}?secret={ToBase32(secret)}&issuer={Uri.EscapeDataString(issuer)}&algorithm=SHA1&digits={Digits}&period={(int)Step.TotalSeconds}";

    /// <summary>Dynamic truncation (RFC 4226 section 5.3).</summary>
    internal static int Truncate(ReadOnlySpan<byte> secret, long step, int modulus)
    {
        Span<byte> counter = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(counter, step);
        Span<byte> mac = stackalloc byte[20];
#pragma warning disable CA5350 // SHA-1 as HMAC is what RFC 6238 and every authenticator application use; its collisions do not matter to a MAC.
        HMACSHA1.HashData(secret, counter, mac);
#pragma warning restore CA5350
        var offset = mac[^1] & 0x0F;
        return (int)((BinaryPrimitives.ReadUInt32BigEndian(mac[offset..]) & 0x7FFF_FFFF) % (uint)modulus);
    }
}
