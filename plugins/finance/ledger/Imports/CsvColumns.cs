using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using Nexus.Finance.Ledger.Money;

namespace Nexus.Finance.Ledger.Imports;

/// <summary>What a column of a statement holds.</summary>
internal enum CsvRole
{
    /// <summary>Day of booking.</summary>
    Date,

    /// <summary>Day from which it counts.</summary>
    ValueDate,

    /// <summary>Signed amount.</summary>
    Amount,

    /// <summary>Money out.</summary>
    Debit,

    /// <summary>Money in.</summary>
    Credit,

    /// <summary>A word that says money in or out.</summary>
    Sign,

    /// <summary>Currency code.</summary>
    Currency,

    /// <summary>Who was paid or paid.</summary>
    Payee,

    /// <summary>Free text; the one role that several columns may have.</summary>
    Memo,

    /// <summary>Balance after the line.</summary>
    Balance,

    /// <summary>The bank's own id.</summary>
    Reference,

    /// <summary>Own account.</summary>
    Account,

    /// <summary>Kind of line.</summary>
    Type,

    /// <summary>Cheque number.</summary>
    CheckNumber,

    /// <summary>Money category.</summary>
    Category,

    /// <summary>Whether the line is booked.</summary>
    Status,
}

/// <summary>The columns of a table, found by the words of its header and proved by their content.</summary>
internal sealed class CsvColumns
{
    private static readonly FrozenDictionary<string, CsvRole> Words = Vocabulary();

    private readonly Dictionary<CsvRole, int> _roles = [];
    private readonly List<int> _memo = [];
    private readonly HashSet<CsvRole> _without = [];
    private string[] _header = [];
    private int _firstRow;

    /// <summary>Line of the header; 0 when there is none.</summary>
    public int HeaderLine { get; private set; }

    /// <summary>Number of columns.</summary>
    public int Width { get; private set; }

    /// <summary>Currency that the header names, such as <c>Amount (EUR)</c>; null when none.</summary>
    public string? HeaderCurrency { get; private set; }

    /// <summary>IBAN of the own account that the lines above the header name; null when none or several.</summary>
    public string? NamedAccount { get; private set; }

    /// <summary>Whether the debit column carries minus signs of its own.</summary>
    public bool DebitsNegative { get; private set; }

    /// <summary>Columns of free text.</summary>
    public IReadOnlyList<int> Memo => _memo;

    /// <summary>Columns of numbers.</summary>
    public IEnumerable<int> Numeric => _roles.Where(r => r.Key is CsvRole.Amount or CsvRole.Debit or CsvRole.Credit or CsvRole.Balance).Select(r => r.Value);

    /// <summary>Column of a role, or null.</summary>
    public int? this[CsvRole role] => _roles.TryGetValue(role, out var column) ? column : null;

    /// <summary>Rows below the header.</summary>
    public IEnumerable<CsvRow> Rows(CsvTable table) => table.Rows.Skip(_firstRow);

    /// <summary>Roles with the names of their columns.</summary>
    public IEnumerable<(string Role, string Column)> Describe() =>
        _roles.Select(r => (JsonName(r.Key), Name(r.Value))).Concat(_memo.Take(1).Select(_ => ("memo", string.Join(" + ", _memo.Select(Name)))));

    /// <summary>The role that a header's word stands for, or null.</summary>
    public static CsvRole? RoleOf(string cell)
    {
        if (cell.Length is 0 or > 60) return null;
        var word = Normalise(cell);
        return word.Length > 0 && Words.TryGetValue(word, out var role) ? role : null;
    }

    /// <summary>Finds the columns, or null after a problem or a question.</summary>
    public static CsvColumns? Find(CsvTable table, ReadingAnswers answers, ReadingLog log)
    {
        var columns = new CsvColumns();
        columns.FindHeader(table, answers, log);
        columns.FromAnswers(answers, log);
        columns.FromHeader(table);
        columns.FromContent(table);
        columns.Prove(table, answers, log);
        return columns.Complete(log) ? columns : null;
    }

