using System.Collections.Immutable;
using System.Globalization;
using Nexus.Finance.Ledger.Money;

namespace Nexus.Finance.Ledger.Imports;

/// <summary>Reads CSV of any bank: finds delimiter, header, columns, dates and number marks by the evidence of whole columns, and asks where that decides nothing.</summary>
internal static class Csv
{
    /// <summary>Reads a file.</summary>
    public static StatementReading Read(StatementText source, ReadingAnswers answers)
    {
        var log = new ReadingLog();
        var dialect = new Dictionary<string, string>(StringComparer.Ordinal) { ["encoding"] = source.Encoding, ["encodingReason"] = source.Reason };
        var table = CsvTable.Read(source.Value, answers["delimiter"], log);
        if (table is null) return log.Finish("csv", [], dialect);
        dialect["delimiter"] = table.Delimiter == '\t' ? "tab" : table.Delimiter.ToString();
        var columns = CsvColumns.Find(table, answers, log);
        if (columns is null) return log.Finish("csv", [], dialect);
        dialect["headerLine"] = columns.HeaderLine.ToString(CultureInfo.InvariantCulture);
        foreach (var (role, column) in columns.Describe()) dialect["column." + role] = column;
        var reader = new CsvReader(table, columns, answers, log);
        var statements = log.Blocked && !reader.CanDecide ? [] : reader.Statements(dialect);
        if (statements.Length == 0 && !log.Blocked) log.Problem(columns.HeaderLine, "No line of the file has both a date and an amount.");
        return log.Finish("csv", statements, dialect);
    }
}

/// <summary>Makes statements of the rows of one table.</summary>
internal sealed class CsvReader
{
    private static readonly ImmutableHashSet<string> DebitWords = ["D", "DR", "DB", "DEBIT", "AF", "S", "SOLL", "-", "OUT", "DEBET", "DÉBIT", "CARGO", "WITHDRAWAL", "LASTSCHRIFT", "DARE", "UIT"];
    private static readonly ImmutableHashSet<string> CreditWords = ["C", "CR", "CREDIT", "BIJ", "H", "HABEN", "+", "IN", "KREDIT", "CRÉDIT", "ABONO", "DEPOSIT", "GUTSCHRIFT", "AVERE"];

    private readonly CsvTable _table;
    private readonly CsvColumns _columns;
    private readonly ReadingLog _log;
    private readonly ReadingAnswers _answers;
    private readonly char? _mark;
    private readonly string? _order;
    private int _footer = int.MaxValue;

    /// <summary>Looks at all rows and decides marks and order.</summary>
    public CsvReader(CsvTable table, CsvColumns columns, ReadingAnswers answers, ReadingLog log)
    {
        (_table, _columns, _answers, _log) = (table, columns, answers, log);
        var (marks, dates) = (new NumberMarks(), new DateForms());
        foreach (var row in columns.Rows(table))
        {
            foreach (var column in columns.Numeric) marks.Observe(row.Line, row[column]);
            if (columns[CsvRole.Date] is { } date) dates.Observe(row.Line, row[date]);
            if (columns[CsvRole.ValueDate] is { } value) dates.Observe(row.Line, row[value]);
        }
        _mark = marks.Decide(log, answers["decimal_mark"]);
        _order = dates.Decide(log, answers["date_order"]);
    }

    /// <summary>Whether marks and order are known.</summary>
    public bool CanDecide => _mark is not null && _order is not null;

    /// <summary>One statement an account of the file.</summary>
    public ImmutableArray<ParsedStatement> Statements(Dictionary<string, string> dialect)
    {
        if (!CanDecide) return [];
        dialect["decimalMark"] = _mark!.Value.ToString();
        dialect["dateOrder"] = _order!;
        var rows = _columns.Rows(_table).ToList();
        _footer = rows.FindLastIndex(r => DateForms.Read(r[_columns[CsvRole.Date]!.Value], _order!) is not null);
        var accounts = new Dictionary<string, List<StatementLine>>(StringComparer.Ordinal);
        for (var i = 0; i < rows.Count; i++)
        {
            if (Line(rows[i], i > _footer) is not { } line) continue;
            var account = Cell(rows[i], CsvRole.Account) ?? "";
            if (!accounts.TryGetValue(account, out var lines)) accounts[account] = lines = [];
            lines.Add(line);
        }
        var flip = Sign(accounts, dialect);
        return [.. accounts.Select(a => Statement(a.Key, a.Value, flip))];
    }

