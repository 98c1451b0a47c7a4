using System.Globalization;

namespace Nexus;

/// <summary>Exact decimals written as JSON text, as amounts of money are.</summary>
public static class DecimalText
{
    private const string Form = "00000000000000000000000000000.0000000000000000000000000000";

    /// <summary>Reads a decimal of up to 28 digits with a point for its mark, without blanks, exponent or groups.</summary>
    public static bool TryRead(string? text, out decimal value) =>
        decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out value);

    /// <summary>A text whose order by code point is the order of the numbers; null for what is no decimal.</summary>
    public static string? OrderKey(string? text) => TryRead(text, out var value) ? OrderKey(value) : null;

    /// <summary>A text whose order by code point is the order of the numbers.</summary>
    public static string OrderKey(decimal value)
    {
        var digits = decimal.Abs(value).ToString(Form, CultureInfo.InvariantCulture);
        if (value >= 0)
            return "b" + digits;
        // The nines' complement turns the order of the sizes around.
        return "a" + string.Create(digits.Length, digits, static (target, source) =>
        {
            for (var i = 0; i < source.Length; i++)
                target[i] = source[i] == '.' ? '.' : (char)('9' - (source[i] - '0'));
        });
    }
}
