using System.Globalization;
using System.Text.Json;

namespace Nexus;

/// <summary>Kinds of <see cref="JsonScalar"/>, in the order in which they sort.</summary>
public enum JsonScalarKind
{
    /// <summary>JSON null, or no value at all.</summary>
    Null,

    /// <summary>A boolean; sorts among the numbers as 0 and 1.</summary>
    Boolean,

    /// <summary>A whole number of 64 bits.</summary>
    Integer,

    /// <summary>Any other number, as an IEEE 754 double.</summary>
    Real,

    /// <summary>Text.</summary>
    Text,

    /// <summary>An object or array: equal to nothing, not null; sorts with the nulls.</summary>
    Composite,
}

/// <summary>A JSON value as filters, sorts and unique indexes see it: the one definition of equality and order that every storage engine follows. Whole numbers of 64 bits compare exactly, other numbers as doubles; text compares by code point (the byte order of UTF-8).</summary>
public readonly record struct JsonScalar
{
    private readonly long _integer;
    private readonly double _real;
    private readonly string? _text;

    private JsonScalar(JsonScalarKind kind, long integer = 0, double real = 0, string? text = null)
    {
        Kind = kind;
        _integer = integer;
        _real = real;
        _text = text;
    }

    /// <summary>Null, or missing.</summary>
    public static JsonScalar Null => default;

    /// <summary>An object or array.</summary>
    public static JsonScalar Composite { get; } = new(JsonScalarKind.Composite);

    /// <summary>Its kind.</summary>
    public JsonScalarKind Kind { get; }

    /// <summary>The value as null, <see cref="bool"/>, <see cref="long"/>, <see cref="double"/> or <see cref="string"/>; null for a composite.</summary>
    public object? Value => Kind switch
    {
        JsonScalarKind.Boolean => _integer != 0,
        JsonScalarKind.Integer => _integer,
        JsonScalarKind.Real => _real,
        JsonScalarKind.Text => _text,
        _ => null,
    };

    private bool IsNumber => Kind is JsonScalarKind.Integer or JsonScalarKind.Real;

    /// <summary>A text, or null.</summary>
    public static JsonScalar From(string? text) => text is null ? Null : new(JsonScalarKind.Text, text: text);

    /// <summary>A whole number.</summary>
    public static JsonScalar From(long number) => new(JsonScalarKind.Integer, integer: number);

    /// <summary>A number.</summary>
    public static JsonScalar From(double number) => new(JsonScalarKind.Real, real: number);

    /// <summary>A boolean.</summary>
    public static JsonScalar From(bool value) => new(JsonScalarKind.Boolean, integer: value ? 1 : 0);

    /// <summary>The value of a JSON element.</summary>
    public static JsonScalar From(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => From(element.GetString()),
        JsonValueKind.True => From(true),
        JsonValueKind.False => From(false),
        JsonValueKind.Number => FromNumber(element),
        JsonValueKind.Object or JsonValueKind.Array => Composite,
        _ => Null,
    };

    /// <summary>The value at a dotted path of object members; null when there is none.</summary>
    public static JsonScalar At(JsonElement root, string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var value = root;
        foreach (var part in path.AsSpan().Split('.'))
        {
            if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(path.AsSpan(part), out value))
                return Null;
        }

        return From(value);
    }

    /// <summary>Equality of filters: same kind and value; numbers by value.</summary>
    public bool Matches(JsonScalar other) =>
        IsNumber && other.IsNumber ? CompareNumbers(this, other) == 0
        : Kind == other.Kind && Kind switch
        {
            JsonScalarKind.Null => true,
            JsonScalarKind.Boolean => _integer == other._integer,
            JsonScalarKind.Text => string.Equals(_text, other._text, StringComparison.Ordinal),
            _ => false,
        };

    /// <summary>Order of filters, or null when the two are not both numbers or both texts.</summary>
    public int? TryCompare(JsonScalar other) =>
        IsNumber && other.IsNumber ? CompareNumbers(this, other)
        : Kind == JsonScalarKind.Text && other.Kind == JsonScalarKind.Text ? CompareText(_text!, other._text!)
        : null;

    /// <summary>Order of sorts: nulls and composites, then numbers and booleans, then text.</summary>
    public int CompareForSort(JsonScalar other)
    {
        var (mine, theirs) = (SortClass(Kind), SortClass(other.Kind));
        if (mine != theirs)
            return mine.CompareTo(theirs);
        return mine switch
        {
            0 => 0,
            1 => CompareNumbers(this, other),
            _ => CompareText(_text!, other._text!),
        };
    }

    /// <summary>Order of text by code point, which is that of its UTF-8 bytes and differs from UTF-16 order above U+D7FF.</summary>
    public static int CompareText(string left, string right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        var common = left.AsSpan().CommonPrefixLength(right);
        if (common == left.Length || common == right.Length)
            return left.Length.CompareTo(right.Length);
        return CodePointRank(left[common]).CompareTo(CodePointRank(right[common]));

        // Surrogates stand for code points above U+FFFF, so they rank after U+E000 to U+FFFF.
        static int CodePointRank(char c) => c < 0xD800 ? c : c >= 0xE000 ? c - 0x800 : c + 0x2000;
    }

    private static int SortClass(JsonScalarKind kind) => kind switch
    {
        JsonScalarKind.Null or JsonScalarKind.Composite => 0,
        JsonScalarKind.Text => 2,
        _ => 1,
    };

    private static JsonScalar FromNumber(JsonElement element)
    {
        var text = element.GetRawText();
        return text.AsSpan().IndexOfAny('.', 'e', 'E') < 0 && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
            ? From(whole)
            : From(element.GetDouble());
    }

    private static int CompareNumbers(JsonScalar left, JsonScalar right)
    {
        if (left.Kind != JsonScalarKind.Real && right.Kind != JsonScalarKind.Real)
            return left._integer.CompareTo(right._integer);
        if (left.Kind == JsonScalarKind.Real && right.Kind == JsonScalarKind.Real)
            return left._real.CompareTo(right._real);
        return left.Kind == JsonScalarKind.Real ? -CompareMixed(right._integer, left._real) : CompareMixed(left._integer, right._real);
    }

    /// <summary>Exact comparison: a cast of the integer alone would lose its last bits above 2^53.</summary>
    private static int CompareMixed(long integer, double real)
    {
        if (real >= 9223372036854775808.0)
            return -1;
        if (real < -9223372036854775808.0)
            return 1;
        var truncated = (long)real;
        return integer != truncated ? integer.CompareTo(truncated) : ((double)truncated).CompareTo(real);
    }
}