    private void FindHeader(CsvTable table, ReadingAnswers answers, ReadingLog log)
    {
        var chosen = -1;
        if (answers["header_line"] is { } line && int.TryParse(line, CultureInfo.InvariantCulture, out var number)) chosen = number == 0 ? -2 : table.Rows.FindIndex(r => r.Line == number);
        var best = 1;
        for (var i = 0; chosen == -1 && i < Math.Min(60, table.Rows.Count); i++)
        {
            var cells = table.Rows[i].Cells;
            var found = cells.Select(RoleOf).Where(r => r is not null).Distinct().Count();
            if (found > best && !cells.Any(DateForms.IsDate)) (best, chosen) = (found, i);
            if (best > 1 && i > chosen + 5) break;
        }
        if (chosen == -1 && table.Rows.Count > 1 && !table.Rows[0].Cells.Any(IsValue) && table.Rows[1].Cells.Any(DateForms.IsDate)) chosen = 0;
        if (chosen < 0)
        {
            Width = table.Rows.Count == 0 ? 0 : table.Rows.Take(200).GroupBy(r => r.Cells.Length).MaxBy(g => g.Count())!.Key;
            return;
        }
        HeaderLine = table.Rows[chosen].Line;
        _header = [.. table.Rows[chosen].Cells.Select(c => c.Trim())];
        _firstRow = chosen + 1;
        Width = Math.Max(_header.Length, 1);
        foreach (var row in table.Rows.Take(chosen)) log.Skip(row.Line, $"Above the header: {ReadingLimits.Short(row.Raw.Trim())}");
    }

    private static bool IsValue(string cell) => DateForms.IsDate(cell) || NumberMarks.IsNumeric(cell);

    private void FromAnswers(ReadingAnswers answers, ReadingLog log)
    {
        foreach (var role in Enum.GetValues<CsvRole>())
        {
            if (answers["column." + JsonName(role)] is not { } name) continue;
            if (name.Trim().Is("none"))
            {
                _without.Add(role);
                continue;
            }
            var column = int.TryParse(name, CultureInfo.InvariantCulture, out var number) ? number - 1 : Array.FindIndex(_header, h => h.Is(name.Trim()));
            if (column < 0 || column >= Width) log.Problem(HeaderLine, $"The profile wants column \"{ReadingLimits.Short(name)}\" for {JsonName(role)}; the file has {Width} columns: {string.Join(", ", _header.Take(20))}.");
            else if (role == CsvRole.Memo) _memo.Add(column);
            else _roles[role] = column;
        }
    }

    private void FromHeader(CsvTable table)
    {
        for (var i = 0; i < _header.Length; i++)
        {
            if (RoleOf(_header[i]) is not { } role || _without.Contains(role) || _roles.ContainsValue(i) || _memo.Contains(i)) continue;
            if (role is CsvRole.Date && LooksLikeCurrency(table, i)) role = CsvRole.Currency;
            if (role is CsvRole.ValueDate && LooksLikeCurrency(table, i)) role = CsvRole.Currency;
            if (role is CsvRole.Debit or CsvRole.Sign && IsSignColumn(table, i)) role = CsvRole.Sign;
            else if (role is CsvRole.Type && IsSignColumn(table, i)) role = CsvRole.Sign;
            else if (role is CsvRole.Sign) role = CsvRole.Type;
            if (role is CsvRole.Status && !CsvStatus.Fits(Sample(table, i))) continue;
            if (role is CsvRole.Date && _roles.TryGetValue(role, out var earlier) && IsBeforeBooking(_header[earlier]) && !IsBeforeBooking(_header[i])) _roles[role] = i;
            if (role == CsvRole.Memo || (_roles.ContainsKey(role) && role is CsvRole.Payee)) _memo.Add(i);
            else if (_roles.TryAdd(role, i) && role is CsvRole.Amount or CsvRole.Debit) HeaderCurrency = CurrencyIn(_header[i]);
        }
        if (_roles.ContainsKey(CsvRole.Amount))
        {
            _roles.Remove(CsvRole.Debit);
            _roles.Remove(CsvRole.Credit);
        }
        if (!_roles.ContainsKey(CsvRole.Date) && _roles.Remove(CsvRole.ValueDate, out var value)) _roles[CsvRole.Date] = value;
    }

