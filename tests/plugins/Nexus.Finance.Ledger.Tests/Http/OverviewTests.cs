using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Nexus.Finance.Ledger.Books;

namespace Nexus.Finance.Ledger.Tests.Http;

/// <summary>What the dashboard shows is what balances and registers say.</summary>
public sealed class OverviewTests
{
    private static readonly DateOnly Today = DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime);

    [Fact]
    public async Task Figures_are_those_of_the_balances_exact_and_each_currency_by_itself()
    {
        await using var server = await LedgerServer.StartAsync();
        var book = await server.BookAsync();
        await server.SendAsync(HttpMethod.Post, $"books/{book}/commodities", new { code = "JPY", scale = 0 });
        foreach (var (path, type) in new[] { ("Assets:Cash", "asset"), ("Liabilities:Loan", "liability"), ("Income:Salary", "income"), ("Equity:Opening", "equity") })
            await server.SendAsync(HttpMethod.Post, $"books/{book}/accounts", new { path, type });
        var first = new DateOnly(Today.Year, Today.Month, 1);
        foreach (var (day, from, to, amount, currency) in new[]
        {
            (first.AddMonths(-30), "Equity:Opening", "Assets:Bank", "90071992547409.93", "EUR"),
            (first.AddMonths(-2).AddDays(3), "Income:Salary", "Assets:Bank", "0.10", "EUR"),
            (first.AddMonths(-2).AddDays(9), "Assets:Bank", "Expenses:Food", "0.07", "EUR"),
            (first.AddDays(-1), "Liabilities:Loan", "Assets:Bank", "1000.00", "EUR"),
            (first, "Income:Salary", "Assets:Bank", "2000.01", "EUR"),
            (Today, "Assets:Bank", "Expenses:Food", "12.30", "EUR"),
            (Today, "Income:Salary", "Assets:Cash", "5000", "JPY"),
            (Today.AddDays(40), "Income:Salary", "Assets:Bank", "77.00", "EUR"),
        })
        {
            var (status, answer) = await server.SendAsync(HttpMethod.Post, "journals", new { book, bookedOn = Stored(day), postings = new[] { new { account = to, amount, commodity = currency }, new { account = from, amount = "-" + amount, commodity = currency } } });
            Assert.True(status == 201, answer.ToJsonString());
        }

        var rows = (await server.GetAsync($"books/{book}/overview"))["items"]!.AsArray();
        Assert.Equal(["EUR", "JPY"], rows.Select(r => (string)r!["commodity"]!));
        foreach (var row in rows)
        {
            var code = (string)row!["commodity"]!;
            var (now, before) = (await BalancesAsync(server, book, Today, code), await BalancesAsync(server, book, first.AddDays(-1), code));
            Assert.Equal(now["asset"], Money(row, "assets", code));
            Assert.Equal(-now["liability"], Money(row, "liabilities", code));
            Assert.Equal(now["asset"] + now["liability"], Money(row, "netWorth", code));
            Assert.Equal(before["income"] - now["income"], Money(row, "income", code));
            Assert.Equal(now["expense"] - before["expense"], Money(row, "expenses", code));
        }

        Assert.Equal("90071992550397.67", (string)rows[0]!["assets"]!["amount"]!);
        Assert.Equal(rows.ToJsonString(), (await server.GetAsync("overview"))["items"]!.ToJsonString());
        Assert.Equal("JPY", (string)Assert.Single((await server.GetAsync($"books/{book}/overview?commodity=JPY"))["items"]!.AsArray())!["commodity"]!);
        var months = (await server.GetAsync($"books/{book}/months?commodity=EUR"))["items"]!.AsArray();
        Assert.Equal(12, months.Count);
        Assert.Equal(Stored(Today)[..7], (string)months[^1]!["month"]!);
        for (var n = 0; n < 12; n++)
        {
            var start = first.AddMonths(n - 11);
            var end = start.AddMonths(1).AddDays(-1) is var last && last < Today ? last : Today;
            var (now, before) = (await BalancesAsync(server, book, end, "EUR"), await BalancesAsync(server, book, start.AddDays(-1), "EUR"));
            Assert.Equal(before["income"] - now["income"], Money(months[n]!, "income", "EUR"));
            Assert.Equal(now["expense"] - before["expense"], Money(months[n]!, "expenses", "EUR"));
            Assert.Equal(now["asset"] + now["liability"], Money(months[n]!, "netWorth", "EUR"));
        }
    }

    [Fact]
    public async Task A_new_book_has_zeros_and_what_cannot_be_asked_is_said()
    {
        await using var server = await LedgerServer.StartAsync();
        Assert.Equal("[]", (await server.GetAsync("overview"))["items"]!.ToJsonString());
        var book = await server.BookAsync();

        Assert.Equal("0.00 EUR", Assert.Single((await server.GetAsync("overview"))["items"]!.AsArray())!["netWorth"] is { } worth ? $"{worth["amount"]} {worth["currency"]}" : "");
        Assert.Equal(3, (await server.GetAsync($"books/{book}/months?months=3"))["items"]!.AsArray().Count);
        Assert.Equal("/query/months", (string)(await server.GetAsync($"books/{book}/months?months=121"))["errors"]![0]!["pointer"]!);
        Assert.Equal("/query/commodity", (string)(await server.GetAsync($"books/{book}/months?commodity=XXX"))["errors"]![0]!["pointer"]!);
        Assert.Equal("RESOURCE_NOT_FOUND", (string)(await server.GetAsync("books/nowhere/overview"))["code"]!);
    }

    [Fact]
    public async Task A_hundred_thousand_postings_take_less_than_300_ms()
    {
        await using var server = await LedgerServer.StartAsync();
        var book = await server.BookAsync();
        await server.Database.WriteAsync(async (session, _) =>
        {
            // Ten years of days, as many rows as the postings of 50,000 journals on 3,650 days and 28 accounts leave at most.
            for (var n = 0; n < 28; n++)
                await session.ExecuteAsync("INSERT INTO account (id, book, path, type, normal_side) VALUES (@id, @book, @path, @type, 'debit')", new Dictionary<string, object?> { ["id"] = $"a{n}", ["book"] = book, ["path"] = $"Assets:A{n}", ["type"] = ((string[])["asset", "liability", "income", "expense"])[n % 4] });
            await session.ExecuteAsync(
                """
                INSERT INTO balance_day (account, commodity, day, hi, lo, postings)
                WITH RECURSIVE d(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM d WHERE n < 3649), a(m) AS (SELECT 0 UNION ALL SELECT m + 1 FROM a WHERE m < 27)
                SELECT 'a' || m, 'EUR', date(@today, '-' || n || ' days'), 0, n * 100 + m, 2 FROM d, a
                """, new Dictionary<string, object?> { ["today"] = Stored(Today) });
            return 0;
        });

        foreach (var (path, count) in new[] { ($"books/{book}/months", 12), ($"books/{book}/overview", 1), ("overview", 1) })
        {
            var best = double.MaxValue;
            for (var n = 0; n < 10; n++)
            {
                var start = Stopwatch.GetTimestamp();
                Assert.Equal(count, (await server.GetAsync(path))["items"]!.AsArray().Count);
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }

            TestContext.Current.TestOutputHelper!.WriteLine($"{path}: {best:F0} ms");
            Assert.True(best <= 300, $"{path}: {best:F0} ms");
        }
    }

    private static async Task<Dictionary<string, decimal>> BalancesAsync(LedgerServer server, string book, DateOnly on, string commodity)
    {
        var sums = new Dictionary<string, decimal> { ["asset"] = 0, ["liability"] = 0, ["income"] = 0, ["expense"] = 0, ["equity"] = 0 };
        foreach (var one in (await server.GetAsync($"books/{book}/balances?on={Stored(on)}"))["balances"]!.AsArray().Where(b => (string)b!["commodity"]! == commodity))
            sums[(string)one!["type"]!] += decimal.Parse((string)one["amount"]!, CultureInfo.InvariantCulture);
        return sums;
    }

    private static decimal Money(JsonNode row, string field, string currency)
    {
        Assert.Equal(currency, (string)row[field]!["currency"]!);
        return decimal.Parse((string)row[field]!["amount"]!, CultureInfo.InvariantCulture);
    }

    private static string Stored(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
