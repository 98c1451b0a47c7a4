using System.Collections.Immutable;
using Nexus.Finance.Ledger.Money;

namespace Nexus.Finance.Ledger.Imports;

/// <summary>One statement of a file, as it was read and before it meets a book.</summary>
internal sealed record ParsedStatement
{
    /// <summary>Account number, card number or IBAN as the file states it; null when it states none.</summary>
    public string? Account { get; init; }

    /// <summary>Bank or broker id; null when the file states none.</summary>
    public string? Bank { get; init; }

    /// <summary>Kind of account in the words of the format: <c>CHECKING</c>, <c>CREDITCARD</c>, <c>Bank</c>.</summary>
    public string? AccountType { get; init; }

    /// <summary>Currency code; null when the file states none.</summary>
    public string? Currency { get; init; }

    /// <summary>First day that the statement covers.</summary>
    public DateOnly? From { get; init; }

    /// <summary>Last day that the statement covers.</summary>
    public DateOnly? To { get; init; }

    /// <summary>Balance of the bank's books; null when not stated.</summary>
    public ExactDecimal? LedgerBalance { get; init; }

    /// <summary>Day of <see cref="LedgerBalance"/>.</summary>
    public DateOnly? BalanceOn { get; init; }

    /// <summary>Lines in the order of the file.</summary>
    public ImmutableArray<StatementLine> Lines { get; init; } = [];
}

/// <summary>One booked line of a statement.</summary>
internal sealed record StatementLine
{
    /// <summary>Line of the file on which it begins, from 1.</summary>
    public required int Line { get; init; }

    /// <summary>Day on which it was booked, as the bank's own clock had it.</summary>
    public required DateOnly Date { get; init; }

    /// <summary>Day from which it counts for interest, when stated.</summary>
    public DateOnly? ValueDate { get; init; }

    /// <summary>Signed amount: above zero when it raises the account's balance.</summary>
    public required ExactDecimal Amount { get; init; }

    /// <summary>Currency of this line when it differs from the statement's.</summary>
    public string? Currency { get; init; }

    /// <summary>Who was paid or paid.</summary>
    public string? Payee { get; init; }

    /// <summary>Free text.</summary>
    public string? Memo { get; init; }

    /// <summary>The bank's own id of the line, such as FITID.</summary>
    public string? Reference { get; init; }

    /// <summary>Kind of line in the words of the format.</summary>
    public string? Type { get; init; }

    /// <summary>Cheque number.</summary>
    public string? CheckNumber { get; init; }

    /// <summary>Money category of the file.</summary>
    public string? Category { get; init; }

    /// <summary>The other account of a transfer.</summary>
    public string? TransferAccount { get; init; }

    /// <summary>Balance after the line when the file states it.</summary>
    public ExactDecimal? Balance { get; init; }

    /// <summary>Parts of the amount; their sum is the amount. Empty when it is not split.</summary>
    public ImmutableArray<StatementSplit> Splits { get; init; } = [];

    /// <summary>The text of the file that it was read from, at most 4,000 characters.</summary>
    public string Raw { get; init; } = "";
}

/// <summary>A part of a line.</summary>
/// <param name="Amount">Signed as the line's.</param>
/// <param name="Category">Money category, or null.</param>
/// <param name="TransferAccount">The other account of a transfer, or null.</param>
/// <param name="Memo">Free text, or null.</param>
internal sealed record StatementSplit(ExactDecimal Amount, string? Category, string? TransferAccount, string? Memo);

/// <summary>All that was found in a file.</summary>
internal sealed record StatementReading
{
    /// <summary><c>ofx</c>, <c>qif</c> or <c>csv</c>.</summary>
    public required string Format { get; init; }