    // A card's purchase and its booking are days apart; the account moves on the second.
    private static bool IsBeforeBooking(string header) => Normalise(header) is "started date" or "transaction date" or "trans date" or "date of purchase";

    private bool IsSignColumn(CsvTable table, int column) => Sample(table, column) is { Count: > 0 } cells && cells.TrueForAll(CsvReader.IsSignWord);

    private bool LooksLikeCurrency(CsvTable table, int column) => Sample(table, column) is { Count: > 0 } cells && cells.TrueForAll(c => Commodity.IsCurrencyCode(c.Trim().ToUpperInvariant()));

    private List<string> Sample(CsvTable table, int column) => [.. Rows(table).Take(500).Select(r => r[column]).Where(c => !string.IsNullOrWhiteSpace(c))];

    // Without words: a column that holds dates only is a date, one that holds numbers only an amount.
    private void FromContent(CsvTable table)
    {
        if (_roles.ContainsKey(CsvRole.Date) && (_roles.ContainsKey(CsvRole.Amount) || _roles.ContainsKey(CsvRole.Debit))) return;
        var free = Enumerable.Range(0, Width).Where(i => !_roles.ContainsValue(i) && !_memo.Contains(i)).ToList();
        var cells = free.ToDictionary(i => i, i => Rows(table).Take(500).Select(r => r[i]).Where(c => !string.IsNullOrWhiteSpace(c)).ToList());
        var dates = free.Where(i => Mostly(cells[i], DateForms.IsDate)).ToList();
        if (!_roles.ContainsKey(CsvRole.Date) && dates.Count > 0) _roles[CsvRole.Date] = dates[0];
        var numbers = free.Except(dates).Where(i => Mostly(cells[i], NumberMarks.IsNumeric) && cells[i].Exists(c => c.AsSpan().IndexOfAny('.', ',', '-') >= 0)).ToList();
        if (!_roles.ContainsKey(CsvRole.Amount) && !_roles.ContainsKey(CsvRole.Debit) && numbers.Count == 1) _roles[CsvRole.Amount] = numbers[0];
        if (HeaderLine != 0) return;
        foreach (var i in free.Except(dates).Except(numbers).Where(i => cells[i].Count > 0))
        {
            if (!_roles.ContainsKey(CsvRole.Currency) && cells[i].TrueForAll(c => Commodity.IsCurrencyCode(c.Trim()))) _roles[CsvRole.Currency] = i;
            else _memo.Add(i);
        }
    }

    private static bool Mostly(List<string> cells, Func<string, bool> test) => cells.Count > 0 && cells.Count(test) * 10 >= cells.Count * 9;

    private void Prove(CsvTable table, ReadingAnswers answers, ReadingLog log)
    {
        OwnAccount(table, answers, log);
        if (_roles.TryGetValue(CsvRole.Debit, out var debit))
        {
            var signs = Rows(table).Select(r => r[debit].Trim()).Where(c => c.AsSpan().IndexOfAnyInRange('1', '9') >= 0).Select(c => c.AsSpan().IndexOfAny("-(\u2212") >= 0).ToList();
            DebitsNegative = signs.Count > 0 && signs.TrueForAll(s => s);
            if (!DebitsNegative && signs.Contains(true)) log.Note(HeaderLine, "The debit column has amounts with and without a minus; those with one are taken as money that came back.");
        }
        if (_roles.TryGetValue(CsvRole.Reference, out var reference))
        {
            var values = Rows(table).Select(r => r[reference].Trim()).Where(c => c.Length > 0).ToList();
            // A "reference" that repeats is a text for the payee, not the bank's id of the line.
            if (values.Count > 0 && values.Distinct(StringComparer.Ordinal).Count() == values.Count && values.TrueForAll(v => v.Any(char.IsAsciiDigit))) return;
            _roles.Remove(CsvRole.Reference);
            if (values.Count > 0) _memo.Add(reference);
        }
    }

