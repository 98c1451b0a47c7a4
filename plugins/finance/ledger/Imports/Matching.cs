using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Nexus.Finance.Ledger.Books;

namespace Nexus.Finance.Ledger.Imports;

/// <summary>What a book already has on an account, one entry a live posting.</summary>
/// <param name="Journal">Its journal.</param>
/// <param name="Day">Day of booking.</param>
/// <param name="Units">Signed units.</param>
/// <param name="Commodity">What is counted.</param>
/// <param name="Key">Normalised text by which it was imported or is known.</param>
/// <param name="Reference">The bank's id, or null.</param>
internal sealed record BookLine(string Journal, DateOnly Day, Int128 Units, string Commodity, string Key, string? Reference);

/// <summary>A line of a file on its way into the book.</summary>
/// <param name="Line">The line.</param>
/// <param name="Units">Signed units in the commodity's scale.</param>
/// <param name="Commodity">What is counted.</param>
internal sealed record FileLine(StatementLine Line, Int128 Units, string Commodity)
{
    /// <summary>Normalised text.</summary>
    public string Key { get; } = Matching.Normalise($"{Line.Payee} {Line.Memo} {Line.CheckNumber}");
}

/// <summary>What happens to a line, and why.</summary>
/// <param name="Line">The line.</param>
/// <param name="Kind"><c>new</c>, <c>duplicate</c> or <c>ignored</c>.</param>
/// <param name="Reason">Why, for people.</param>
/// <param name="Occurrence">Which of the equal lines of the file it is, from 1.</param>
/// <param name="Score">Likeness of <paramref name="Candidate"/>, 0 to 100; null without one.</param>
/// <param name="Candidate">Journal that it equals or resembles, or null.</param>
internal sealed record Decision(FileLine Line, string Kind, string Reason, int Occurrence, int? Score = null, string? Candidate = null);

/// <summary>Decides which lines of a file a book already has. The bank's id decides where there is one; without it equal lines are counted: a file with n of them adds what the book lacks of n. Likeness is only ever proposed.</summary>
internal sealed class Matching
{
    private const int NearDays = 5;
    private readonly Dictionary<string, List<BookLine>> _byReference = new(StringComparer.Ordinal);
    private readonly Dictionary<(DateOnly, Int128, string, string), Queue<BookLine>> _byText = [];
    private readonly Dictionary<(Int128, string), List<BookLine>> _byUnits = [];
    private readonly HashSet<BookLine> _used = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, FileLine> _seenReferences = new(StringComparer.Ordinal);
    private readonly Dictionary<(DateOnly, Int128, string, string), int> _occurrences = [];

    private Matching(IEnumerable<BookLine> book)
    {
        foreach (var line in book)
        {
            if (line.Reference is { } reference) Append(_byReference, reference, line);
            if (!_byText.TryGetValue((line.Day, line.Units, line.Commodity, line.Key), out var equal)) _byText[(line.Day, line.Units, line.Commodity, line.Key)] = equal = new Queue<BookLine>();
            equal.Enqueue(line);
            Append(_byUnits, (line.Units, line.Commodity), line);
        }
    }

    /// <summary>Decides on all lines of one account, in their order.</summary>
    public static ImmutableArray<Decision> Decide(IReadOnlyList<FileLine> file, IEnumerable<BookLine> book)
    {
        var matching = new Matching(book);
        // Ids first over the whole file: a line with one must not lose its own posting to an equal line without.
        var decisions = new Decision?[file.Count];
        for (var i = 0; i < file.Count; i++) decisions[i] = matching.ByReference(file[i]);
        for (var i = 0; i < file.Count; i++) decisions[i] ??= matching.ByText(file[i]);
        return [.. decisions.Select(d => d!)];
    }

    /// <summary>Text without what banks vary between exports: case, accents, blanks, marks.</summary>
    public static string Normalise(string text)
    {
        var result = new StringBuilder(text.Length);
        foreach (var c in text.Normalize(NormalizationForm.FormKD))
        {
            if (char.IsLetterOrDigit(c)) result.Append(char.ToLowerInvariant(c));
            else if (char.GetUnicodeCategory(c) != UnicodeCategory.NonSpacingMark && result.Length > 0 && result[^1] != ' ') result.Append(' ');
        }
        return result.ToString().TrimEnd();
    }

