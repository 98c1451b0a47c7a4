using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Nexus.Finance.Ledger.Books;
using Nexus.Finance.Ledger.Money;

namespace Nexus.Finance.Ledger.Http;

/// <summary>Routes of books, commodities, accounts, registers, balances and audits.</summary>
internal static class BookRoutes
{
    private const string Read = "finance.ledger.books:read";
    private const string Write = "finance.ledger.books:update";

    private static readonly string[] Types = ["asset", "liability", "equity", "income", "expense"];

    /// <summary>Maps the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("books", AddBook).WithSummary("Open a book").RequireAuthorization("finance.ledger.books:create").Accepts<BookRequest>("application/json").Produces<BookView>(201);
        routes.MapGet("books/{book}/commodities", Commodities).WithSummary("Commodities of a book").RequireAuthorization(Read).Produces<ListView<CommodityView>>();
        routes.MapPost("books/{book}/commodities", AddCommodity).WithSummary("Add a commodity with its fixed scale").RequireAuthorization(Write).Accepts<CommodityView>("application/json").Produces<CommodityView>(201);
        routes.MapGet("books/{book}/accounts", Accounts).WithSummary("Accounts of a book").RequireAuthorization(Read).Produces<ListView<AccountView>>();
        routes.MapPost("books/{book}/accounts", AddAccount).WithSummary("Open an account").RequireAuthorization(Write).Accepts<AccountRequest>("application/json").Produces<AccountView>(201);
        routes.MapGet("books/{book}/balances", Balances).WithSummary("Balances of a book on a day").RequireAuthorization(Read).Produces<BalancesView>();
        routes.MapGet("books/{book}/audit", Audit).WithSummary("Recompute every invariant of a book").RequireAuthorization("finance.ledger.books:audit").Produces<AuditView>();
        routes.MapPut("accounts/{account}", ChangeAccount).WithSummary("Change or close an account").RequireAuthorization(Write).Accepts<AccountChange>("application/json").Produces<AccountView>();
        routes.MapGet("accounts/{account}/register", Register).WithQuery("from", "First day, 2024-12-31.").WithQuery("to", "Last day.").WithQuery("limit", "Lines a page, 1 to 1000; 100 otherwise.").WithQuery("cursor", "nextCursor of an earlier page.").WithSummary("Lines of an account with running balances").RequireAuthorization(Read).Produces<RegisterView>();
    }

    /// <summary>An account as it is sent.</summary>
    public static AccountView View(Account a) => new(a.Id, a.Book, a.Path, a.Type, a.NormalSide, a.Commodity, a.Number, a.ClosedOn?.Stored(), a.Revision);

    private static async Task<IResult> AddBook(HttpContext context, [FromServices] Chart chart)
    {
        var request = await Reading.BodyAsync(context, LedgerJson.Default.BookRequest);
        var errors = new Reading.Errors();
        var name = errors.Try("/name", () => Reading.Needed(request.Name, "/name", 200));
        var commodity = errors.Try("/baseCommodity", () => CommodityOf(request.BaseCommodity, request.Scale, "/baseCommodity"));
        errors.Throw();
        var book = await chart.AddBookAsync(name!, commodity!, context.RequestAborted);
        context.Response.Headers.Location = $"{Reading.Prefix}/books/{book.Id}";
        return TypedResults.Json(View(book), LedgerJson.Default.BookView, statusCode: 201);
    }

    private static async Task<IResult> Commodities(HttpContext context, string book, [FromServices] Chart chart)
    {
        await chart.BookAsync(book, context.RequestAborted);
        return TypedResults.Json(new ListView<CommodityView>([.. (await chart.CommoditiesAsync(book, context.RequestAborted)).Select(c => new CommodityView(c.Code, c.Scale))]), LedgerJson.Default.ListViewCommodityView);
    }

    private static async Task<IResult> AddCommodity(HttpContext context, string book, [FromServices] Chart chart)
    {
        var request = await Reading.BodyAsync(context, LedgerJson.Default.CommodityView);
        var errors = new Reading.Errors();
        var commodity = errors.Try("/code", () => CommodityOf(request.Code, request.Scale, "/code"));
        var name = errors.Try("/name", () => Reading.Text(request.Name, "/name", 200));
        errors.Throw();
        var added = await chart.AddCommodityAsync(book, commodity!, name, context.RequestAborted);
        return TypedResults.Json(new CommodityView(added.Code, added.Scale, name), LedgerJson.Default.CommodityView, statusCode: 201);
    }

    private static async Task<IResult> Accounts(HttpContext context, string book, [FromServices] Chart chart)
    {
        await chart.BookAsync(book, context.RequestAborted);
        return TypedResults.Json(new ListView<AccountView>([.. (await chart.AccountsAsync(book, context.RequestAborted)).Select(View)]), LedgerJson.Default.ListViewAccountView);
    }

    private static async Task<IResult> AddAccount(HttpContext context, string book, [FromServices] Chart chart)
    {
        var request = await Reading.BodyAsync(context, LedgerJson.Default.AccountRequest);
        var errors = new Reading.Errors();
        var path = errors.Try("/path", () => Reading.Needed(request.Path, "/path", 400));
        var type = errors.Try("/type", () => Types.Contains(request.Type, StringComparer.Ordinal) ? request.Type! : throw Reading.Invalid("/type", "choice", $"One of {string.Join(", ", Types)}."));
        var number = errors.Try("/number", () => Reading.Text(request.Number, "/number", 100));
        errors.Throw();
        var account = await chart.AddAccountAsync(book, path!, type!, request.Commodity, number, context.RequestAborted);
        context.Response.Headers.Location = $"{Reading.Prefix}/accounts/{account.Id}";
        return TypedResults.Json(View(account), LedgerJson.Default.AccountView, statusCode: 201);
    }

    private static async Task<IResult> ChangeAccount(HttpContext context, string account, [FromServices] Chart chart)
    {
        var request = await Reading.BodyAsync(context, LedgerJson.Default.AccountChange);
        var errors = new Reading.Errors();
        var number = errors.Try("/number", () => Reading.Text(request.Number, "/number", 100));
        var closed = errors.Try("/closedOn", () => request.ClosedOn is { } text ? Reading.Day(text, "/closedOn") : (DateOnly?)null);
        errors.Throw();
        var match = context.Request.Headers.IfMatch.ToString().Trim('"');
        long? revision = match is "" or "*" ? null : long.TryParse(match, out var seen) ? seen : throw new NexusException(ErrorCodes.PreconditionFailed, "If-Match names no revision of an account.");
        var changed = await chart.ChangeAccountAsync(account, number, closed, revision, context.RequestAborted);
        context.Response.Headers.ETag = $"\"{changed.Revision}\"";
        return TypedResults.Json(View(changed), LedgerJson.Default.AccountView);
    }

    private static async Task<IResult> Register(HttpContext context, string account, [FromServices] Chart chart, [FromServices] Registers registers)
    {
        var found = await chart.AccountAsync(account, context.RequestAborted);
        RegisterPosition? after = Reading.Query(context, "cursor") is { } cursor ? RegisterPosition.FromCursor(cursor) : null;
        var page = await registers.ReadAsync(found.Id, Reading.DayQuery(context, "from"), Reading.DayQuery(context, "to"), after, Reading.Limit(context), context.RequestAborted);
        var lines = page.Lines.Select(l => new RegisterLineView(l.Journal, l.Position.Day, l.Position.Seq, l.Amount.ToString(), l.Amount.Commodity.Code, l.Balance.ToString(), l.Payee, l.Memo, l.Kind, l.Reference, l.Reverses, l.ReversedBy)).ToImmutableArray();
        return TypedResults.Json(new RegisterView(View(found), [.. page.Opening.Select(a => new AmountView(a.ToString(), a.Commodity.Code))], lines, page.Next?.ToCursor()), LedgerJson.Default.RegisterView);
    }

    private static async Task<IResult> Balances(HttpContext context, string book, [FromServices] Chart chart, [FromServices] Registers registers)
    {
        await chart.BookAsync(book, context.RequestAborted);
        var on = Reading.DayQuery(context, "on");
        var balances = await registers.BalancesAsync(book, on, context.RequestAborted);
        return TypedResults.Json(new BalancesView(book, on?.Stored(), [.. balances.Select(b => new BalanceView(b.Account, b.Path, b.Type, b.Amount.ToString(), b.Amount.Commodity.Code))]), LedgerJson.Default.BalancesView);
    }

    private static async Task<IResult> Audit(HttpContext context, string book, [FromServices] Auditor auditor)
    {
        var checks = (await auditor.RunAsync(book, context.RequestAborted)).Select(c => new AuditCheckView(c.Name, c.Broken.IsEmpty, c.Broken)).ToImmutableArray();
        return TypedResults.Json(new AuditView(book, checks.All(c => c.Holds), checks), LedgerJson.Default.AuditView);
    }

    private static BookView View(Book book) => new(book.Id, book.Name, book.BaseCommodity, book.LastSeq);

    private static Commodity CommodityOf(string? code, int? scale, string pointer)
    {
        if (!Commodity.IsCode(code)) throw Reading.Invalid(pointer, "form", "A code is 2 to 12 capital letters, digits, dots or dashes and begins with a letter, such as EUR.");
        if (scale is < 0 or > 18) throw Reading.Invalid("/scale", "range", "A scale is 0 to 18.");
        return scale is { } digits ? new Commodity(code!, digits) : Commodity.IsCurrencyCode(code) ? Commodity.Currency(code!) : throw Reading.Invalid("/scale", "required", "Only currencies of three letters have a scale of their own; name one.");
    }
}
