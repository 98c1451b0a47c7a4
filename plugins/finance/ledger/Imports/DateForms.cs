using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;

namespace Nexus.Finance.Ledger.Imports;

/// <summary>Finds the order of day, month and year by the evidence of a whole column or file, and reads dates by it.</summary>
internal sealed class DateForms
{
    private static readonly SearchValues<char> TimeMarks = SearchValues.Create("0123456789:.+-TtZzAaPpMm UuCcGg,[]/");

    private static readonly string[] Orders = ["ymd", "dmy", "mdy", "ydm"];

    private static readonly ImmutableDictionary<string, int> Months = MonthNames();

    private readonly int[] _firstMiss = new int[Orders.Length];
    private readonly int[] _misses = new int[Orders.Length];
    private readonly string[] _missText = ["", "", "", ""];
    private readonly List<(DateOnly? Day, DateOnly? Month)> _pairs = [];
    private int _seen;
    private int _firstLine;
    private string _firstText = "";
    private bool _differ;
    private bool _dots = true;

    /// <summary>Looks at one date.</summary>
    public void Observe(int line, string text)
    {
        if (Split(text) is not { } parts) return;
        if (_seen++ == 0) (_firstLine, _firstText) = (line, text.Trim());
        for (var i = 0; i < Orders.Length; i++)
        {
            if (Make(parts, Orders[i]) is not null) continue;
            if (_misses[i]++ == 0) (_firstMiss[i], _missText[i]) = (line, text.Trim());
        }
        _dots &= text.Contains('.');
        var (dmy, mdy) = (Make(parts, "dmy"), Make(parts, "mdy"));
        _differ |= dmy != mdy;
        if (_pairs.Count < 10_000) _pairs.Add((dmy, mdy));
    }

    /// <summary>The order, or null after the question was put.</summary>
    public string? Decide(ReadingLog log, string? answer)
    {
        if (answer is not null && Array.IndexOf(Orders, answer.ToLowerInvariant()) >= 0) return answer.ToLowerInvariant();
        if (_seen == 0) return "ymd";
        var possible = Orders.Where((_, i) => _firstMiss[i] == 0).ToList();
        if (possible.Contains("dmy") || possible.Contains("mdy")) possible.RemoveAll(o => o is "ymd" or "ydm");
        if (possible.Count == 0 && Clear() is { } clear) return clear;
        if (possible.Contains("ymd")) return "ymd";
        if (possible.Count == 1) return possible[0];
        if (possible.Count == 2 && !_differ) return "dmy";
        if (possible.Count == 2 && _dots) return "dmy";
        if (possible.Count == 2)
        {
            Ask(log, $"Is \"{ReadingLimits.Short(_firstText)}\" (line {_firstLine}) day first or month first? No date of the file shows it.{Hint()}");
            return null;
        }
        Ask(log, $"The dates do not fit one order: \"{ReadingLimits.Short(_missText[1])}\" (line {_firstMiss[1]}) cannot be day first, \"{ReadingLimits.Short(_missText[2])}\" (line {_firstMiss[2]}) cannot be month first.");
        return null;
    }

    /// <summary>Reads a date by an order; null when it cannot be read so.</summary>
    public static DateOnly? Read(string text, string order) => Split(text) is { } parts ? Make(parts, order) : null;

    /// <summary>Whether a text looks like a date in any order.</summary>
    public static bool IsDate(string text) => Split(text) is { } parts && Orders.Take(3).Any(o => Make(parts, o) is not null);

    private static void Ask(ReadingLog log, string text) => log.Ask("date_order", text,
        new ReadingOption("dmy", "the day is first: 31/12/2024"), new ReadingOption("mdy", "the month is first: 12/31/2024"));

    // A few damaged dates do not hide the order of all others; they are then refused by it, each with its line.
    private string? Clear()
    {
        // Year, day, month is in use nowhere: it only stands where year, month, day cannot.
        if (_misses[0] <= _misses[3]) _misses[3] = _seen;
        var best = Array.IndexOf(_misses, _misses.Min());
        var others = _misses.Where((_, i) => i != best).Min();
        return _misses[best] * 4 < others || (_misses[best] * 2 < _seen && others == _seen) ? Orders[best] : null;
    }

    private string Hint()
    {
        var (day, month) = (InOrder(p => p.Day), InOrder(p => p.Month));
        return day == month ? "" : $" Read {(day ? "day" : "month")} first, the lines are in order of date; the other way they are not.";
    }

    private bool InOrder(Func<(DateOnly? Day, DateOnly? Month), DateOnly?> pick)
    {
        var steps = _pairs.Zip(_pairs.Skip(1), (a, b) => Nullable.Compare(pick(a), pick(b))).ToList();
        return steps.TrueForAll(s => s <= 0) || steps.TrueForAll(s => s >= 0);
    }

    private readonly record struct Parts(int A, int B, int C, int LengthA, int LengthC, int NamedMonth);

