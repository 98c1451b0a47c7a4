using System.Globalization;

namespace Nexus.Finance.Ledger.Money;

/// <summary>A decimal number exactly as a file or a caller wrote it, before a commodity gives it its scale. At most 36 digits, 18 of them after the mark. Equal by value: 1.5 equals 1.50.</summary>
internal readonly struct ExactDecimal : IEquatable<ExactDecimal>
{
    private const int MaxDigits = 36;

    /// <summary>Greatest number of digits after the mark.</summary>
    public const int MaxScale = 18;

    private ExactDecimal(Int128 units, int scale) => (Units, Scale) = (units, scale);

    /// <summary>Zero.</summary>
    public static ExactDecimal Zero => default;

    /// <summary>The number times ten to the power of <see cref="Scale"/>.</summary>
    public Int128 Units { get; }

    /// <summary>Digits after the mark, as written.</summary>
    public int Scale { get; }

    /// <summary>−1, 0 or 1.</summary>
    public int Sign => Int128.Sign(Units);

    /// <summary>Reads <c>[+-]digits[.digits]</c>; false for anything else, and for more digits than the type holds.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out ExactDecimal value)
    {
        value = default;
        var negative = text is ['-', ..];
        if (text is ['-' or '+', ..]) text = text[1..];
        var mark = text.IndexOf('.');
        var fraction = mark < 0 ? [] : text[(mark + 1)..];
        var whole = mark < 0 ? text : text[..mark];
        if (whole.Length + fraction.Length == 0 || (mark >= 0 && fraction.Length == 0)) return false;
        if (fraction.Length > MaxScale)
        {
            if (fraction[MaxScale..].ContainsAnyExcept('0')) return false;
            fraction = fraction[..MaxScale];
        }
        whole = whole.TrimStart('0');
        if (whole.Length + fraction.Length > MaxDigits) return false;
        Int128 units = 0;
        if (!Accumulate(whole, ref units) || !Accumulate(fraction, ref units)) return false;
        value = new ExactDecimal(negative ? -units : units, fraction.Length);
        return true;
    }

    /// <summary>The units at another scale, or null when digits would be lost or the number does not fit.</summary>
    public Int128? AtScale(int scale)
    {
        var units = Units;
        for (var s = Scale; s > scale; s--)
        {
            if (units % 10 != 0) return null;
            units /= 10;
        }
        for (var s = Scale; s < scale; s++)
        {
            if (units > Int128.MaxValue / 10 || units < Int128.MinValue / 10) return null;
            units *= 10;
        }
        return units;
    }

    /// <summary>The sum, or null when it does not fit.</summary>
    public ExactDecimal? Add(ExactDecimal other)
    {
        var scale = Math.Max(Scale, other.Scale);
        if (AtScale(scale) is not { } left || other.AtScale(scale) is not { } right) return null;
        var sum = unchecked(left + right);
        return (left < 0) == (right < 0) && (sum < 0) != (left < 0) ? null : new ExactDecimal(sum, scale);
    }

    /// <summary>The number with the other sign.</summary>
    public ExactDecimal Negate() => new(-Units, Scale);

    /// <summary>The number without its sign.</summary>
    public ExactDecimal Abs() => Units < 0 ? Negate() : this;

    /// <inheritdoc/>
    public bool Equals(ExactDecimal other)
    {
        var (a, b) = (Normal(), other.Normal());
        return a.Units == b.Units && a.Scale == b.Scale;
    }

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ExactDecimal other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Normal() is var n ? HashCode.Combine(n.Units, n.Scale) : 0;

    /// <summary><c>-12.50</c>: invariant, all digits after the mark as written.</summary>
    public override string ToString() => Format(Units, Scale);

    /// <summary>Writes units of a scale as text.</summary>
    public static string Format(Int128 units, int scale)
    {
        var digits = (units < 0 ? (UInt128)(-(units + 1)) + 1 : (UInt128)units).ToString(CultureInfo.InvariantCulture);
        if (digits.Length <= scale) digits = digits.PadLeft(scale + 1, '0');
        var sign = units < 0 ? "-" : "";
        return scale == 0 ? sign + digits : $"{sign}{digits.AsSpan(..^scale)}.{digits.AsSpan(digits.Length - scale)}";
    }

    private static bool Accumulate(ReadOnlySpan<char> digits, ref Int128 units)
    {
        foreach (var c in digits)
        {
            if (!char.IsAsciiDigit(c)) return false;
            units = (units * 10) + (c - '0');
        }
        return true;
    }

    private (Int128 Units, int Scale) Normal()
    {
        var (units, scale) = (Units, Scale);
        while (scale > 0 && units % 10 == 0) (units, scale) = (units / 10, scale - 1);
        return (units, scale);
    }
}
