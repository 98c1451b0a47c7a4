using System.Globalization;

namespace Nexus.Finance.Ledger.Views;

/// <summary>What the other surfaces see of the books: books, accounts, journals, postings and balances as views of the ledger's own tables. They are changed by the ledger's routes and tools alone.</summary>
internal static class LedgerViews
{
    private const string Books = "SELECT id, name, base_commodity, last_seq AS journals, last_seq + 1 AS revision, created_at FROM book";

    private const string Accounts = "SELECT id, book, path, parent, type, normal_side, commodity, number, closed_on, revision FROM account";

    private const string Journals = "SELECT id, book, seq, booked_on, value_on, kind, payee, narration, source AS import, reverses, replaces, recorded_at AS created_at FROM journal";

    private const string Postings = """
        SELECT p.journal, p.n AS number, p.book, p.account, p.day AS booked_on, {0} AS amount, p.commodity AS amount_currency, p.memo, p.reference
        FROM posting p JOIN commodity c ON c.book = p.book AND c.code = p.commodity
        """;

    private const string Balances = """
        SELECT p.account, p.commodity, a.book, a.type, {0} AS amount, p.commodity AS amount_currency, p.version AS revision
        FROM balance p JOIN account a ON a.id = p.account JOIN commodity c ON c.book = a.book AND c.code = p.commodity
        """;

    /// <summary>Declares them.</summary>
    public static void Add(IPluginBuilder plugin)
    {
        plugin.AddView<Book>("books", Books, view => view.Describe("A household's or a company's books."));
        plugin.AddView<Account>("accounts", Accounts, view => view.Describe("Accounts, each of a type and at its place in the tree of its book."));
        plugin.AddView<Journal>("journals", Journals, view => view.Describe("Journals, which are never changed: one is reversed by another."));
        plugin.AddView<Posting>("postings", Amounts.Sqlite(Postings), view => view
            .In("postgresql", Amounts.PostgreSql(Postings))
            .Key(p => p.Journal, p => p.Number)
            .Describe("Legs of journals: an amount above zero debits its account, one below credits it."));
        plugin.AddView<Balance>("balances", Amounts.Sqlite(Balances), view => view
            .In("postgresql", Amounts.PostgreSql(Balances))
            .Key(b => b.Account, b => b.Commodity)
            .Describe("What an account holds now of a commodity; of income and expense accounts the totals of their categories."));
    }
}

/// <summary>Amounts as exact text in SQL: of the limbs of a row <c>p</c> and the scale of its commodity <c>c</c>. Units are <c>hi · 10^12 + lo</c>, and the two limbs of a sum may differ in sign.</summary>
internal static class Amounts
{
    /// <summary>A query with the amount in the place of <c>{0}</c>, in the SQL of SQLite, whose integers end at 64 bits: the limbs get one sign, their digits are joined, and the mark is put in by the scale.</summary>
    public static string Sqlite(string query)
    {
        // A limb that has the other sign borrows from its neighbour.
        const string High = "abs(p.hi - CASE WHEN p.hi > 0 AND p.lo < 0 THEN 1 WHEN p.hi < 0 AND p.lo > 0 THEN -1 ELSE 0 END)";
        const string Low = "abs(p.lo + CASE WHEN p.hi > 0 AND p.lo < 0 THEN 1000000000000 WHEN p.hi < 0 AND p.lo > 0 THEN -1000000000000 ELSE 0 END)";
        return With(query, "p.hi < 0 OR (p.hi = 0 AND p.lo < 0)", $"printf('%020d%012d', {High}, {Low})", "c.scale");
    }

    /// <summary>The same in the SQL of PostgreSQL, whose numbers have no end.</summary>
    public static string PostgreSql(string query) =>
        With(query, "p.hi::numeric * 1000000000000 + p.lo < 0", "lpad(abs(p.hi::numeric * 1000000000000 + p.lo)::text, 32, '0')", "c.scale::int");

    /// <summary>The mark goes among 32 digits; those before it that say nothing are left out.</summary>
    private static string With(string query, string isNegative, string digits, string scale) => string.Format(
        CultureInfo.InvariantCulture,
        query,
        $"CASE WHEN {isNegative} THEN '-' ELSE '' END || COALESCE(NULLIF(ltrim(substr({digits}, 1, 32 - {scale}), '0'), ''), '0') || CASE WHEN {scale} > 0 THEN '.' || substr({digits}, 33 - {scale}) ELSE '' END");
}