    private ParsedStatement Statement(string account, List<StatementLine> lines, bool flip)
    {
        var currencies = lines.Select(l => l.Currency).Distinct().ToList();
        var currency = currencies.Count == 1 ? currencies[0] : null;
        var fixedLines = lines.Select(l => l with { Currency = currency is null ? l.Currency : null, Amount = flip ? l.Amount.Negate() : l.Amount }).ToImmutableArray();
        var newestFirst = CsvProof.Check(lines, flip) is CsvOrder.NewestFirst;
        var last = newestFirst ? fixedLines[0] : fixedLines[^1];
        return new ParsedStatement
        {
            Account = account.Length > 0 ? account : _columns.NamedAccount,
            Currency = currency ?? _columns.HeaderCurrency,
            From = lines.Min(l => l.Date),
            To = lines.Max(l => l.Date),
            LedgerBalance = last.Balance,
            BalanceOn = last.Balance is null ? null : last.Date,
            Lines = fixedLines,
        };
    }

    private bool Sign(Dictionary<string, List<StatementLine>> accounts, Dictionary<string, string> dialect)
    {
        if (_answers["sign"] is { } answer && answer is "as_written" or "inverted")
        {
            dialect["sign"] = answer;
            return answer == "inverted";
        }
        if (_columns[CsvRole.Balance] is null)
        {
            var amounts = accounts.Values.SelectMany(l => l).Select(l => l.Amount.Sign).ToList();
            if (_columns[CsvRole.Amount] is not null && _columns[CsvRole.Sign] is null && amounts.Count(s => s > 0) > amounts.Count(s => s < 0))
                _log.Note(0, "Most amounts are above zero and no balance proves their sign: where the file writes spending above zero, as card issuers do, answer sign=inverted.");
            return false;
        }
        var (straight, inverted) = (true, true);
        foreach (var lines in accounts.Values)
        {
            straight &= CsvProof.Check(lines, flip: false) is not CsvOrder.None;
            inverted &= CsvProof.Check(lines, flip: true) is not CsvOrder.None;
        }
        dialect["balanceProof"] = straight ? "the running balance confirms amounts, sign and order" : inverted ? "the running balance proves that amounts have the other sign" : "the running balance does not follow from the amounts";
        if (straight || !inverted)
        {
            if (!straight) _log.Note(accounts.Values.First()[0].Line, "The balance column does not follow from the amounts in either order; lines may be missing, pending, or sorted otherwise.");
            return false;
        }
        _log.Note(0, "The balance column proves that the file writes money out above zero; every sign was turned.");
        return true;
    }

    private string? Cell(CsvRow row, CsvRole role) => _columns[role] is { } column ? ReadingLimits.Clean(row[column]) : null;

