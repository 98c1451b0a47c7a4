using System.Text.RegularExpressions;

namespace Nexus.Finance.Ledger.Imports;

/// <summary>International bank account numbers (ISO 13616) within a text.</summary>
internal static partial class Iban
{
    /// <summary>Those whose check digits are right, without blanks.</summary>
    public static IEnumerable<string> In(string text) => text.Length > 400
        ? []
        : Form().Matches(text).Select(m => m.Value.Replace(" ", "", StringComparison.Ordinal)).Where(IsValid);

    // ISO 7064, MOD 97-10: the country and check digits moved to the end, letters as 10 to 35, the remainder by 97 is 1.
    private static bool IsValid(string iban)
    {
        if (iban.Length is < 15 or > 34) return false;
        var remainder = 0;
        for (var i = 0; i < iban.Length; i++)
        {
            var c = iban[(i + 4) % iban.Length];
            var value = char.IsAsciiDigit(c) ? c - '0' : c - 'A' + 10;
            remainder = ((remainder * (value > 9 ? 100 : 10)) + value) % 97;
        }
        return remainder == 1;
    }

    [GeneratedRegex(@"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{1,4}){3,8}\b", RegexOptions.CultureInvariant, 2000)]
    private static partial Regex Form();
}
