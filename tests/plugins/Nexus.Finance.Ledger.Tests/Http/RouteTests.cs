using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Finance.Ledger.Http;

namespace Nexus.Finance.Ledger.Tests.Http;

public sealed class RouteTests
{
    private static object Journal(string book, string amount = "12.50", string other = "-12.50", string? key = null) => new
    {
        book,
        bookedOn = "2024-01-15",
        payee = "Market",
        idempotencyKey = key,
        postings = new[] { new { account = "Expenses:Food", amount, commodity = "EUR" }, new { account = "Assets:Bank", amount = other, commodity = "EUR" } },
    };

    [Fact]
    public async Task A_posted_journal_stands_in_register_and_balances()
    {
        await using var server = await LedgerServer.StartAsync();
        var book = await server.BookAsync();

        var (status, journal) = await server.SendAsync(HttpMethod.Post, "journals", Journal(book));

        Assert.Equal(201, status);
        Assert.Equal(("2024-01-15", 1, "12.50"), ((string)journal["bookedOn"]!, (int)journal["seq"]!, (string)journal["postings"]![0]!["amount"]!));
        var account = (string)journal["postings"]![1]!["account"]!;
        var register = await server.GetAsync($"accounts/{account}/register?from=2024-01-01&to=2024-01-31");
        Assert.Equal(("Assets:Bank", "-12.50", "-12.50"), ((string)register["account"]!["path"]!, (string)register["lines"]![0]!["amount"]!, (string)register["lines"]![0]!["balance"]!));
        Assert.Equal("[]", (await server.GetAsync($"books/{book}/balances?on=2024-01-14"))["balances"]!.ToJsonString());
        Assert.Equal("-12.50", (string)(await server.GetAsync($"books/{book}/balances"))["balances"]![0]!["amount"]!);
        Assert.True((bool)(await server.GetAsync($"books/{book}/audit"))["sound"]!);
    }

    [Fact]
    public async Task Every_wrong_field_of_a_journal_is_named_at_once()
    {
        await using var server = await LedgerServer.StartAsync();
        var book = await server.BookAsync();

        var (status, error) = await server.SendAsync(HttpMethod.Post, "journals", new { book, bookedOn = "15.1.2024", postings = new[] { new { account = "Nowhere", amount = "1.005", commodity = "EUR" }, new { account = "Assets:Bank", amount = "x", commodity = "XXX" } } });

        Assert.Equal((422, "VALIDATION_ERROR"), (status, (string)error["code"]!));
        Assert.Equal(["/bookedOn", "/postings/0/account", "/postings/0/amount", "/postings/1/commodity"], error["errors"]!.AsArray().Select(e => (string)e!["pointer"]!));
    }

    [Fact]
    public async Task What_does_not_balance_or_parse_is_refused_with_its_code()
    {
        await using var server = await LedgerServer.StartAsync();
        var book = await server.BookAsync();

        Assert.Equal("JOURNAL_UNBALANCED", (string)(await server.SendAsync(HttpMethod.Post, "journals", Journal(book, other: "-12.49"))).Body["code"]!);
        Assert.Equal("BAD_REQUEST", (string)(await server.SendAsync(HttpMethod.Post, "journals", new { book, bokedOn = "2024-01-15" })).Body["code"]!);
        Assert.Equal("BAD_REQUEST", (string)(await server.SendAsync(HttpMethod.Post, "journals", new { book, postings = new[] { new { amount = 12.5 } } })).Body["code"]!);
        Assert.Equal(415, (await server.SendAsync(HttpMethod.Post, "journals", "text")).Status);
        Assert.Equal("RESOURCE_NOT_FOUND", (string)(await server.SendAsync(HttpMethod.Post, "journals", Journal("none"))).Body["code"]!);
        Assert.Equal("CURSOR_INVALID", (string)(await server.GetAsync($"accounts/{(string)(await server.GetAsync($"books/{book}/accounts"))["items"]![0]!["id"]!}/register?cursor=zzz"))["code"]!);
        Assert.Equal("VALIDATION_ERROR", (string)(await server.GetAsync($"accounts/{(string)(await server.GetAsync($"books/{book}/accounts"))["items"]![0]!["id"]!}/register?limit=5000"))["code"]!);
    }