    private StatementLine? Line(CsvRow row, bool footer)
    {
        var dateText = row[_columns[CsvRole.Date]!.Value].Trim();
        var date = DateForms.Read(dateText, _order!);
        if (date is null)
        {
            if (footer || !dateText.Any(char.IsAsciiDigit)) _log.Skip(row.Line, dateText.Length == 0 ? "The row has no date: a total, a remark or a pending line." : $"\"{ReadingLimits.Short(dateText)}\" is no date: a total or a remark.");
            else _log.Problem(row.Line, $"\"{ReadingLimits.Short(dateText)}\" is not a date in the order {_order}, which the column has.");
            return null;
        }
        if (row.Cells.Length > _columns.Width && row.Cells.Skip(_columns.Width).Any(c => c.Length > 0))
        {
            _log.Problem(row.Line, $"The row has {row.Cells.Length} fields where the header has {_columns.Width}: a text or an amount holds an unquoted \"{_table.Delimiter}\".");
            return null;
        }
        if (_answers["unbooked"] is not "import" && Cell(row, CsvRole.Status) is { } status && CsvStatus.IsUnbooked(status))
        {
            _log.Skip(row.Line, $"The bank says \"{ReadingLimits.Short(status)}\": the line is not booked. Import it once it is, or answer unbooked=import.");
            return null;
        }
        if (Amount(row) is not { } amount) return null;
        var currency = Cell(row, CsvRole.Currency)?.ToUpperInvariant() ?? AmountCurrency(row);
        if (currency is not null && !Commodity.IsCode(currency))
        {
            _log.Problem(row.Line, $"\"{ReadingLimits.Short(currency)}\" is not a currency code.");
            return null;
        }
        return new StatementLine
        {
            Line = row.Line,
            Date = date.Value,
            ValueDate = Cell(row, CsvRole.ValueDate) is { } value ? DateForms.Read(value, _order!) : null,
            Amount = amount,
            Currency = currency ?? _columns.HeaderCurrency,
            Payee = Cell(row, CsvRole.Payee),
            Memo = Memo(row),
            Reference = Cell(row, CsvRole.Reference),
            Type = Cell(row, CsvRole.Type),
            CheckNumber = Cell(row, CsvRole.CheckNumber),
            Category = Cell(row, CsvRole.Category),
            Balance = Balance(row),
            Raw = row.Raw,
        };
    }

    private string? AmountCurrency(CsvRow row) => (_columns[CsvRole.Amount] ?? _columns[CsvRole.Debit]) is { } column
        ? NumberMarks.CurrencyIn(row[column]) ?? (_columns[CsvRole.Credit] is { } credit && _columns[CsvRole.Amount] is null ? NumberMarks.CurrencyIn(row[credit]) : null)
        : null;

    private string? Memo(CsvRow row)
    {
        var parts = _columns.Memo.Select(c => ReadingLimits.Clean(row[c])).Where(t => t is not null).Distinct(StringComparer.Ordinal);
        return ReadingLimits.Clean(string.Join(" ", parts));
    }

    private ExactDecimal? Balance(CsvRow row)
    {
        if (Cell(row, CsvRole.Balance) is not { } text) return null;
        if (NumberMarks.TryRead(text, _mark!.Value, out var value, out var reason)) return value;
        _log.Note(row.Line, $"Balance: {reason} It is not needed.");
        return null;
    }

    private ExactDecimal? Amount(CsvRow row)
    {
        if (_columns[CsvRole.Amount] is { } column)
        {
            if (string.IsNullOrWhiteSpace(row[column]))
            {
                _log.Skip(row.Line, "The row has a date but no amount: a remark or a pending line.");
                return null;
            }
            return Read(row, column) is { } amount ? Signed(row, amount) : null;
        }
        var (debit, credit) = (row[_columns[CsvRole.Debit]!.Value], row[_columns[CsvRole.Credit]!.Value]);
        if (string.IsNullOrWhiteSpace(debit) && string.IsNullOrWhiteSpace(credit))
        {
            _log.Skip(row.Line, "The row has a date but no amount: a remark or a pending line.");
            return null;
        }
        var paid = string.IsNullOrWhiteSpace(debit) ? ExactDecimal.Zero : Read(row, _columns[CsvRole.Debit]!.Value);
        var got = string.IsNullOrWhiteSpace(credit) ? ExactDecimal.Zero : Read(row, _columns[CsvRole.Credit]!.Value);
        if (paid is null || got is null) return null;
        // A debit is money out whether the bank writes it with a minus or without: the column says so.
        var sum = got.Value.Add(_columns.DebitsNegative ? paid.Value : paid.Value.Negate());
        if (sum is null) _log.Problem(row.Line, "Debit and credit are too large.");
        return sum;
    }