    // A column "IBAN" is the own account in some exports and the other side's in most; one that varies is asked for, unless the lines above the header name the own one.
    private void OwnAccount(CsvTable table, ReadingAnswers answers, ReadingLog log)
    {
        var named = table.Rows.Take(_firstRow).Take(60).SelectMany(r => r.Cells).SelectMany(Iban.In).Distinct(StringComparer.Ordinal).ToList();
        if (named.Count == 1) NamedAccount = named[0];
        if (!_roles.TryGetValue(CsvRole.Account, out var column) || answers["column.account"] is not null || Normalise(HeaderLine == 0 ? "" : _header[column]) is not "iban") return;
        var values = Rows(table).Select(r => r[column].Replace(" ", "", StringComparison.Ordinal)).Where(v => v.Length > 0).Distinct(StringComparer.Ordinal).ToList();
        if (values.Count < 2 && (NamedAccount is null || values.Contains(NamedAccount))) return;
        if (NamedAccount is null) log.Ask("column.account", $"Are the {values.Count} accounts of the column \"{Name(column)}\" accounts of this book, or those of the other side?", new ReadingOption((column + 1).ToString(CultureInfo.InvariantCulture), "they are accounts of this book"), new ReadingOption("none", "they are the other side's"));
        else _roles.Remove(CsvRole.Account);
    }

    private bool Complete(ReadingLog log)
    {
        var options = Enumerable.Range(0, Width).Select(i => new ReadingOption((i + 1).ToString(CultureInfo.InvariantCulture), Name(i))).ToArray();
        if (Width < 2)
        {
            log.Problem(1, "The file has no columns: no delimiter (comma, semicolon, tab, bar) divides its lines. It is not CSV.");
            return false;
        }
        if (!_roles.ContainsKey(CsvRole.Date)) log.Ask("column.date", "Which column is the day of booking? No header word and no column of dates shows it.", options);
        if (!_roles.ContainsKey(CsvRole.Amount) && !(_roles.ContainsKey(CsvRole.Debit) && _roles.ContainsKey(CsvRole.Credit)))
        {
            var half = _roles.ContainsKey(CsvRole.Debit) || _roles.ContainsKey(CsvRole.Credit) ? " (Only one of debit and credit was found; answer column.debit and column.credit for a pair.)" : "";
            log.Ask("column.amount", $"Which column is the amount?{half}", options);
        }
        return _roles.ContainsKey(CsvRole.Date) && (_roles.ContainsKey(CsvRole.Amount) || (_roles.ContainsKey(CsvRole.Debit) && _roles.ContainsKey(CsvRole.Credit)));
    }

    private string Name(int column) => column < _header.Length && _header[column].Length > 0 ? ReadingLimits.Short(_header[column]) : $"column {column + 1}";

    private static string JsonName(CsvRole role) => role switch { CsvRole.ValueDate => "value_date", CsvRole.CheckNumber => "check_number", _ => role.ToString().ToLowerInvariant() };

    private static string? CurrencyIn(string header)
    {
        var words = header.Split([' ', '(', ')', '[', ']', '/', '_'], StringSplitOptions.RemoveEmptyEntries);
        return words.Length > 1 && Commodity.IsCurrencyCode(words[^1]) ? words[^1] : header.Contains('€') ? "EUR" : null;
    }

    private static string Normalise(string cell)
    {
        var result = new StringBuilder(cell.Length);
        foreach (var c in Neutral(cell).Normalize(NormalizationForm.FormD))
        {
            if (char.IsLetter(c)) result.Append(char.ToLowerInvariant(c));
            else if (char.GetUnicodeCategory(c) != UnicodeCategory.NonSpacingMark && result.Length > 0 && result[^1] != ' ') result.Append(' ');
        }
        var words = result.Replace("ß", "ss").Replace("ø", "o").Replace("ł", "l").ToString().Trim();
        var last = words.LastIndexOf(' ');
        if (last < 0 || !(words[(last + 1)..] is "euro" or "euros" || (words.Length - last == 4 && Commodity.IsCurrencyCode(words[(last + 1)..].ToUpperInvariant())))) return words;
        return words[..last].EndsWith(" in", StringComparison.Ordinal) || words[..last].EndsWith(" en", StringComparison.Ordinal) ? words[..(last - 3)] : words[..last];
    }

