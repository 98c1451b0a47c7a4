using System.Buffers;
using System.Globalization;
using Nexus.Finance.Ledger.Money;

namespace Nexus.Finance.Ledger.Imports;

/// <summary>Finds which mark separates decimals, by the evidence of a whole column or file, and reads amounts by it.</summary>
internal sealed class NumberMarks
{
    private const int MaxLength = 80;

    private static readonly SearchValues<char> Signs = SearchValues.Create("€£₽₹₺₩");
    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789");
    private int _dot;
    private int _comma;
    private int _dotLine;
    private int _commaLine;
    private int _unclear;
    private int _unclearLine;
    private string _unclearText = "";
    private string _dotText = "";
    private string _commaText = "";

    /// <summary>Looks at one amount.</summary>
    public void Observe(int line, string text)
    {
        Span<char> buffer = stackalloc char[MaxLength];
        if (!Core(text, buffer, out var core, out _)) return;
        var evidence = Evidence(core);
        // What cannot be read by the mark that it seems to show is damaged and shows nothing.
        if (evidence is '.' or ',' && !TryRead(text, evidence, out _, out _)) return;
        switch (evidence)
        {
            case '.' when _dot++ == 0: (_dotLine, _dotText) = (line, text); break;
            case ',' when _comma++ == 0: (_commaLine, _commaText) = (line, text); break;
            case '?' when _unclear++ == 0: (_unclearLine, _unclearText) = (line, text.Trim()); break;
        }
    }

    /// <summary>The decimal mark, or null after the question was put.</summary>
    /// <param name="log">Where the question goes.</param>
    /// <param name="answer">Answer of a profile: <c>.</c> or <c>,</c>.</param>
    /// <param name="standard">The mark that the format prescribes when nothing else speaks; null when it prescribes none.</param>
    public char? Decide(ReadingLog log, string? answer, char? standard = null)
    {
        if (answer is "." or "dot" or "point") return '.';
        if (answer is "," or "comma") return ',';
        if (_dot > 0 && _comma > 0)
        {
            Ask(log, $"Line {_dotLine} (\"{ReadingLimits.Short(_dotText.Trim())}\") reads as a dot before the decimals, line {_commaLine} (\"{ReadingLimits.Short(_commaText.Trim())}\") as a comma.");
            return null;
        }
        if (_dot + _comma > 0) return _dot > 0 ? '.' : ',';
        if (_unclear == 0 || standard is not null) return standard ?? '.';
        Ask(log, $"Is the mark in \"{ReadingLimits.Short(_unclearText)}\" (line {_unclearLine}) before decimals or between thousands? No other amount of the file shows it.");
        return null;
    }

    /// <summary>Reads an amount by a decimal mark; false with a reason when it cannot be read so.</summary>
    public static bool TryRead(string text, char decimalMark, out ExactDecimal value, out string reason)
    {
        value = default;
        reason = "";
        Span<char> buffer = stackalloc char[MaxLength];
        if (!Core(text, buffer, out var core, out var negative))
        {
            reason = $"\"{ReadingLimits.Short(text.Trim())}\" is not an amount.";
            return false;
        }
        var thousands = decimalMark == '.' ? ',' : '.';
        var mark = core.IndexOf(decimalMark);
        var whole = mark < 0 ? core : core[..mark];
        var fraction = mark < 0 ? [] : core[(mark + 1)..];
        if (fraction.ContainsAnyExcept(Digits))
        {
            reason = $"\"{ReadingLimits.Short(text.Trim())}\" does not fit numbers with {(decimalMark == '.' ? "a dot" : "a comma")} before the decimals, which the rest of the file has.";
            return false;
        }
        if (whole.Contains(thousands) && !AreGroups(whole.ToString(), thousands))
        {
            reason = $"\"{ReadingLimits.Short(text.Trim())}\" has a \"{thousands}\" where no thousands mark can be; decimals follow a \"{decimalMark}\" in this file.";
            return false;
        }
        Span<char> plain = stackalloc char[MaxLength + 3];
        var length = 0;
        if (negative) plain[length++] = '-';
        plain[length++] = '0';
        foreach (var c in whole)
        {
            if (c != thousands) plain[length++] = c;
        }
        if (fraction.Length > 0) plain[length++] = '.';
        fraction.CopyTo(plain[length..]);
        if (ExactDecimal.TryParse(plain[..(length + fraction.Length)], out value)) return true;
        reason = $"\"{ReadingLimits.Short(text.Trim())}\" has more digits than an amount can have.";
        return false;
    }

    /// <summary>Whether a text looks like an amount at all.</summary>
    public static bool IsNumeric(string text)
    {
        Span<char> buffer = stackalloc char[MaxLength];
        return Core(text, buffer, out _, out _);
    }

