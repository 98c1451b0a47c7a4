using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Nexus.Finance.Ledger.Books;
using Nexus.Finance.Ledger.Money;

namespace Nexus.Finance.Ledger.Http;

/// <summary>Routes of the figures that the dashboard shows.</summary>
internal static class OverviewRoutes
{
    private const string Read = "finance.ledger.books:read";
    private const int MaxMonths = 120;

    /// <summary>Maps the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("overview", All).WithSummary("Assets, debts and net worth of every book today, and income and expenses of this month, one row for each commodity").RequireAuthorization(Read).Produces<ListView<OverviewView>>();
        routes.MapGet("books/{book}/overview", One).WithQuery("commodity", "Only this one.").WithSummary("The same of one book, its base commodity first").RequireAuthorization(Read).Produces<ListView<OverviewView>>();
        routes.MapGet("books/{book}/months", Months).WithQuery("commodity", "What is counted; the base commodity when absent.").WithQuery("months", "1 to 120; 12 when absent.").WithSummary("Income, expenses and net worth of the last months").RequireAuthorization(Read).Produces<ListView<MonthView>>();
    }

    private static async Task<IResult> All(HttpContext context, [FromServices] Chart chart, [FromServices] Overviews overviews) =>
        TypedResults.Json(View(await overviews.ReadAsync(await chart.BooksAsync(context.RequestAborted), context.RequestAborted)), LedgerJson.Default.ListViewOverviewView);

    private static async Task<IResult> One(HttpContext context, string book, [FromServices] Chart chart, [FromServices] Overviews overviews)
    {
        var rows = await overviews.ReadAsync([await chart.BookAsync(book, context.RequestAborted)], context.RequestAborted);
        return TypedResults.Json(View(Reading.Query(context, "commodity") is { } code ? rows.Where(r => r.Assets.Commodity.Code == code) : rows), LedgerJson.Default.ListViewOverviewView);
    }

    private static async Task<IResult> Months(HttpContext context, string book, [FromServices] Chart chart, [FromServices] Overviews overviews)
    {
        var found = await chart.BookAsync(book, context.RequestAborted);
        var code = Reading.Query(context, "commodity") ?? found.BaseCommodity;
        var commodity = (await chart.CommoditiesAsync(book, context.RequestAborted)).FirstOrDefault(c => c.Code == code)
            ?? throw Reading.Invalid("/query/commodity", "reference", $"The book has no commodity {code}.");
        var months = Reading.Query(context, "months") is not { } text ? 12
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is >= 1 and <= MaxMonths ? number
            : throw Reading.Invalid("/query/months", "range", $"months is a number from 1 to {MaxMonths}.");
        var figures = await overviews.MonthsAsync(book, commodity, months, context.RequestAborted);
        return TypedResults.Json(new ListView<MonthView>([.. figures.Select(f => new MonthView(f.Month, View(f.Income), View(f.Expenses), View(f.NetWorth)))]), LedgerJson.Default.ListViewMonthView);
    }

    private static ListView<OverviewView> View(IEnumerable<Overview> rows) =>
        new([.. rows.Select(r => new OverviewView(r.Book.Id, r.Book.Name, r.Assets.Commodity.Code, View(r.Assets), View(r.Liabilities), View(r.NetWorth), View(r.Income), View(r.Expenses)))]);

    private static MoneyView View(Amount amount) => new(amount.ToString(), amount.Commodity.Code);
}