    // "Empfänger*in", "Empfänger:in" and "Empfänger/-in" are one word.
    private static string Neutral(string cell)
    {
        foreach (var ending in (ReadOnlySpan<string>)["*in", ":in", "_in", "/-in", "/in", "*r", ":r", "/-r", "/r"])
        {
            if (cell.Length > ending.Length + 3 && cell.EndsWith(ending, StringComparison.Ordinal)) return cell[..^ending.Length];
        }
        return cell;
    }

    private static FrozenDictionary<string, CsvRole> Vocabulary()
    {
        (CsvRole Role, string Words)[] table =
        [
            (CsvRole.Date, "date|booking date|booked on|posted date|posting date|post date|posted|transaction date|trans date|date posted|completed date|buchungsdatum|buchungstag|buchung|datum|fecha|fecha operacion|fecha de operacion|fecha contable|data|data operazione|data contabile|data movimento|data mov|data lancamento|date operation|date de l operation|date de comptabilisation|date d operation|boekdatum|transactiedatum|bokforingsdag|bokforingsdatum|dato|bogfort|data operacji|data ksiegowania|data transakcji|kirjauspaiva|fecha valor operacion|transaction date and time|date time|started date|date of purchase|op date|datum provedeni|datum zauctovani|datum transakce|konyveles datuma|datum knjizenja|tarih|işlem tarihi|дата|дата операции|дата платежа|дата проводки|дата транзакции|дата списания|дата операції|ημερομηνια|日付|取引日|お取引日|年月日|ご利用日|利用日|計上日|日期|交易日期|交易时间|记账日期|交易日|入账日期|거래일|거래일자|거래일시"),
            (CsvRole.ValueDate, "value date|valutadatum|valuta|wertstellung|wertstellungstag|wert|date valeur|date de valeur|fecha valor|data valuta|data valor|rentedatum|valutadag|rentedato|data waluty|effective date|datum valuty|дата валютирования|起息日"),
            (CsvRole.Amount, "amount|betrag|umsatz|montant|importe|importo|bedrag|valor|kwota|belopp|belob|transaction amount|net amount|value|summe|sum|amount local currency|buchungsbetrag|montant de l operation|importe de la operacion|summa|maara|kwota operacji|kwota transakcji|net|net amount|gross amount charged|castka|objem|osszeg|iznos|tutar|işlem tutarı|сумма|сумма операции|сумма платежа|сумма транзакции|сума|ποσο|金額|ご利用金額|利用金額|お支払い金額|金额|交易金额|인민폐금액|거래금액"),
            (CsvRole.Debit, "debit|debits|debit amount|withdrawal|withdrawals|withdrawal amount|money out|paid out|soll|lastschrift|belastung|debet|cargo|cargos|debito|uscite|addebiti|dare|sorties|ausgang|ausgaben|spent|out|payments|ut fra konto|debit eur|debit eur|uttag|uttak|ut|saidas|borç|расход|списание|дебет|χρεωση|出金|出金額|出金金額|お引出し|お引き出し|引出額|お支払金額|支払金額|支払い金額|お支払い|支出|支出金额|借方|借方金额|출금|출금액|찾으신금액"),
            (CsvRole.Credit, "credit|credits|credit amount|deposit|deposits|deposit amount|money in|paid in|haben|gutschrift|kredit|abono|abonos|credito|entrate|accrediti|avere|entrees|eingang|einnahmen|received|in|receipts|inn pa konto|credit eur|insattning|insattningar|inn|entradas|alacak|приход|зачисление|поступление|кредит|πιστωση|入金|入金額|入金金額|お預入れ|お預け入れ|預入額|お預り金額|預り金額|収入|收入|收入金额|存入|贷方|贷方金额|입금|입금액|맡기신금액"),
            (CsvRole.Sign, "debit credit|credit debit|dr cr|cr dr|d c|c d|soll haben|s h|af bij|sign|sens|indicator|credit debit indicator|debit credit indicator|in out|dc|ein aus|收 支|借贷标志"),
            (CsvRole.Currency, "currency|ccy|wahrung|waehrung|devise|moneda|moeda|divisa|munt|muntsoort|valutakod|waluta|kontowahrung|currency code|transaction currency|mena|penznem|valuta kod|para birimi|валюта|валюта операции|валюта платежа|νομισμα|通貨|币种|货币|통화"),
            (CsvRole.Payee, "payee|payee name|name|merchant|merchant name|counterparty|counter party|counterparty name|beneficiary|empfanger|zahlungsempfanger|beguenstigter|begunstigter|begunstigter zahlungspflichtiger|auftraggeber|auftraggeber empfanger|auftraggeber begunstigter|name zahlungsbeteiligter|beguenstigter zahlungspflichtiger|zahlungspflichtiger|partner|partnername|tegenpartij|naam tegenpartij|naam|beneficiario|beneficiaire|tiers|nombre|mottagare|modtager|nadawca odbiorca|kontrahent|to from|paid to|payer|zahlungsempfanger in|transaction partner|nazev protiuctu|protistrana|ellenoldal|контрагент|получатель|отправитель|mottaker|saaja|saaja maksaja|対方户名|对方户名|交易对方|商户名称|ご利用店名|利用店名|お支払先"),
            (CsvRole.Memo, "memo|note|notes|description|descriptions|details|transaction details|narrative|narration|particulars|remark|remarks|remarque|remarques|text|booking text|verwendungszweck|umsatztext|buchungstext|vorgang|vorgang verwendungszweck|libelle|libelle operation|concepto|descripcion|observaciones|descrizione|descrizione operazione|causale|historico|descricao|omschrijving|mededelingen|naam omschrijving|opis|opis operacji|tytul|tytul operacji|meddelande|beskrivelse|tekst|information|additional information|transaction description|payment reference|message|notizen|zahlungsreferenz|referencia|motif|beschreibung|bezeichnung|verwendung|zweck|text zeile|zahlungspflichtige|popis|zprava pro prijemce|kozlemeny|opis transakcji|açıklama|описание|назначение платежа|детали|примечание|опис|περιγραφη|内容|摘要|お取扱内容|お取り扱い内容|取引内容|備考|メモ|备注|交易说明|附言|用途|적요|내용|거래내용|viesti|selite|forklaring|transaktion|rubrik|specifikation"),
            (CsvRole.Balance, "balance|running balance|account balance|balance after|saldo|kontostand|solde|saldo disponible|saldo contabile|saldo na transakcji|saldo po operacji|saldo nach buchung|saldo na mutatie|closing balance|available balance|balance after transaction|zustatek|egyenleg|bakiye|остаток|баланс|υπολοιπο|残高|差引残高|余额|账户余额|잔액|거래후잔액|stanje"),
            (CsvRole.Reference, "reference|reference number|transaction id|transaction reference|id|fitid|ref|referenz|referenznummer|bank reference|unique id|transactionid|transaktionsnummer|volgnr|referentie|nr transakcji|umsatz id|reference id|entry reference"),
            (CsvRole.Account, "account|account number|account no|iban|own account|konto|kontonummer|auftragskonto|iban auftragskonto|rekening|rekeningnummer|iban bban|compte|numero de compte|cuenta|conto|numer konta|source account|account id|account name|счет|номер счета|номер карты|cislo uctu|szamlaszam|口座番号|账号|账户|계좌번호"),
            (CsvRole.Type, "type|transaction type|trans type|umsatzart|buchungsart|code|transaktionstyp|art|kategorie umsatz|type operation|tipo|mutatiesoort|typ transakcji|umsatztyp|transaktionsart|тип|тип операции|取引区分|交易类型"),
            (CsvRole.CheckNumber, "check number|cheque number|check no|check|cheque|cheque no|check or slip"),
            (CsvRole.Status, "status|state|booking status|transaction status|info|etat|statut|estado|stato|stav|статус|状態|状态|交易状态"),
            (CsvRole.Category, "category|categories|kategorie|categorie|categoria|kategoria|hauptkategorie|категория|カテゴリ|分类"),
        ];
        var words = new Dictionary<string, CsvRole>(StringComparer.Ordinal);
        foreach (var (role, list) in table)
        {
            foreach (var word in list.Split('|')) words.TryAdd(Normalise(word), role);
        }
        return words.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
