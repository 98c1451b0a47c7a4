using System.Collections.Immutable;
using Nexus.Finance.Ledger.Money;

namespace Nexus.Finance.Ledger.Imports;

/// <summary>Reads QIF: bank, cash, card and other accounts, with splits and transfers; lists and investment actions are named and left out.</summary>
internal static class Qif
{
    /// <summary>Whether a file begins like QIF.</summary>
    public static bool Matches(string text)
    {
        var head = text.AsSpan(0, Math.Min(text.Length, 8_192));
        foreach (var line in head.EnumerateLines())
        {
            var trimmed = line.Trim();
            if (trimmed.StartsWith("!Type", StringComparison.OrdinalIgnoreCase) || trimmed.StartsWith("!Account", StringComparison.OrdinalIgnoreCase) || trimmed.StartsWith("!Option", StringComparison.OrdinalIgnoreCase) || trimmed.StartsWith("!Clear", StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }

    /// <summary>Reads a file.</summary>
    public static StatementReading Read(StatementText source, ReadingAnswers answers)
    {
        var log = new ReadingLog();
        var dialect = new Dictionary<string, string>(StringComparer.Ordinal) { ["encoding"] = source.Encoding, ["encodingReason"] = source.Reason };
        var records = QifRecords.Read(source.Value, log);
        if (records is null) return log.Finish("qif", [], dialect);
        var (marks, dates) = (new NumberMarks(), new DateForms());
        foreach (var record in records.Where(r => r.Kind is QifKind.Bank or QifKind.Investment))
        {
            foreach (var field in record.Fields)
            {
                if (field.Code is 'T' or 'U' or '$') marks.Observe(field.Line, field.Value);
                if (field.Code is 'D') dates.Observe(field.Line, field.Value);
            }
        }
        var mark = marks.Decide(log, answers["decimal_mark"]);
        var order = dates.Decide(log, answers["date_order"]);
        if (mark is { } m) dialect["decimalMark"] = m.ToString();
        if (order is not null) dialect["dateOrder"] = order;
        var statements = mark is null || order is null ? [] : new QifReader(mark.Value, order, log).Statements(records);
        if (statements.Length == 0 && !log.Blocked) log.Problem(1, "The file has no transactions, only lists or account definitions. Export the account's register.");
        return log.Finish("qif", statements, dialect);
    }
}

/// <summary>What a record of QIF is.</summary>
internal enum QifKind
{
    /// <summary>A transaction of an account that holds money.</summary>
    Bank,

    /// <summary>An investment action.</summary>
    Investment,

    /// <summary>The definition of an account.</summary>
    Account,
}

/// <summary>A field of a record.</summary>
internal readonly record struct QifField(char Code, string Value, int Line);

/// <summary>A record.</summary>
internal sealed record QifRecord(QifKind Kind, string Type, int Line, ImmutableArray<QifField> Fields, string Raw)
{
    /// <summary>First value of a code, or null when it is absent or blank.</summary>
    public string? this[char code] => ReadingLimits.Clean(Fields.FirstOrDefault(f => f.Code == code).Value);
}

/// <summary>Cuts a file into records.</summary>
internal sealed class QifRecords
{
    private readonly ReadingLog _log;
    private readonly List<QifRecord> _records = [];
    private readonly List<QifField> _fields = [];
    private readonly System.Text.StringBuilder _raw = new();
    private readonly HashSet<string> _told = new(StringComparer.OrdinalIgnoreCase);
    private QifKind? _kind;
    private string _type = "";
    private int _start;

    private QifRecords(ReadingLog log) => _log = log;

    /// <summary>The records that matter, or null after a problem was found.</summary>
    public static List<QifRecord>? Read(string text, ReadingLog log)
    {
        if (!Qif.Matches(text))
        {
            log.Problem(1, text.Length == 0 ? "The file is empty." : "The file has no line such as !Type:Bank at its beginning, so it is not QIF.");
            return null;
        }
        return new QifRecords(log).Run(text);
    }

    private List<QifRecord> Run(string text)
    {
        var (number, began) = (0, false);
        foreach (var line in StatementLines.Of(text))
        {
            number++;
            if (line.Length > ReadingLimits.Field)
            {
                _log.Problem(number, $"The line is longer than {ReadingLimits.Field:N0} characters.");
                continue;
            }
            if (line.TrimStart().StartsWith('!'))
            {
                Finish(number, closed: _fields.Count == 0);
                Section(line.Trim().ToString(), number);
                began = true;
            }
            else if (!began)
            {
                if (!line.IsWhiteSpace()) _log.Note(number, "Text before the first line that begins with ! was passed over.");
            }
            else if (line is ['^', ..]) Finish(number, closed: true);
            else if (!line.IsWhiteSpace()) Field(line, number);
        }
        Finish(number, closed: _fields.Count == 0);
        return _records;
    }

    private void Section(string line, int number)
    {
        var name = line[1..].Trim();
        if (name.StartsWith("Option", StringComparison.OrdinalIgnoreCase) || name.StartsWith("Clear", StringComparison.OrdinalIgnoreCase)) return;
        if (name.StartsWith("Account", StringComparison.OrdinalIgnoreCase))
        {
            (_kind, _type) = (QifKind.Account, "Account");
            return;
        }
        var colon = name.IndexOf(':');
        _type = colon < 0 ? name : name[(colon + 1)..].Trim();
        _kind = _type.ToUpperInvariant() switch
        {
            "BANK" or "CASH" or "CCARD" or "OTH A" or "OTH L" or "OTHA" or "OTHL" => QifKind.Bank,
            "INVST" or "PORT" or "401(K)/403(B)" => QifKind.Investment,
            _ => null,
        };
        if (_kind is not null) return;
        var reason = _type.ToUpperInvariant() switch
        {
            "CAT" or "CLASS" or "TAG" => "a list of names, not of transactions",
            "SECURITY" or "PRICES" => "a list of securities or prices, not of transactions",
            "MEMORIZED" or "BUDGET" or "TEMPLATE" => "a list of templates, not of booked transactions",
            "INVOICE" or "BILL" or "INVITEM" => "business documents of Quicken, whose payments stand in the bank account",
            _ => "a type that QIF does not define; its records are not imported",
        };
        _log.Skip(number, $"!Type:{ReadingLimits.Short(_type)} is {reason}.");
    }

    private void Field(ReadOnlySpan<char> line, int number)
    {
        if (_kind is null) return;
        if (_fields.Count == 0) _start = number;
        if (_fields.Count >= 20 * ReadingLimits.Fields)
        {
            if (_told.Add("fields")) _log.Problem(number, $"The record that begins at line {_start} has more than {20 * ReadingLimits.Fields:N0} lines.");
            return;
        }
        _fields.Add(new QifField(line[0], line[1..].ToString(), number));
        if (_raw.Length < 4_000) _raw.Append(line).Append('\n');
    }

    private void Finish(int number, bool closed)
    {
        if (_fields.Count > 0 && _kind is { } kind)
        {
            if (!closed) _log.Note(number, $"The record that begins at line {_start} has no ^ at its end; it was taken as complete.");
            _records.Add(new QifRecord(kind, _type, _start, [.. _fields], ReadingLimits.Raw(_raw.ToString())));
        }
        _fields.Clear();
        _raw.Clear();
    }
}

/// <summary>Lines of a text by any of the three line ends.</summary>
internal static class StatementLines
{
    /// <summary>Enumerates; an end within the last characters yields no empty last line.</summary>
    public static LineEnumerator Of(string text) => new(text);

    /// <summary>Enumerates without allocating. The framework's own also breaks at form feeds and U+2028, which banks put in memos.</summary>
    internal ref struct LineEnumerator(ReadOnlySpan<char> rest)
    {
        private ReadOnlySpan<char> _rest = rest;

        /// <summary>The line, without its end.</summary>
        public ReadOnlySpan<char> Current { get; private set; } = default;

        /// <summary>For <c>foreach</c>.</summary>
        public readonly LineEnumerator GetEnumerator() => this;

        /// <summary>Goes on.</summary>
        public bool MoveNext()
        {
            if (_rest.IsEmpty) return false;
            var end = _rest.IndexOfAny('\r', '\n');
            Current = end < 0 ? _rest : _rest[..end];
            var skip = end < 0 ? _rest.Length : end + 1;
            if (end >= 0 && _rest[end] == '\r' && skip < _rest.Length && _rest[skip] == '\n') skip++;
            _rest = _rest[skip..];
            return true;
        }
    }
}

/// <summary>Makes statements of records.</summary>
/// <param name="decimalMark">The decimal mark of the file.</param>
/// <param name="dateOrder">The date order of the file.</param>
/// <param name="log">Where remarks go.</param>
internal sealed class QifReader(char decimalMark, string dateOrder, ReadingLog log)
{
    private sealed class Account
    {
        public string? Name { get; set; }

        public required string Type { get; init; }

        public ExactDecimal? Balance { get; init; }

        public DateOnly? BalanceOn { get; init; }

        public List<StatementLine> Lines { get; } = [];
    }

    private readonly List<Account> _accounts = [];

    /// <summary>One statement an account with transactions, in the order of their first one.</summary>
    public ImmutableArray<ParsedStatement> Statements(List<QifRecord> records)
    {
        QifRecord? definition = null;
        Account? current = null;
        foreach (var record in records)
        {
            switch (record.Kind)
            {
                case QifKind.Account:
                    (definition, current) = (record, null);
                    break;
                case QifKind.Investment when !record['N'].Is("Cash") || record['T'] is null:
                    log.Skip(record.Line, $"Investment action {record['N'] ?? "without a name"} {record['Y']}: actions on securities are not imported; only Cash with an amount is.");
                    break;
                default:
                    if (current is null || current.Type != record.Type) current = Find(definition, record.Type);
                    if (Line(record, current) is { } line) current.Lines.Add(line);
                    break;
            }
        }
        return [.. _accounts.Where(a => a.Lines.Count > 0).Select(a => new ParsedStatement
        {
            Account = a.Name,
            AccountType = a.Type,
            From = a.Lines.Min(l => l.Date),
            To = a.Lines.Max(l => l.Date),
            LedgerBalance = a.Balance,
            BalanceOn = a.BalanceOn,
            Lines = [.. a.Lines],
        })];
    }

    private Account Find(QifRecord? definition, string type)
    {
        var name = definition?['N'];
        var known = _accounts.Find(a => a.Name == name && a.Type == type);
        if (known is not null) return known;
        var account = new Account
        {
            Name = name,
            Type = type,
            Balance = definition?['$'] is { } text && NumberMarks.TryRead(text, decimalMark, out var balance, out _) ? balance : null,
            BalanceOn = definition?['/'] is { } on ? DateForms.Read(on, dateOrder) : null,
        };
        _accounts.Add(account);
        return account;
    }

    private StatementLine? Line(QifRecord record, Account account)
    {
        var date = Date(record);
        var field = record.Fields.FirstOrDefault(f => f.Code == 'T' && !string.IsNullOrWhiteSpace(f.Value));
        if (field.Code == 0) field = record.Fields.FirstOrDefault(f => f.Code == 'U' && !string.IsNullOrWhiteSpace(f.Value));
        ExactDecimal? amount = null;
        if (field.Code == 0) log.Problem(record.Line, "The transaction has no amount (T).");
        else amount = Amount(field);
        if (date is null || amount is null) return null;
        var (category, transfer) = Category(record['L']);
        // Quicken names the account by a transfer of the opening balance to itself.
        if (account.Name is null && transfer is not null && record['P'].Is("Opening Balance")) account.Name = transfer;
        var number = record.Type.Is("Invst") ? null : record['N'];
        return new StatementLine
        {
            Line = record.Line,
            Date = date.Value,
            Amount = amount.Value,
            Payee = record['P'],
            Memo = record['M'],
            CheckNumber = number is not null && number.Any(char.IsAsciiDigit) ? number : null,
            Type = number is not null && !number.Any(char.IsAsciiDigit) ? number : null,
            Category = category,
            TransferAccount = transfer == account.Name ? null : transfer,
            Splits = Splits(record, amount.Value),
            Raw = record.Raw,
        };
    }

    private DateOnly? Date(QifRecord record)
    {
        var field = record.Fields.FirstOrDefault(f => f.Code == 'D');
        if (field.Code == 0)
        {
            log.Problem(record.Line, "The transaction has no date (D).");
            return null;
        }
        if (DateForms.Read(field.Value, dateOrder) is { } date) return date;
        log.Problem(field.Line, $"\"{ReadingLimits.Short(field.Value.Trim())}\" is not a date in the order {dateOrder}, which the file has.");
        return null;
    }

    private ExactDecimal? Amount(QifField field)
    {
        if (NumberMarks.TryRead(field.Value, decimalMark, out var value, out var reason)) return value;
        log.Problem(field.Line, reason);
        return null;
    }

    private ImmutableArray<StatementSplit> Splits(QifRecord record, ExactDecimal total)
    {
        var splits = new List<(string? Category, string? Transfer, string? Memo, ExactDecimal? Amount)>();
        foreach (var field in record.Fields)
        {
            if (field.Code == 'S')
            {
                var (category, transfer) = Category(ReadingLimits.Clean(field.Value));
                splits.Add((category, transfer, null, null));
            }
            else if (splits.Count > 0 && field.Code is 'E') splits[^1] = splits[^1] with { Memo = ReadingLimits.Clean(field.Value) };
            else if (splits.Count > 0 && field.Code is '$' && Amount(field) is { } amount) splits[^1] = splits[^1] with { Amount = amount };
        }
        if (splits.Count == 0) return [];
        if (splits.Exists(s => s.Amount is null))
        {
            log.Note(record.Line, "A split has no amount ($); the transaction is taken whole, without its splits.");
            return [];
        }
        var sum = (ExactDecimal?)ExactDecimal.Zero;
        foreach (var split in splits) sum = sum?.Add(split.Amount!.Value);
        var rest = sum is null ? null : total.Add(sum.Value.Negate());
        if (rest is null)
        {
            log.Problem(record.Line, "The splits are too large to be summed.");
            return [];
        }
        var result = splits.Select(s => new StatementSplit(s.Amount!.Value, s.Category, s.Transfer, s.Memo)).ToList();
        if (rest.Value.Sign != 0)
        {
            log.Note(record.Line, $"The splits sum to {sum} but the amount is {total}; the difference of {rest} is kept as a split without category.");
            result.Add(new StatementSplit(rest.Value, null, null, "Difference between amount and splits"));
        }
        return [.. result];
    }

    // "Food:Groceries/Class" and "[Account]/Class"; a class is kept with the category as written.
    private static (string? Category, string? Transfer) Category(string? text)
    {
        if (text is null) return (null, null);
        var end = text.IndexOf(']');
        return text[0] == '[' && end > 1 ? (null, text[1..end]) : (text, null);
    }
}

/// <summary>Comparison of words of a format.</summary>
internal static class FormatWords
{
    /// <summary>Equal without case.</summary>
    public static bool Is(this string? text, string word) => word.Equals(text, StringComparison.OrdinalIgnoreCase);
}
