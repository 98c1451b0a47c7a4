using System.Globalization;
using System.Text.Json;
using System.Xml;

namespace Nexus.Data.Resources;

/// <summary>Canonical texts of values, so that equal values have equal bytes and text order is value order.</summary>
internal static class WireFormats
{
    /// <summary>Instants have a fixed width: with a variable fraction <c>…:00Z</c> would sort after <c>…:00.5Z</c>.</summary>
    public const string Instant = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    public const string Time = "HH:mm:ss.FFFFFFF";

    /// <summary>An RFC 3339 instant. The offset is demanded: a local time of an unknown place is no instant.</summary>
    public static bool TryInstant(string text, out string canonical)
    {
        canonical = "";
        bool offset = text.Length > 19 && (text[^1] is 'Z' or 'z' || (text[^3] == ':' && text[^6] is '+' or '-'));
        if (!offset || text[4] != '-' || text[10] is not ('T' or 't' or ' ') || !DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant))
        {
            return false;
        }

        canonical = Format(instant);
        return true;
    }

    public static string Format(DateTimeOffset instant) => instant.UtcDateTime.ToString(Instant, CultureInfo.InvariantCulture);

    public static bool TryDuration(string text, out string canonical)
    {
        canonical = "";
        try
        {
            var value = text.AsSpan().TrimStart('-').StartsWith("P", StringComparison.Ordinal) ? XmlConvert.ToTimeSpan(text)
                : TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out var exact) ? exact
                : throw new FormatException();
            canonical = value.ToString("c", CultureInfo.InvariantCulture);
            return true;
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            return false;
        }
    }

    /// <summary>A decimal that fits without loss, its scale kept: 28 significant digits, 28 decimal places.</summary>
    public static bool TryDecimal(ReadOnlySpan<char> text, out decimal value)
    {
        value = 0;
        var mantissa = text;
        int exponent = 0;
        if (text.IndexOfAny('e', 'E') is var mark and >= 0)
        {
            mantissa = text[..mark];
            if (!int.TryParse(text[(mark + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent) || Math.Abs((long)exponent) > 60)
            {
                return false;
            }
        }

        int point = mantissa.IndexOf('.');
        int scale = (point < 0 ? 0 : mantissa.Length - point - 1) - exponent;
        int digits = 0;
        int zeros = 0;
        foreach (char c in mantissa)
        {
            if (char.IsAsciiDigit(c) && (digits > 0 || c != '0'))
            {
                digits++;
                zeros = c == '0' ? zeros + 1 : 0;
            }
        }

        bool exact = digits == 0 || (digits - Math.Min(zeros, Math.Max(scale, 0)) - Math.Min(0, scale) <= 28 && scale - zeros <= 28);
        return exact && decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>The text of a string token, or null when it has a lone surrogate, invalid UTF-8 or NUL, which no store keeps faithfully.</summary>
    public static string? TextOf(ref Utf8JsonReader reader)
    {
        try
        {
            string text = reader.GetString()!;
            return text.Contains('\0', StringComparison.Ordinal) ? null : text;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