    private Decision? ByReference(FileLine line)
    {
        if (line.Line.Amount.Sign == 0) return new Decision(line, "ignored", "The amount is zero: there is nothing to book.", 1);
        if (line.Line.Reference is not { } reference) return null;
        if (_seenReferences.TryGetValue(reference, out var earlier))
        {
            if (earlier.Units == line.Units && earlier.Line.Date == line.Line.Date && earlier.Key == line.Key) return new Decision(line, "duplicate", $"The file has this line twice under the one id {reference} (also line {earlier.Line.Line}).", 2);
        }
        else _seenReferences[reference] = line;
        if (!_byReference.TryGetValue(reference, out var known)) return null;
        var same = known.Find(b => b.Units == line.Units && b.Commodity == line.Commodity && Math.Abs(b.Day.DayNumber - line.Line.Date.DayNumber) <= NearDays && !_used.Contains(b));
        if (same is null) return null;
        _used.Add(same);
        return new Decision(line, "duplicate", $"The book has the bank's id {reference} with this amount on {same.Day.Stored()}.", 1, 100, same.Journal);
    }

    private Decision ByText(FileLine line)
    {
        var key = (line.Line.Date, line.Units, line.Commodity, line.Key);
        var occurrence = _occurrences[key] = _occurrences.GetValueOrDefault(key) + 1;
        if (_byText.TryGetValue(key, out var equal) && TakeEqual(equal, line) is { } match)
        {
            return new Decision(line, "duplicate", $"The book has an equal line: same day, amount and text (number {occurrence} of its kind in the file).", occurrence, 100, match.Journal);
        }
        var reason = new StringBuilder(occurrence == 1 ? "New: the book has no equal line." : $"New: number {occurrence} of equal lines in the file, more than the book has.");
        if (line.Line.Reference is { } reference)
        {
            if (_byReference.TryGetValue(reference, out var known) && known[0] is var other) reason.Append(CultureInfo.InvariantCulture, $" The bank used its id {reference} before for another line ({other.Day.Stored()}, other day or amount), so the id was not trusted.");
            else if (_seenReferences[reference] != line) reason.Append(CultureInfo.InvariantCulture, $" The bank uses its id {reference} for two different lines of this file (also line {_seenReferences[reference].Line.Line}); both are kept.");
        }
        var (candidate, score, why) = Nearest(line);
        if (candidate is null) return new Decision(line, "new", reason.ToString(), occurrence);
        reason.Append(CultureInfo.InvariantCulture, $" It resembles a line of the book ({why}); look whether it is the same.");
        return new Decision(line, "new", reason.ToString(), occurrence, score, candidate.Journal);
    }

    // A line with an id never equals a posting that the bank gave another id: those are two bookings.
    private BookLine? TakeEqual(Queue<BookLine> equal, FileLine line)
    {
        for (var n = equal.Count; n > 0; n--)
        {
            var candidate = equal.Dequeue();
            if (_used.Contains(candidate)) continue;
            if (line.Line.Reference is null || candidate.Reference is null || candidate.Reference == line.Line.Reference)
            {
                _used.Add(candidate);
                return candidate;
            }
            equal.Enqueue(candidate);
        }
        return null;
    }

    private (BookLine? Line, int Score, string Why) Nearest(FileLine line)
    {
        if (!_byUnits.TryGetValue((line.Units, line.Commodity), out var same)) return (null, 0, "");
        BookLine? best = null;
        var (bestScore, why) = (0, "");
        // The list is sorted by day; only those within the window are looked at, and of them at most 50.
        var from = LowerBound(same, line.Line.Date.AddDays(-NearDays));
        for (var i = from; i < same.Count && i < from + 50 && same[i].Day.DayNumber - line.Line.Date.DayNumber <= NearDays; i++)
        {
            var candidate = same[i];
            if (_used.Contains(candidate) || (line.Line.Reference is not null && candidate.Reference is not null)) continue;
            var days = Math.Abs(candidate.Day.DayNumber - line.Line.Date.DayNumber);
            var likeness = Likeness(candidate.Key, line.Key);
            var score = (likeness * 7 / 10) + (30 - (days * 5));
            if (likeness < 40 || score <= bestScore) continue;
            (best, bestScore, why) = (candidate, score, $"same amount, {days} day(s) apart, text {likeness} % alike");
        }
        return (best, bestScore, why);
    }

    private static int LowerBound(List<BookLine> lines, DateOnly day)
    {
        var (low, high) = (0, lines.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (lines[middle].Day < day) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    // Share of words in common, in percent (Dice).
    private static int Likeness(string a, string b)
    {
        if (a == b) return 100;
        var (first, second) = (a.Split(' ').ToHashSet(StringComparer.Ordinal), b.Split(' ').ToHashSet(StringComparer.Ordinal));
        return 200 * first.Count(second.Contains) / (first.Count + second.Count);
    }

    private static void Append<TKey>(Dictionary<TKey, List<BookLine>> map, TKey key, BookLine line)
        where TKey : notnull
    {
        if (!map.TryGetValue(key, out var list)) map[key] = list = [];
        list.Add(line);
    }
}
