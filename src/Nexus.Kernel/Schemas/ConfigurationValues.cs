using System.Buffers;
using System.Globalization;

namespace Nexus.Kernel.Schemas;

/// <summary>How texts of configuration are read as values.</summary>
internal static class ConfigurationValues
{
    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789.");

    /// <summary>Reads <c>500ms</c>, <c>30s</c>, <c>5m</c>, <c>2h</c>, <c>7d</c>, or the framework's <c>[d.]hh:mm:ss[.fff]</c>; not negative.</summary>
    public static bool TryParseDuration(string text, out TimeSpan value)
    {
        value = default;
        text = text.Trim();
        var digits = text.AsSpan().IndexOfAnyExcept(Digits);
        if (digits <= 0 || text.Contains(':', StringComparison.Ordinal))
            return text.Contains(':', StringComparison.Ordinal) && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out value) && value >= TimeSpan.Zero;
        if (!double.TryParse(text.AsSpan(0, digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            return false;
        var unit = text[digits..] switch
        {
            "ms" => TimeSpan.TicksPerMillisecond,
            "s" => TimeSpan.TicksPerSecond,
            "m" => TimeSpan.TicksPerMinute,
            "h" => TimeSpan.TicksPerHour,
            "d" => TimeSpan.TicksPerDay,
            _ => 0,
        };
        // A century is beyond any sensible setting and keeps the product below far inside 64 bits.
        if (unit == 0 || number * unit > 36525d * TimeSpan.TicksPerDay)
            return false;
        value = TimeSpan.FromTicks((long)(number * unit));
        return true;
    }

    /// <summary>Reads true/false, case-insensitively.</summary>
    public static bool TryParseBoolean(string text, out bool value) => bool.TryParse(text, out value);

    /// <summary>Reads a decimal number in invariant notation.</summary>
    public static bool TryParseNumber(string text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
}
