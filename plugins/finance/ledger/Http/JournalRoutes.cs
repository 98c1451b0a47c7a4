using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Nexus.Finance.Ledger.Books;
using Nexus.Finance.Ledger.Money;

namespace Nexus.Finance.Ledger.Http;

/// <summary>Routes of journals.</summary>
internal static class JournalRoutes
{
    /// <summary>Permission to post.</summary>
    public const string Create = "finance.ledger.journals:create";

    /// <summary>Permission to reverse.</summary>
    public const string Undo = "finance.ledger.journals:reverse";

    /// <summary>Maps the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("journals", Post).WithSummary("Post a journal").RequireAuthorization(Create).Accepts<JournalRequest>("application/json").Produces<JournalView>(201);
        routes.MapGet("journals/{journal}", Get).WithSummary("A journal with its postings").RequireAuthorization("finance.ledger.journals:read").Produces<JournalView>();
        routes.MapPut("journals/{journal}", Edit).WithSummary("Edit a journal: reverse it and post another in one commit").RequireAuthorization("finance.ledger.journals:update").Accepts<JournalRequest>("application/json").Produces<JournalView>();
        routes.MapPost("journals/{journal}/reverse", Reverse).WithSummary("Reverse a journal").RequireAuthorization(Undo).Accepts<ReversalRequest>("application/json").Produces<JournalView>(201);
    }

    private static async Task<IResult> Post(HttpContext context, [FromServices] Journals journals)
    {
        var request = await Reading.BodyAsync(context, LedgerJson.Default.JournalRequest);
        var header = context.Request.Headers["Idempotency-Key"].ToString();
        if (request.IdempotencyKey is null && header.Length > 0) request = request with { IdempotencyKey = header };
        var journal = await PostAsync(journals, request, context.RequestAborted);
        context.Response.Headers.Location = $"{Reading.Prefix}/journals/{journal.Id}";
        return TypedResults.Json(journal, LedgerJson.Default.JournalView, statusCode: 201);
    }

    /// <summary>Posts what was asked for.</summary>
    public static async Task<JournalView> PostAsync(Journals journals, JournalRequest request, CancellationToken cancellationToken)
    {
        var book = Reading.Needed(request.Book, "/book", 100);
        return View(await journals.PostAsync(book, session => DraftAsync(session, book, request), cancellationToken));
    }

    /// <summary>Reverses a journal.</summary>
    public static async Task<JournalView> ReverseAsync(Journals journals, string journal, ReversalRequest request, CancellationToken cancellationToken)
    {
        var on = request.BookedOn is { } text ? Reading.Day(text, "/bookedOn") : (DateOnly?)null;
        return View(await journals.ReverseAsync(journal, on, Reading.Text(request.Reason, "/reason", 1_000), cancellationToken));
    }

    private static async Task<IResult> Get(HttpContext context, string journal, [FromServices] Journals journals) =>
        TypedResults.Json(View(await journals.GetAsync(journal, context.RequestAborted)), LedgerJson.Default.JournalView);

    private static async Task<IResult> Edit(HttpContext context, string journal, [FromServices] Journals journals)
    {
        var request = await Reading.BodyAsync(context, LedgerJson.Default.JournalRequest);
        var before = await journals.GetAsync(journal, context.RequestAborted);
        if (request.Book is { } book && book != before.Book) throw Reading.Invalid("/book", "fixed", "A journal stays in its book; reverse it and post it in the other one.");
        var after = await journals.EditAsync(journal, session => DraftAsync(session, before.Book, request), context.RequestAborted);
        return TypedResults.Json(View(after), LedgerJson.Default.JournalView);
    }

    private static async Task<IResult> Reverse(HttpContext context, string journal, [FromServices] Journals journals)
    {
        var request = context.Request.HasJsonContentType() ? await Reading.BodyAsync(context, LedgerJson.Default.ReversalRequest) : new ReversalRequest(null, null);
        var reversal = await ReverseAsync(journals, journal, request, context.RequestAborted);
        context.Response.Headers.Location = $"{Reading.Prefix}/journals/{reversal.Id}";
        return TypedResults.Json(reversal, LedgerJson.Default.JournalView, statusCode: 201);
    }

    private static async ValueTask<JournalDraft> DraftAsync(ISqlSession session, string book, JournalRequest request)
    {
        var commodities = await Chart.CommoditiesAsync(session, book);
        var errors = new Reading.Errors();
        var bookedOn = errors.Try("/bookedOn", () => Reading.Day(Reading.Needed(request.BookedOn, "/bookedOn", 10), "/bookedOn"));
        var valueOn = errors.Try("/valueOn", () => request.ValueOn is { } text ? Reading.Day(text, "/valueOn") : (DateOnly?)null);
        var payee = errors.Try("/payee", () => Reading.Text(request.Payee, "/payee", 500));
        var narration = errors.Try("/narration", () => Reading.Text(request.Narration, "/narration", 4_000));
        var key = errors.Try("/idempotencyKey", () => Reading.Text(request.IdempotencyKey, "/idempotencyKey", 200));
        var asked = request.Postings ?? [];
        if (asked.Length is < 2 or > 1_000) errors.Try<string>("/postings", () => throw Reading.Invalid("/postings", "count", "A journal has 2 to 1,000 postings."));
        var postings = ImmutableArray.CreateBuilder<PostingDraft>();
        for (var i = 0; i < Math.Min(asked.Length, 1_000); i++)
        {
            var (posting, at) = (asked[i], $"/postings/{i}");
            var found = string.IsNullOrEmpty(posting.Account) ? null : await Chart.FindAccountAsync(session, book, posting.Account);
            var account = errors.Try($"{at}/account", () => found ?? throw Reading.Invalid($"{at}/account", "unknown", $"The book has no account {posting.Account}; name one by id or path."));
            var code = posting.Commodity ?? account?.Commodity;
            var amount = errors.Try($"{at}/amount", () => Amount.Parse(Reading.Needed(posting.Amount, $"{at}/amount", 60), code is not null && commodities.TryGetValue(code, out var commodity) ? commodity : throw Reading.Invalid($"{at}/commodity", "unknown", $"The book has no commodity {code ?? "(none named)"}; it has {string.Join(", ", commodities.Keys.Take(20))}.")));
            var memo = errors.Try($"{at}/memo", () => Reading.Text(posting.Memo, $"{at}/memo", 1_000));
            if (account is not null) postings.Add(new PostingDraft(account.Id, amount, memo));
        }
        errors.Throw();
        return new JournalDraft
        {
            BookedOn = bookedOn,
            ValueOn = valueOn,
            Payee = payee,
            Narration = narration,
            IdempotencyKey = key,
            IdempotencyHash = key is null ? null : Journals.Hash(JsonSerializer.Serialize(request, LedgerJson.Default.JournalRequest)),
            Postings = postings.ToImmutable(),
        };
    }

    private static JournalView View(Journal j) => new(
        j.Id, j.Book, j.Seq, j.Draft.BookedOn.Stored(), j.Draft.ValueOn?.Stored(), j.RecordedAt, j.Draft.Kind, j.Draft.Payee, j.Draft.Narration, j.Draft.Source, j.Draft.Reverses, j.ReversedBy, j.Draft.Replaces, j.ReplacedBy,
        [.. j.Draft.Postings.Select(p => new PostingView(p.Account, p.Amount.ToString(), p.Amount.Commodity.Code, p.Memo, p.Reference))]);
}
