namespace Nexus.Finance.Ledger.Money;

/// <summary>What is counted: a currency, a coin, a share. Its scale is fixed when it is made.</summary>
/// <param name="Code">2 to 12 capital letters, digits, dots or dashes, such as <c>EUR</c>.</param>
/// <param name="Scale">Digits after the mark, 0 to 18.</param>
internal sealed record Commodity(string Code, int Scale)
{
    private static readonly HashSet<string> Whole = new(StringComparer.Ordinal) { "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF" };

    private static readonly HashSet<string> Thousandths = new(StringComparer.Ordinal) { "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND" };

    /// <summary>A currency of three letters with the minor units of ISO 4217.</summary>
    public static Commodity Currency(string code) => new(code, Whole.Contains(code) ? 0 : Thousandths.Contains(code) ? 3 : 2);

    /// <summary>Whether a text has the form of a code.</summary>
    public static bool IsCode(string? code) =>
        code is { Length: >= 2 and <= 12 } && code.All(c => char.IsAsciiLetterUpper(c) || char.IsAsciiDigit(c) || c is '.' or '-') && char.IsAsciiLetterUpper(code[0]);

    /// <summary>Whether a text has the form of a currency code of ISO 4217.</summary>
    public static bool IsCurrencyCode(string? code) => code is { Length: 3 } && code.All(char.IsAsciiLetterUpper);
}
