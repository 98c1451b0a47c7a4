using System.Collections.Immutable;
using System.Globalization;
using Nexus.Finance.Ledger.Money;
using static Nexus.Finance.Ledger.Books.SqlReading;

namespace Nexus.Finance.Ledger.Books;

/// <summary>Figures of books as people read them, each of one commodity: what is counted in different commodities is never added. Drawn from the totals of days, so that 100,000 postings are a fraction of a second; everything is up to today (UTC), as <c>balances?on=</c> is.</summary>
/// <param name="database">The plugin's database.</param>
/// <param name="time">Says which day it is.</param>
internal sealed class Overviews(ISqlDatabase database, TimeProvider time)
{
    private const string Totals = """
        SELECT a.book, b.commodity, c.scale, a.type, substr(b.day, 1, 7) AS month, SUM(b.hi) AS hi, SUM(b.lo) AS lo
        FROM account a JOIN balance_day b ON b.account = a.id JOIN commodity c ON c.book = a.book AND c.code = b.commodity
        WHERE a.type <> 'equity' AND b.day <= @today
        """;

    private const string Grouped = " GROUP BY a.book, b.commodity, c.scale, a.type, substr(b.day, 1, 7)";

    private DateOnly Today => DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);

    /// <summary>What each book holds of each of its commodities, the base commodity first; a book without postings has a row of zeros in its base commodity.</summary>
    /// <param name="books">Books, in the order of the answer.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public async ValueTask<ImmutableArray<Overview>> ReadAsync(ImmutableArray<Book> books, CancellationToken cancellationToken)
    {
        if (books.IsEmpty) return [];
        var sums = await SumsAsync(books.Length == 1 ? books[0].Id : null, null, cancellationToken);
        var month = Month(Today);
        var scales = (await database.QueryAsync("SELECT b.id AS book, c.code, c.scale FROM book b JOIN commodity c ON c.book = b.id AND c.code = b.base_commodity", null, cancellationToken)).ToDictionary(r => r.Needed("book"), r => new Commodity(r.Needed("code"), (int)r.Long("scale")), StringComparer.Ordinal);
        var byBook = sums.ToLookup(s => s.Book, StringComparer.Ordinal);
        return
        [
            .. books.SelectMany(book => byBook[book.Id].Select(s => s.Commodity).Append(scales[book.Id]).Distinct()
                .OrderBy(c => c.Code != book.BaseCommodity).ThenBy(c => c.Code, StringComparer.Ordinal)
                .Select(commodity =>
                {
                    var own = byBook[book.Id].Where(s => s.Commodity == commodity).ToList();
                    var (assets, liabilities) = (Sum(own, commodity, "asset"), -Sum(own, commodity, "liability"));
                    var now = own.FindAll(s => s.Month == month);
                    return new Overview(book, assets, liabilities, assets + -liabilities, -Sum(now, commodity, "income"), Sum(now, commodity, "expense"));
                })),
        ];
    }

    /// <summary>Income and expenses of each of the last months, this one among them and last, and the net worth at its end.</summary>
    /// <param name="book">The book.</param>
    /// <param name="commodity">What is counted.</param>
    /// <param name="months">How many, 1 to 120.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public async ValueTask<ImmutableArray<MonthFigures>> MonthsAsync(string book, Commodity commodity, int months, CancellationToken cancellationToken)
    {
        var sums = (await SumsAsync(book, commodity.Code, cancellationToken)).ToLookup(s => s.Month, StringComparer.Ordinal);
        var first = new DateOnly(Today.Year, Today.Month, 1).AddMonths(1 - months);
        var worth = sums.Where(m => string.CompareOrdinal(m.Key, Month(first)) < 0).Aggregate(new Amount(0, commodity), (sum, m) => sum + Worth(m, commodity));
        var figures = ImmutableArray.CreateBuilder<MonthFigures>(months);
        for (var n = 0; n < months; n++)
        {
            var month = Month(first.AddMonths(n));
            worth += Worth(sums[month], commodity);
            figures.Add(new MonthFigures(month, -Sum(sums[month], commodity, "income"), Sum(sums[month], commodity, "expense"), worth));
        }
        return figures.MoveToImmutable();
    }

    private async ValueTask<List<MonthSum>> SumsAsync(string? book, string? commodity, CancellationToken cancellationToken)
    {
        var only = (book is null ? "" : " AND a.book = @book") + (commodity is null ? "" : " AND b.commodity = @commodity");
        var parameters = With(("today", Today.Stored()));
        if (book is not null) parameters["book"] = book;
        if (commodity is not null) parameters["commodity"] = commodity;
        var rows = await database.QueryAsync(Totals + only + Grouped, parameters, cancellationToken);
        return [.. rows.Select(r => new MonthSum(r.Needed("book"), r.Needed("type"), r.Needed("month"), new Commodity(r.Needed("commodity"), (int)r.Long("scale")), r.Units()))];
    }

    private static Amount Sum(IEnumerable<MonthSum> sums, Commodity commodity, string type) => sums.Where(s => s.Type == type).Aggregate(new Amount(0, commodity), (sum, s) => sum + new Amount(s.Units, commodity));

    // Liabilities are credits, below zero, so that the sum of both is what would be left.
    private static Amount Worth(IEnumerable<MonthSum> sums, Commodity commodity) => Sum(sums, commodity, "asset") + Sum(sums, commodity, "liability");

    private static string Month(DateOnly day) => day.ToString("yyyy-MM", CultureInfo.InvariantCulture);

    private readonly record struct MonthSum(string Book, string Type, string Month, Commodity Commodity, Int128 Units);
}

/// <summary>What a book holds of a commodity today.</summary>
/// <param name="Book">The book.</param>
/// <param name="Assets">Sum of its asset accounts.</param>
/// <param name="Liabilities">What is owed: above zero is a debt.</param>
/// <param name="NetWorth">Assets less liabilities.</param>
/// <param name="Income">Earned since the first of this month; above zero is a gain.</param>
/// <param name="Expenses">Spent since the first of this month.</param>
internal sealed record Overview(Book Book, Amount Assets, Amount Liabilities, Amount NetWorth, Amount Income, Amount Expenses);

/// <summary>A month of a book in one commodity.</summary>
/// <param name="Month">2026-01.</param>
/// <param name="Income">Above zero is a gain.</param>
/// <param name="Expenses">Above zero was spent.</param>
/// <param name="NetWorth">At the end of the month; of this month, today.</param>
internal sealed record MonthFigures(string Month, Amount Income, Amount Expenses, Amount NetWorth);