    private ExactDecimal? Signed(CsvRow row, ExactDecimal amount)
    {
        if (Cell(row, CsvRole.Sign) is not { } word) return amount;
        var upper = word.ToUpperInvariant();
        if (DebitWords.Contains(upper)) return amount.Abs().Negate();
        if (CreditWords.Contains(upper)) return amount.Sign < 0 ? amount.Abs() : amount;
        _log.Problem(row.Line, $"\"{ReadingLimits.Short(word)}\" in the column that says money in or out is not known; write D or C, - or +.");
        return null;
    }

    private ExactDecimal? Read(CsvRow row, int column)
    {
        if (NumberMarks.TryRead(row[column], _mark!.Value, out var value, out var reason)) return value;
        _log.Problem(row.Line, reason);
        return null;
    }

    /// <summary>Words that mean money out, or in.</summary>
    public static bool IsSignWord(string text) => text.Trim().ToUpperInvariant() is var word && (DebitWords.Contains(word) || CreditWords.Contains(word));
}

/// <summary>Words by which banks mark lines that are not booked.</summary>
internal static class CsvStatus
{
    private static readonly ImmutableHashSet<string> Unbooked = ImmutableHashSet.Create(StringComparer.OrdinalIgnoreCase,
        "pending", "pending authorization", "authorized", "authorised", "uncleared", "declined", "failed", "reverted", "denied", "rejected", "refused", "cancelled", "canceled", "expired", "voided", "on hold",
        "vorgemerkt", "umsatz vorgemerkt", "ausstehend", "abgelehnt", "storniert", "en attente", "a venir", "à venir", "refusé", "pendiente", "rechazado", "rechazada", "in sospeso", "in attesa", "rifiutato", "pendente", "in behandeling", "oczekująca", "odrzucona", "blokada", "в обработке", "отклонено", "failed payment", "交易关闭", "未確定");

    private static readonly ImmutableHashSet<string> Booked = ImmutableHashSet.Create(StringComparer.OrdinalIgnoreCase,
        "completed", "complete", "booked", "posted", "cleared", "settled", "reconciled", "gebucht", "umsatz gebucht", "abgeschlossen", "comptabilisé", "comptabilise", "exécuté", "completado", "contabilizado", "contabilizzato", "eseguito", "concluída", "verwerkt", "geboekt", "zaksięgowana", "zrealizowana", "исполнено", "ok", "success", "successful", "paid", "交易成功", "確定");

    /// <summary>Whether the line is not booked.</summary>
    public static bool IsUnbooked(string status) => Unbooked.Contains(status.Trim());

    /// <summary>Whether a column says of lines that they are booked or not.</summary>
    public static bool Fits(List<string> cells) => cells.Count > 0 && cells.TrueForAll(c => Unbooked.Contains(c.Trim()) || Booked.Contains(c.Trim()));
}

/// <summary>Order of lines that a running balance proves.</summary>
internal enum CsvOrder
{
    /// <summary>None fits.</summary>
    None,

    /// <summary>The first line is the oldest.</summary>
    OldestFirst,

    /// <summary>The first line is the newest.</summary>
    NewestFirst,

    /// <summary>Too few balances to tell.</summary>
    Unknown,
}

/// <summary>Proof by running balance: each balance is the one before plus the amount.</summary>
internal static class CsvProof
{
    /// <summary>The order in which all balances follow from the amounts.</summary>
    public static CsvOrder Check(List<StatementLine> lines, bool flip)
    {
        var (oldest, newest, pairs) = (true, true, 0);
        for (var i = 1; i < lines.Count && (oldest || newest); i++)
        {
            var (a, b) = (lines[i - 1], lines[i]);
            if (a.Balance is not { } first || b.Balance is not { } second) continue;
            pairs++;
            oldest &= first.Add(flip ? b.Amount.Negate() : b.Amount) is { } up && up.Equals(second);
            newest &= second.Add(flip ? a.Amount.Negate() : a.Amount) is { } down && down.Equals(first);
        }
        if (pairs == 0) return CsvOrder.Unknown;
        return oldest ? CsvOrder.OldestFirst : newest ? CsvOrder.NewestFirst : CsvOrder.None;
    }
}