    /// <summary>The currency that an amount's own text names beyond doubt; null for none, and for signs of several such as $.</summary>
    public static string? CurrencyIn(string text)
    {
        var letters = string.Concat(text.Where(char.IsLetter)).ToUpperInvariant();
        if (Commodity.IsCurrencyCode(letters)) return letters;
        return letters switch { "ZŁ" => "PLN", "KČ" => "CZK", "FT" => "HUF", _ => letters.Length > 0 ? null : text.AsSpan().IndexOfAny(Signs) is >= 0 and var at ? text[at] switch { '€' => "EUR", '£' => "GBP", '₽' => "RUB", '₹' => "INR", '₺' => "TRY", _ => "KRW" } : null };
    }

    private static void Ask(ReadingLog log, string text) => log.Ask("decimal_mark", text,
        new ReadingOption(".", "a dot is before the decimals: 1,234.56"), new ReadingOption(",", "a comma is before the decimals: 1.234,56"));

    // '.' or ',' = that mark is the decimal one for sure; '?' = one mark with three digits behind it; ' ' = says nothing.
    private static char Evidence(ReadOnlySpan<char> core)
    {
        var (dot, comma) = (core.LastIndexOf('.'), core.LastIndexOf(','));
        if (dot >= 0 && comma >= 0) return dot > comma ? '.' : ',';
        if (dot < 0 && comma < 0) return ' ';
        var (at, mark) = dot >= 0 ? (dot, '.') : (comma, ',');
        var other = mark == '.' ? ',' : '.';
        if (core.IndexOf(mark) != at) return other;
        if (core.Length - at - 1 != 3) return mark;
        return at is 0 or > 3 || core[0] == '0' ? mark : '?';
    }

    private static bool AreGroups(string whole, char mark)
    {
        var groups = whole.Split(mark);
        if (groups[0].Length is 0 or > 3 || groups[^1].Length != 3) return false;
        var western = groups.Skip(1).All(g => g.Length == 3);
        var indian = groups.Length > 1 && groups.Skip(1).SkipLast(1).All(g => g.Length == 2) && groups[0].Length <= 2;
        return western || indian;
    }

    // Digits and marks of an amount, without sign, currency and blanks; false when the text is no amount.
    private static bool Core(string text, Span<char> buffer, out ReadOnlySpan<char> core, out bool negative)
    {
        core = default;
        negative = false;
        if (text.Length is 0 or > MaxLength) return false;
        Span<char> letters = stackalloc char[4];
        var (length, minus, plus, parens, count) = (0, 0, 0, 0, 0);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (char.IsAsciiDigit(c) || c is '.' or ',') buffer[length++] = c;
            else if (c is '-' or '\u2212' or '\u2013' or '\uFE63' or '\uFF0D') minus++;
            else if (c == '+') plus++;
            else if (c is '(' or ')') parens += c == '(' ? 1 : 100;
            else if (char.IsLetter(c))
            {
                if (count == letters.Length) return false;
                letters[count++] = char.ToUpperInvariant(c);
            }
            else if (c is '\'' or '\u2019' or '_' && length > 0 && i + 1 < text.Length && char.IsAsciiDigit(text[i + 1])) continue;
            else if (!char.IsWhiteSpace(c) && c is not ('\u202F' or '\u200E' or '\u200F') && char.GetUnicodeCategory(c) != UnicodeCategory.CurrencySymbol) return false;
        }
        core = buffer[..length];
        if (minus + plus > 1 || parens is not (0 or 101) || (parens == 101 && minus + plus > 0)) return false;
        if (!core.ContainsAny(Digits) || BrokenDigits(text)) return false;
        var word = count == 0 ? "" : letters[..count].ToString();
        var debit = word is "DR" or "DB" or "D" or "S";
        if (count > 0 && !debit && !IsUnit(word)) return false;
        if (debit && minus > 0) return false;
        negative = minus > 0 || parens == 101 || debit;
        return true;
    }

    private static bool IsUnit(string word) => word is "CR" or "C" or "H" or "R" or "FR" or "KR" or "KČ" or "ZŁ" or "FT" or "RS" or "SFR" or "US" or "CA" or "AU" or "A" or "RM" or "LEI" || Commodity.IsCurrencyCode(word);

    // "12 34" is two numbers unless its blanks stand before three digits; "12-34" and "12/34" are none at all.
    private static bool BrokenDigits(string text)
    {
        var first = text.AsSpan().IndexOfAny(Digits);
        var last = text.AsSpan().LastIndexOfAny(Digits);
        for (var i = first; i < last; i++)
        {
            var c = text[i];
            if (char.IsAsciiDigit(c) || c is '.' or ',' or '\'' or '\u2019' or '_') continue;
            if (!char.IsWhiteSpace(c)) return true;
            var run = text.AsSpan(i + 1).IndexOfAnyExcept(Digits);
            var length = run < 0 ? text.Length - i - 1 : run;
            if (length != 3 && !(length == 2 && text.Length > i + 3)) return true;
        }
        return false;
    }
}
