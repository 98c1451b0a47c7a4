using System.Globalization;
using System.Text;

namespace Nexus.Data.Blobs;

/// <summary>Names of places of blobs: <c>{tenant}/{owner}/…/{sha256}</c>, where tenant and owner may be any text.</summary>
internal static class BlobNames
{
    public static bool IsHash(string? sha256) => sha256 is { Length: 64 } && sha256.All(c => c is >= '0' and <= '9' or >= 'a' and <= 'f');

    /// <summary>A text as one part of a path, different for different texts also where case does not count: small letters, digits, hyphens and dots (not a leading one) stay, each other byte of UTF-8 is <c>=xx</c>.</summary>
    public static string Encode(string text)
    {
        var part = new StringBuilder();
        foreach (var c in Encoding.UTF8.GetBytes(text))
        {
            if (c is >= (byte)'a' and <= (byte)'z' or >= (byte)'0' and <= (byte)'9' or (byte)'-' || (c == '.' && part.Length > 0))
                part.Append((char)c);
            else
                part.Append(CultureInfo.InvariantCulture, $"={c:x2}");
        }

        return part.ToString();
    }

    /// <summary>The text of a part; null for what <see cref="Encode"/> does not make.</summary>
    public static string? Decode(string part)
    {
        var bytes = new List<byte>(part.Length);
        for (var i = 0; i < part.Length; i++)
        {
            if (part[i] != '=')
                bytes.Add((byte)part[i]);
            else if (i + 2 < part.Length && byte.TryParse(part.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var escaped))
                (i, bytes) = (i + 2, [.. bytes, escaped]);
            else
                return null;
        }

        var text = Encoding.UTF8.GetString([.. bytes]);
        return Encode(text) == part ? text : null;
    }
}