    /// <summary>How it was read: encoding, delimiter, date order, decimal mark, …</summary>
    public ImmutableSortedDictionary<string, string> Dialect { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>The statements. Incomplete when there are problems or questions.</summary>
    public ImmutableArray<ParsedStatement> Statements { get; init; } = [];

    /// <summary>What cannot be read.</summary>
    public ImmutableArray<ReadingNote> Problems { get; init; } = [];

    /// <summary>What can be read in more than one way.</summary>
    public ImmutableArray<ReadingQuestion> Questions { get; init; } = [];

    /// <summary>Parts that are left out on purpose, each with its reason.</summary>
    public ImmutableArray<ReadingNote> Skipped { get; init; } = [];

    /// <summary>What a careful reader should know; nothing is lost by it.</summary>
    public ImmutableArray<ReadingNote> Notes { get; init; } = [];

    /// <summary>Throws when the file has a problem or an open question.</summary>
    /// <exception cref="NexusException"><c>IMPORT_UNREADABLE</c> or <c>IMPORT_AMBIGUOUS</c>, each place listed.</exception>
    public StatementReading OrThrow()
    {
        if (Problems.Length > 0)
        {
            throw new NexusException(ErrorCodes.ImportUnreadable, $"The file was taken for {Format.ToUpperInvariant()} and has {Problems.Length} place(s) that cannot be read; the first: line {Problems[0].Line}: {Problems[0].Text} Nothing was imported.")
            {
                Errors = [.. Problems.Take(100).Select(p => new FieldError($"/lines/{p.Line}", "unreadable", p.Text))],
            };
        }
        if (Questions.Length == 0) return this;
        throw new NexusException(ErrorCodes.ImportAmbiguous, $"{Questions[0].Text} ({Questions.Length} question(s); answer in a profile or as answer.{Questions[0].Id}=…). Nothing was imported.")
        {
            Errors = [.. Questions.Select(q => new FieldError($"/answers/{q.Id}", "ambiguous", $"{q.Text} One of: {string.Join("; ", q.Options.Select(o => $"{o.Value} ({o.Meaning})"))}."))],
        };
    }
}

/// <summary>A remark on a place of a file.</summary>
/// <param name="Line">Line, from 1; 0 for the whole file.</param>
/// <param name="Text">What is there and what it means.</param>
internal sealed record ReadingNote(int Line, string Text);

/// <summary>A question that the file leaves open.</summary>
/// <param name="Id">Key of the answer in a profile, such as <c>date_order</c>.</param>
/// <param name="Text">The question, with the evidence.</param>
/// <param name="Options">Every possible answer.</param>
internal sealed record ReadingQuestion(string Id, string Text, ImmutableArray<ReadingOption> Options);

/// <summary>A possible answer.</summary>
/// <param name="Value">What to write in the profile.</param>
/// <param name="Meaning">What it does to the file.</param>
internal sealed record ReadingOption(string Value, string Meaning);

/// <summary>Answers to questions, by their ids; from a saved profile or the request.</summary>
/// <param name="Values">The answers; keys are compared without case.</param>
internal sealed record ReadingAnswers(ImmutableDictionary<string, string> Values)
{
    /// <summary>No answers.</summary>
    public static ReadingAnswers None { get; } = new(ImmutableDictionary.Create<string, string>(StringComparer.OrdinalIgnoreCase));

    /// <summary>The answer, or null.</summary>
    public string? this[string id] => Values.TryGetValue(id, out var value) && value.Length > 0 ? value : null;
}

/// <summary>Collects what is found while a file is read. Lists are capped, counts are exact in the last entry.</summary>
internal sealed class ReadingLog
{
    private const int Cap = 1_000;
    private readonly List<ReadingNote> _problems = [];
    private readonly List<ReadingNote> _skipped = [];
    private readonly List<ReadingNote> _notes = [];
    private readonly List<ReadingQuestion> _questions = [];

    /// <summary>Whether anything stops the import.</summary>
    public bool Blocked => _problems.Count + _questions.Count > 0;

    /// <summary>Records what cannot be read.</summary>
    public void Problem(int line, string text) => Add(_problems, line, text);

    /// <summary>Records what is left out.</summary>
    public void Skip(int line, string text) => Add(_skipped, line, text);

    /// <summary>Records a remark.</summary>
    public void Note(int line, string text) => Add(_notes, line, text);

    /// <summary>Records an open question, once an id.</summary>
    public void Ask(string id, string text, params ReadOnlySpan<ReadingOption> options)
    {
        if (!_questions.Exists(q => q.Id == id)) _questions.Add(new ReadingQuestion(id, text, [.. options]));
    }

    /// <summary>Makes the result.</summary>
    public StatementReading Finish(string format, ImmutableArray<ParsedStatement> statements, IEnumerable<KeyValuePair<string, string>> dialect) => new()
    {
        Format = format,
        Statements = statements,
        Dialect = dialect.ToImmutableSortedDictionary(StringComparer.Ordinal),
        Problems = [.. _problems],
        Questions = [.. _questions],
        Skipped = [.. _skipped],
        Notes = [.. _notes],
    };

    private static void Add(List<ReadingNote> list, int line, string text)
    {
        if (list.Count < Cap) list.Add(new ReadingNote(line, text));
        else if (list.Count == Cap) list.Add(new ReadingNote(line, "There are more such places; the list ends here."));
    }
}

/// <summary>Bounds of a file; beyond them it is refused whole.</summary>
internal static class ReadingLimits
{
    /// <summary>Greatest size of a file.</summary>
    public const int Bytes = 50 * 1024 * 1024;

    /// <summary>Greatest number of lines.</summary>
    public const int Lines = 2_000_000;

    /// <summary>Greatest number of booked lines of one import: it is one unit of work, and is held in memory until it is booked.</summary>
    public const int Booked = 250_000;

    /// <summary>Greatest length of one field or line of text.</summary>
    public const int Field = 64 * 1024;

    /// <summary>Greatest number of fields a record.</summary>
    public const int Fields = 500;

    /// <summary>Cuts the text that is kept of the file for one line.</summary>
    public static string Raw(string text) => text.Length <= 4_000 ? text : text[..4_000] + "…";

    /// <summary>Cuts a text for a message.</summary>
    public static string Short(string text) => text.Length <= 60 ? text : text[..60] + "…";

    /// <summary>Null for an empty or blank text, else trimmed with runs of white space made one blank.</summary>
    public static string? Clean(string? text)
    {
        if (string.IsNullOrWhiteSpace(text)) return null;
        var trimmed = text.AsSpan().Trim();
        var buffer = new System.Text.StringBuilder(trimmed.Length);
        var blank = false;
        foreach (var c in trimmed)
        {
            var white = char.IsWhiteSpace(c) || char.IsControl(c);
            if (white && !blank) buffer.Append(' ');
            else if (!white) buffer.Append(c);
            blank = white;
        }
        return buffer.ToString();
    }
}
