namespace Nexus.Finance.Ledger.Views;

/// <summary>What the other surfaces see of the books: books, accounts, journals, postings and balances as views of the ledger's own tables. They are changed by the ledger's routes and tools alone.</summary>
internal static class LedgerViews
{
    /// <summary>Declares them.</summary>
    public static void Add(IPluginBuilder plugin) => plugin
        .AddView<Book>("books", "SELECT id, name, base_commodity, last_seq AS journals, last_seq + 1 AS revision, created_at FROM book",
            view => view.Describe("A household's or a company's books."))
        .AddView<Account>("accounts", "SELECT id, book, path, parent, type, normal_side, commodity, number, closed_on, revision FROM account",
            view => view.Describe("Accounts, each of a type and at its place in the tree of its book."))
        .AddView<Journal>("journals", "SELECT id, book, seq, booked_on, value_on, kind, payee, narration, source AS import, reverses, replaces, recorded_at AS created_at FROM journal",
            view => view.Describe("Journals, which are never changed: one is reversed by another."))
        .AddView<Posting>("postings", Amounts.Sqlite("SELECT p.journal, p.n AS number, p.book, p.account, p.day AS booked_on, {0} AS amount, p.commodity AS amount_currency, p.memo, p.reference FROM posting p JOIN commodity c ON c.book = p.book AND c.code = p.commodity", "p"),
            view => view.Key(p => p.Journal, p => p.Number).Describe("Legs of journals: an amount above zero debits its account, one below credits it.")
                .In("postgresql", Amounts.PostgreSql("SELECT p.journal, p.n AS number, p.book, p.account, p.day AS booked_on, {0} AS amount, p.commodity AS amount_currency, p.memo, p.reference FROM posting p JOIN commodity c ON c.book = p.book AND c.code = p.commodity", "p")))
        .AddView<Balance>("balances", Amounts.Sqlite("SELECT b.account, b.commodity, a.book, a.type, {0} AS amount, b.commodity AS amount_currency, b.version AS revision FROM balance b JOIN account a ON a.id = b.account JOIN commodity c ON c.book = a.book AND c.code = b.commodity", "b"),
            view => view.Key(b => b.Account, b => b.Commodity).Describe("What an account holds now, a commodity; of income and expense accounts the totals of their categories.")
                .In("postgresql", Amounts.PostgreSql("SELECT b.account, b.commodity, a.book, a.type, {0} AS amount, b.commodity AS amount_currency, b.version AS revision FROM balance b JOIN account a ON a.id = b.account JOIN commodity c ON c.book = a.book AND c.code = b.commodity", "b")));
}

/// <summary>Amounts as exact text in SQL. Units are <c>hi · 10^12 + lo</c>, and the two limbs of a sum may differ in sign.</summary>
internal static class Amounts
{
    /// <summary>A query with the amount of a table's limbs, in the SQL of SQLite, whose integers end at 64 bits: the limbs get one sign, their digits are joined, and the mark is put in by the scale.</summary>
    public static string Sqlite(string query, string table)
    {
        var (hi, lo) = ($"{table}.hi", $"{table}.lo");
        var isNegative = $"({hi} < 0 OR ({hi} = 0 AND {lo} < 0))";
        // A limb that has the other sign borrows from its neighbour.
        var high = $"abs({hi} - CASE WHEN {hi} > 0 AND {lo} < 0 THEN 1 WHEN {hi} < 0 AND {lo} > 0 THEN -1 ELSE 0 END)";
        var low = $"abs({lo} + CASE WHEN {hi} > 0 AND {lo} < 0 THEN 1000000000000 WHEN {hi} < 0 AND {lo} > 0 THEN -1000000000000 ELSE 0 END)";
        // 20 digits before what is needed, so that there is one before the mark; those in excess are taken off again.
        var digits = $"printf('%020d%012d', {high}, {low})";
        var whole = $"COALESCE(NULLIF(ltrim(substr({digits}, 1, 32 - c.scale), '0'), ''), '0')";
        return string.Format(System.Globalization.CultureInfo.InvariantCulture, query, $"CASE WHEN {isNegative} THEN '-' ELSE '' END || {whole} || CASE WHEN c.scale > 0 THEN '.' || substr({digits}, 33 - c.scale) ELSE '' END");
    }

    /// <summary>The same in the SQL of PostgreSQL, whose numbers have no end.</summary>
    public static string PostgreSql(string query, string table)
    {
        var units = $"({table}.hi::numeric * 1000000000000 + {table}.lo)";
        var digits = $"lpad(abs({units})::text, 32, '0')";
        var whole = $"COALESCE(NULLIF(ltrim(substr({digits}, 1, 32 - c.scale::int), '0'), ''), '0')";
        return string.Format(System.Globalization.CultureInfo.InvariantCulture, query, $"CASE WHEN {units} < 0 THEN '-' ELSE '' END || {whole} || CASE WHEN c.scale > 0 THEN '.' || substr({digits}, 33 - c.scale::int) ELSE '' END");
    }
}
