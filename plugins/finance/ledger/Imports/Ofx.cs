using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using Nexus.Finance.Ledger.Money;

namespace Nexus.Finance.Ledger.Imports;

/// <summary>Reads OFX 1.x (SGML) and 2.x (XML), and QFX, which is the same: bank, credit card and the cash side of investment statements.</summary>
internal static class Ofx
{
    private static readonly SearchValues<char> ValueEnds = SearchValues.Create(" \t\r\n<?");

    /// <summary>Whether a file begins like OFX.</summary>
    public static bool Matches(string text)
    {
        var head = text.AsSpan(0, Math.Min(text.Length, 8_192));
        return head.TrimStart().StartsWith("OFXHEADER", StringComparison.OrdinalIgnoreCase) || head.Contains("<OFX>", StringComparison.OrdinalIgnoreCase) || head.Contains("<?OFX", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>What the header says of the encoding: of <c>CHARSET</c>, <c>ENCODING</c> or the XML declaration; null when it says nothing.</summary>
    public static string? DeclaredEncoding(ReadOnlySpan<byte> bytes)
    {
        var head = System.Text.Encoding.Latin1.GetString(bytes[..Math.Min(bytes.Length, 2_048)]);
        var declared = Header(head, "CHARSET") is { } charset && !charset.Equals("NONE", StringComparison.OrdinalIgnoreCase) ? charset : Header(head, "ENCODING");
        return declared?.ToUpperInvariant() switch { "USASCII" or "NONE" or "" => null, var name => name };
    }

    /// <summary>Reads a file.</summary>
    public static StatementReading Read(StatementText source, ReadingAnswers answers, string? declared = null)
    {
        var log = new ReadingLog();
        var dialect = new Dictionary<string, string>(StringComparer.Ordinal) { ["encoding"] = source.Encoding, ["encodingReason"] = source.Reason };
        if (declared is not null) dialect["declaredEncoding"] = declared;
        if (Header(source.Value, "VERSION") is { } version) dialect["version"] = version;
        else log.Note(1, "The header is missing; the statements were read without it.");
        var root = OfxTree.Read(source.Value, log);
        if (root is null)
        {
            log.Problem(1, "There is no <OFX> element.");
            return log.Finish("ofx", [], dialect);
        }
        var transactions = root.Descendants("STMTTRN").ToList();
        var marks = new NumberMarks();
        foreach (var element in transactions.Concat(root.Descendants("LEDGERBAL")))
        {
            if ((element["TRNAMT"] ?? element["BALAMT"]) is { } amount) marks.Observe(element.Line, amount);
        }
        // The standard has no thousands marks and lets the decimal mark be a dot or a comma.
        var mark = marks.Decide(log, answers["decimal_mark"], standard: '?');
        if (mark is { } found && found != '?') dialect["decimalMark"] = found.ToString();
        var reader = new OfxReader(source.Value, mark, log);
        var statements = reader.Statements(root);
        if (statements.Length == 0 && !log.Blocked) log.Problem(1, "There is no statement in the file: it is a profile or another answer of the bank. Export the account's statement.");
        return log.Finish("ofx", statements, dialect);
    }

    private static string? Header(string text, string key)
    {
        var end = text.IndexOf("<OFX>", StringComparison.OrdinalIgnoreCase);
        var head = text.AsSpan(0, end < 0 ? Math.Min(text.Length, 2_048) : Math.Min(end, 2_048));
        for (var from = 0; from < head.Length;)
        {
            var at = head[from..].IndexOf(key, StringComparison.OrdinalIgnoreCase);
            if (at < 0) return null;
            at += from;
            from = at + key.Length;
            if ((at > 0 && char.IsLetter(head[at - 1])) || from >= head.Length || head[from] is not (':' or '=')) continue;
            // In a document of XML its own version stands first; the one meant follows OFXHEADER.
            if (key == "VERSION" && head[from] == '=' && !head[..at].Contains("OFXHEADER", StringComparison.OrdinalIgnoreCase)) continue;
            var value = head[(from + 1)..];
            var quote = value.Length > 0 && value[0] is '"' or '\'' ? value[0] : '\0';
            if (quote != '\0') value = value[1..];
            var stop = quote != '\0' ? value.IndexOf(quote) : value.IndexOfAny(ValueEnds);
            value = stop < 0 ? value : value[..stop];
            return value.Length is 0 or > 40 ? null : value.ToString();
        }
        return null;
    }
}

/// <summary>Makes statements of the tree of one file.</summary>
/// <param name="text">The whole file.</param>
/// <param name="decimalMark">The decimal mark; <c>?</c> leaves it to each amount, null after the question was put.</param>
/// <param name="log">Where remarks go.</param>
internal sealed class OfxReader(string text, char? decimalMark, ReadingLog log)
{
    private static readonly SearchValues<char> TimeMarks = SearchValues.Create("0123456789.:Z+-");

    /// <summary>All statements, in the order of the file.</summary>
    public ImmutableArray<ParsedStatement> Statements(OfxElement root)
    {
        var statements = ImmutableArray.CreateBuilder<ParsedStatement>();
        foreach (var element in root.Descendants("STMTRS", "CCSTMTRS", "INVSTMTRS")) statements.Add(Statement(element));
        foreach (var status in root.Descendants("STATUS").Where(s => s["SEVERITY"]?.Equals("ERROR", StringComparison.OrdinalIgnoreCase) == true))
        {
            var words = $"The bank answered with error {status["CODE"] ?? "?"}{(status["MESSAGE"] is { } message ? $": {ReadingLimits.Short(message)}" : "")}.";
            if (statements.Count == 0) log.Problem(status.Line, words + " The file has no statement; download it again.");
            else log.Note(status.Line, words);
        }
        return statements.ToImmutable();
    }

    private ParsedStatement Statement(OfxElement element)
    {
        var from = element.Find("BANKACCTFROM") ?? element.Find("CCACCTFROM") ?? element.Find("INVACCTFROM");
        var list = element.Find("BANKTRANLIST") ?? element.Find("INVTRANLIST");
        var ledger = element.Find("LEDGERBAL");
        var currency = element["CURDEF"]?.ToUpperInvariant();
        if (currency is null) log.Note(element.Line, "The statement does not say its currency; that of the account is taken.");
        if (from?["ACCTID"] is null) log.Note(element.Line, "The statement does not say its account.");
        if (list is null) log.Note(element.Line, "The statement has no list of transactions.");
        if (element.Name == "INVSTMTRS") SkipPositions(element);
        var lines = list is null ? [] : Lines(list, currency);
        return new ParsedStatement
        {
            Account = from?["ACCTID"],
            Bank = from?["BANKID"] ?? from?["BROKERID"],
            AccountType = element.Name switch { "CCSTMTRS" => "CREDITCARD", "INVSTMTRS" => "INVESTMENT", _ => from?["ACCTTYPE"]?.ToUpperInvariant() },
            Currency = currency,
            From = Optional(list, "DTSTART"),
            To = Optional(list, "DTEND"),
            LedgerBalance = ledger?["BALAMT"] is { } balance ? Amount(ledger.Line, "BALAMT", balance) : null,
            BalanceOn = Optional(ledger, "DTASOF"),
            Lines = lines,
        };
    }

    private ImmutableArray<StatementLine> Lines(OfxElement list, string? currency)
    {
        var lines = ImmutableArray.CreateBuilder<StatementLine>();
        foreach (var child in list.Children)
        {
            if (child.Name == "STMTTRN")
            {
                if (Line(child, currency) is { } line) lines.Add(line);
            }
            else if (child.Name == "INVBANKTRAN")
            {
                foreach (var inner in child.Children.Where(c => c.Name == "STMTTRN"))
                {
                    if (Line(inner, currency) is { } line) lines.Add(line);
                }
            }
            else if (child.Children.Count > 0) log.Skip(child.Line, $"{child.Name} {child.Descendants("FITID").FirstOrDefault()?.Text}: trades of securities are not imported; only cash lines (INVBANKTRAN) are.");
        }
        return lines.ToImmutable();
    }

    private void SkipPositions(OfxElement element)
    {
        foreach (var position in element.Find("INVPOSLIST")?.Children ?? [])
        {
            var id = position.Descendants("UNIQUEID").FirstOrDefault()?.Text;
            log.Skip(position.Line, $"{position.Name} {id}: positions are not transactions and are not imported.");
        }
    }

    private StatementLine? Line(OfxElement element, string? statementCurrency)
    {
        var posted = element["DTPOSTED"] ?? element["DTUSER"];
        if (posted is null) log.Problem(element.Line, "The transaction has no DTPOSTED.");
        var date = posted is null ? null : Date(element.Line, "DTPOSTED", posted);
        var written = element["TRNAMT"];
        if (written is null) log.Problem(element.Line, "The transaction has no TRNAMT.");
        var amount = written is null ? null : Amount(element.Line, "TRNAMT", written);
        if (element["FITID"] is null) log.Note(element.Line, "The transaction has no FITID; it is recognised by day, amount and text.");
        if (date is null || amount is null) return null;
        var currency = element.Find("CURRENCY")?["CURSYM"]?.ToUpperInvariant();
        return new StatementLine
        {
            Line = element.Line,
            Date = date.Value,
            ValueDate = element["DTAVAIL"] is { } available ? TryDate(available) : null,
            Amount = amount.Value,
            Currency = currency == statementCurrency ? null : currency,
            Payee = element["NAME"] ?? element.Find("PAYEE")?["NAME"],
            Memo = Join(element["MEMO"], element["EXTDNAME"]),
            Reference = element["FITID"],
            Type = element["TRNTYPE"]?.ToUpperInvariant(),
            CheckNumber = element["CHECKNUM"],
            TransferAccount = (element.Find("BANKACCTTO") ?? element.Find("CCACCTTO"))?["ACCTID"],
            Raw = ReadingLimits.Raw(text[element.Start..Math.Max(element.Start, Math.Min(element.End, text.Length))]),
        };
    }

    private static string? Join(string? a, string? b) => a is null ? b : b is null ? a : $"{a} {b}";

    private DateOnly? Optional(OfxElement? parent, string name) => parent?[name] is { } value ? Date(parent.Line, name, value) : null;

    private DateOnly? Date(int line, string name, string value)
    {
        if (TryDate(value) is { } date) return date;
        log.Problem(line, $"{name} \"{ReadingLimits.Short(value)}\" is not a date of OFX (YYYYMMDD, optionally a time and a zone such as [-5:EST]).");
        return null;
    }

    // The date is booked as written: it is the bank's local date in the zone it states. Moving it to UTC or to the
    // reader's zone is what puts bookings of other programs one day off.
    private static DateOnly? TryDate(string value)
    {
        var digits = value.AsSpan().Trim();
        if (digits.Length >= 10 && digits[4] == '-' && digits[7] == '-' && DateOnly.TryParseExact(digits[..10], "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var iso)) return InRange(iso);
        if (digits.Length < 8 || !DateOnly.TryParseExact(digits[..8], "yyyyMMdd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date)) return null;
        var zone = digits.IndexOf('[');
        var time = zone < 0 ? digits[8..] : digits[8..zone];
        if (zone >= 0 && digits[^1] != ']') return null;
        time = time.Trim();
        if (time.Length > 0 && time[0] == 'T') time = time[1..];
        return time.ContainsAnyExcept(TimeMarks) || time.Length > 24 ? null : InRange(date);
    }

    private static DateOnly? InRange(DateOnly date) => date.Year is >= 1900 and < 2200 ? date : null;

    private ExactDecimal? Amount(int line, string name, string value)
    {
        if (decimalMark is not { } mark) return null;
        if (mark == '?') mark = value.Contains(',') ? ',' : '.';
        if (NumberMarks.TryRead(value, mark, out var amount, out var reason)) return amount;
        log.Problem(line, $"{name}: {reason}");
        return null;
    }
}