    [Fact]
    public async Task A_journal_is_edited_and_reversed_by_new_journals_only()
    {
        await using var server = await LedgerServer.StartAsync();
        var book = await server.BookAsync();
        var first = (string)(await server.SendAsync(HttpMethod.Post, "journals", Journal(book))).Body["id"]!;

        var (_, second) = await server.SendAsync(HttpMethod.Put, $"journals/{first}", Journal(book, "20.00", "-20.00"));
        var (status, third) = await server.SendAsync(HttpMethod.Post, $"journals/{(string)second["id"]!}/reverse");

        Assert.Equal((first, 3), ((string)second["replaces"]!, (int)second["seq"]!));
        Assert.Equal((201, (string)second["id"]!), (status, (string)third["reverses"]!));
        Assert.Equal("JOURNAL_REVERSED", (string)(await server.SendAsync(HttpMethod.Put, $"journals/{first}", Journal(book))).Body["code"]!);
        Assert.Equal("0.00", (string)(await server.GetAsync($"books/{book}/balances"))["balances"]![0]!["amount"]!);
    }

    [Fact]
    public async Task The_idempotency_key_of_the_header_makes_a_repeat_harmless()
    {
        await using var server = await LedgerServer.StartAsync();
        var book = await server.BookAsync();

        var first = await server.SendAsync(HttpMethod.Post, "journals", Journal(book), ("Idempotency-Key", "a"));
        var again = await server.SendAsync(HttpMethod.Post, "journals", Journal(book), ("Idempotency-Key", "a"));
        var other = await server.SendAsync(HttpMethod.Post, "journals", Journal(book, "1.00", "-1.00"), ("Idempotency-Key", "a"));

        Assert.Equal((string)first.Body["id"]!, (string)again.Body["id"]!);
        Assert.Equal("IDEMPOTENCY_CONFLICT", (string)other.Body["code"]!);
    }

    [Fact]
    public async Task A_register_pages_without_losing_the_balance()
    {
        await using var server = await LedgerServer.StartAsync();
        var book = await server.BookAsync();
        for (var i = 0; i < 5; i++) await server.SendAsync(HttpMethod.Post, "journals", Journal(book));
        var account = (string)(await server.GetAsync($"books/{book}/accounts"))["items"]!.AsArray().Single(a => (string)a!["path"]! == "Expenses:Food")!["id"]!;

        var balances = new List<string>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await server.GetAsync($"accounts/{account}/register?limit=2&cursor={cursor}");
            balances.AddRange(page["lines"]!.AsArray().Select(l => (string)l!["balance"]!));
            cursor = (string?)page["nextCursor"];
        }