    // Three numbers, or two and the name of a month; a time behind the date is passed over.
    private static Parts? Split(string text)
    {
        var s = text.AsSpan().Trim();
        if (s.Length is < 6 or > 64) return null;
        Span<int> values = stackalloc int[3];
        Span<int> lengths = stackalloc int[3];
        var (count, month, monthAt, i) = (0, 0, -1, 0);
        while (i < s.Length && count + (month > 0 ? 1 : 0) < 3)
        {
            var c = s[i];
            if (char.IsAsciiDigit(c))
            {
                var start = i;
                while (i < s.Length && char.IsAsciiDigit(s[i])) i++;
                var run = s[start..i];
                if (count == 0 && run.Length is 8 or 14 && month == 0) return Packed(run[..8]);
                if (run.Length > 4 || count == 3) return null;
                (values[count], lengths[count]) = (int.Parse(run, CultureInfo.InvariantCulture), run.Length);
                count++;
            }
            else if (char.IsLetter(c))
            {
                var start = i;
                while (i < s.Length && char.IsLetter(s[i])) i++;
                var word = s[start..i];
                if (month == 0 && FindMonth(word) is var found and > 0) (month, monthAt) = (found, count);
                else if (!IsFiller(word)) return null;
            }
            else if (c is '/' or '-' or '.' or ' ' or '\'' or ',' or '\u00A0' or '\u2019') i++;
            else return null;
        }
        if (count + (month > 0 ? 1 : 0) < 3 || !IsTime(s[i..])) return null;
        if (month == 0) return new Parts(values[0], values[1], values[2], lengths[0], lengths[2], 0);
        return monthAt is 0 or 1 ? new Parts(values[0], month, values[1], lengths[0], lengths[1], month) : null;
    }

    private static Parts? Packed(ReadOnlySpan<char> run)
    {
        var (y, m, d) = (Number(run[..4]), Number(run[4..6]), Number(run[6..]));
        if (m is >= 1 and <= 12 && y is >= 1900 and < 2200) return new Parts(y, m, d, 4, 2, 0);
        return new Parts(Number(run[..2]), Number(run[2..4]), Number(run[4..]), 2, 4, 0);
    }

    private static int Number(ReadOnlySpan<char> digits) => int.Parse(digits, CultureInfo.InvariantCulture);

    private static bool IsTime(ReadOnlySpan<char> rest)
    {
        rest = rest.Trim();
        return rest.IsEmpty || (rest.Length <= 40 && (rest[0] is 'T' or 't' or '-' or ',' or '+' or 'Z' || char.IsAsciiDigit(rest[0])) && !rest.ContainsAnyExcept(TimeMarks));
    }

    private static bool IsFiller(ReadOnlySpan<char> word) => word.Length <= 3 || DayName(word);

    private static bool DayName(ReadOnlySpan<char> word)
    {
        foreach (var day in CultureInfo.InvariantCulture.DateTimeFormat.DayNames)
        {
            if (word.Equals(day, StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }

    private static DateOnly? Make(Parts p, string order)
    {
        if (p.NamedMonth > 0) return p.LengthA == 4 ? Day(p.A, p.NamedMonth, p.C, 4) : Day(p.C, p.NamedMonth, p.A, p.LengthC);
        return order switch
        {
            "ymd" => p.LengthA is 4 or 2 && p.LengthC <= 2 ? Day(p.A, p.B, p.C, p.LengthA) : null,
            "ydm" => p.LengthA is 4 && p.LengthC <= 2 ? Day(p.A, p.C, p.B, p.LengthA) : null,
            "dmy" => p.LengthA <= 2 ? Day(p.C, p.B, p.A, p.LengthC) : null,
            _ => p.LengthA <= 2 ? Day(p.C, p.A, p.B, p.LengthC) : null,
        };
    }

    // Two digits mean 1970 to 2069: no statement in these formats is older.
    private static DateOnly? Day(int year, int month, int day, int yearLength)
    {
        if (yearLength is not (1 or 2 or 4)) return null;
        if (yearLength <= 2) year += year >= 70 ? 1900 : 2000;
        return year is >= 1900 and < 2200 && month is >= 1 and <= 12 && day >= 1 && day <= DateTime.DaysInMonth(year, month) ? new DateOnly(year, month, day) : null;
    }

    private static int FindMonth(ReadOnlySpan<char> word)
    {
        if (word.Length < 3) return 0;
        return Months.TryGetValue(word.ToString().ToLowerInvariant(), out var month) ? month : 0;
    }

    private static ImmutableDictionary<string, int> MonthNames()
    {
        var names = ImmutableDictionary.CreateBuilder<string, int>(StringComparer.Ordinal);
        string[] languages =
        [
            "jan feb mar apr may jun jul aug sep oct nov dec", "january february march april may june july august september october november december",
            "januar februar märz april mai juni juli august september oktober november dezember",
            "janvier février mars avril mai juin juillet août septembre octobre novembre décembre", "janv févr mars avr mai juin juil août sept oct nov déc",
            "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre", "ene feb mar abr may jun jul ago sep oct nov dic",
            "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre", "gen feb mar apr mag giu lug ago set ott nov dic",
            "januari februari maart april mei juni juli augustus september oktober november december", "jan feb mrt apr mei jun jul aug sep okt nov dec",
            "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro", "jan fev mar abr mai jun jul ago set out nov dez",
        ];
        foreach (var language in languages)
        {
            var words = language.Split(' ');
            for (var i = 0; i < words.Length; i++) names[words[i]] = i + 1;
        }
        names["jän"] = 1;
        names["mär"] = 3;
        names["sept"] = 9;
        names["febr"] = 2;
        return names.ToImmutable();
    }
}