        Assert.Equal(["12.50", "25.00", "37.50", "50.00", "62.50"], balances);
    }

    [Fact]
    public async Task An_import_is_previewed_booked_explained_and_undone()
    {
        await using var server = await LedgerServer.StartAsync();
        await server.BookAsync();
        const string File = "Date,Description,Amount\n2024-01-05,Coffee,-3.50\n2024-01-05,Coffee,-3.50\n";

        var preview = await server.SendAsync(HttpMethod.Post, "imports?account=Assets:Bank&preview=true", File);
        var (status, import) = await server.SendAsync(HttpMethod.Post, "imports?account=Assets:Bank&file=jan.csv", File);
        var again = await server.SendAsync(HttpMethod.Post, "imports?account=Assets:Bank", File);

        Assert.Equal((200, 2, "csv", ","), (preview.Status, (int)preview.Body["added"]!, (string)preview.Body["format"]!, (string)preview.Body["dialect"]!["delimiter"]!));
        Assert.Equal((201, 2, "jan.csv"), (status, (int)import["added"]!, (string)import["fileName"]!));
        Assert.Equal((0, 2), ((int)again.Body["added"]!, (int)again.Body["duplicates"]!));
        var read = await server.GetAsync($"imports/{(string)again.Body["id"]!}?limit=1");
        Assert.Equal("duplicate", (string)read["lines"]![0]!["decision"]!);
        Assert.Contains("equal line", (string)read["lines"]![0]!["reason"]!, StringComparison.Ordinal);
        Assert.Equal("1", (string)read["nextCursor"]!);
        Assert.Equal(2, (int)(await server.SendAsync(HttpMethod.Post, $"imports/{(string)import["id"]!}/undo")).Body["reversed"]!);
        Assert.Equal("IMPORT_UNDONE", (string)(await server.SendAsync(HttpMethod.Post, $"imports/{(string)import["id"]!}/undo")).Body["code"]!);
    }

    [Fact]
    public async Task What_is_ambiguous_is_asked_and_a_profile_answers_it_next_time()
    {
        await using var server = await LedgerServer.StartAsync();
        var book = await server.BookAsync();
        const string File = "Date;Text;Amount\n01/02/2024;Rent;-3.000\n02/03/2024;Pay;4.000\n";

        var (status, asked) = await server.SendAsync(HttpMethod.Post, "imports?account=Assets:Bank", File);
        var preview = await server.SendAsync(HttpMethod.Post, "imports?account=Assets:Bank&preview=true", File);
        var profile = await server.SendAsync(HttpMethod.Put, $"profiles/my-bank?book={book}", new { answers = new { date_order = "dmy", decimal_mark = ",", unbooked = "import" } });
        var done = await server.SendAsync(HttpMethod.Post, "imports?account=Assets:Bank&profile=my-bank", File);

        Assert.Equal((422, "IMPORT_AMBIGUOUS"), (status, (string)asked["code"]!));
        Assert.Equal(["/answers/decimal_mark", "/answers/date_order"], asked["errors"]!.AsArray().Select(e => (string)e!["pointer"]!));
        Assert.Equal(["decimal_mark", "date_order"], preview.Body["questions"]!.AsArray().Select(q => (string)q!["id"]!));
        Assert.Equal(1, (int)profile.Body["version"]!);
        Assert.Equal(["-3000", "4000"], done.Body["lines"]!.AsArray().Select(l => (string)l!["amount"]!));
        Assert.Equal("2024-02-01", (string)done.Body["lines"]![0]!["date"]!);
        Assert.Equal("VALIDATION_ERROR", (string)(await server.SendAsync(HttpMethod.Put, $"profiles/x?book={book}", new { answers = new { date_order = "guess" } })).Body["code"]!);
    }

    [Fact]
    public async Task A_form_with_one_file_is_an_import_too()
    {
        await using var server = await LedgerServer.StartAsync();
        await server.BookAsync();
        using var form = new MultipartFormDataContent();
        using var file = new ByteArrayContent(Encoding.UTF8.GetBytes("!Type:Bank\nD13/01/2024\nT-5.00\nPTea\n^\n"));
        file.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        form.Add(file, "file", "bank.qif");

        var (status, import) = await server.SendAsync(HttpMethod.Post, "imports?account=Assets:Bank", form);

        Assert.Equal((201, "bank.qif", "qif", 1), (status, (string)import["fileName"]!, (string)import["format"]!, (int)import["added"]!));
    }

    [Fact]
    public async Task An_account_is_changed_only_on_the_revision_that_was_seen()
    {
        await using var server = await LedgerServer.StartAsync();
        var book = await server.BookAsync();
        var id = (string)(await server.GetAsync($"books/{book}/accounts"))["items"]![0]!["id"]!;

        var first = await server.SendAsync(HttpMethod.Put, $"accounts/{id}", new { number = "DE42" }, ("If-Match", "\"1\""));
        var stale = await server.SendAsync(HttpMethod.Put, $"accounts/{id}", new { number = "DE43" }, ("If-Match", "\"1\""));

        Assert.Equal(("DE42", 2), ((string)first.Body["number"]!, (int)first.Body["revision"]!));
        Assert.Equal((412, "PRECONDITION_FAILED"), (stale.Status, (string)stale.Body["code"]!));
    }

    [Fact]
    public void Every_route_names_the_permission_that_it_needs()
    {
        using var app = WebApplication.CreateSlimBuilder().Build();
        IEndpointRouteBuilder routes = app;
        BookRoutes.Map(routes);
        JournalRoutes.Map(routes);
        ImportRoutes.Map(routes);

        var endpoints = routes.DataSources.SelectMany(s => s.Endpoints).ToList();

        Assert.Equal(19, endpoints.Count);
        Assert.All(endpoints, e => Assert.Matches("^finance\\.ledger\\.[a-z]+:[a-z]+$", e.Metadata.GetMetadata<IAuthorizeData>()?.Policy ?? ""));
    }
}
