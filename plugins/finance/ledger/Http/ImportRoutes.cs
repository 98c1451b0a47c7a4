using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Nexus.Finance.Ledger.Books;
using Nexus.Finance.Ledger.Imports;

namespace Nexus.Finance.Ledger.Http;

/// <summary>Routes of imports and their profiles.</summary>
internal static class ImportRoutes
{
    private const int Sample = 20;

    /// <summary>Maps the routes.</summary>
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("imports", Import).WithSummary("Import a bank statement, or preview it").RequireAuthorization("finance.ledger.imports:create").Produces<ImportView>(201).Produces<PreviewView>()
            .WithDescription("The body is the file (OFX, QIF or CSV, at most 50 MiB), or a form with one file. What is ambiguous is asked: the answer is 422 IMPORT_AMBIGUOUS with every question and its options; send the file again with the answers, or with a profile that holds them.")
            .WithMetadata(new AcceptsMetadata(["application/octet-stream", "multipart/form-data", "text/csv", "application/x-ofx", "*/*"]))
            .WithQuery("book", "The book, by id; not needed where there is only one or where the account is named by id.").WithQuery("account", "The account, by id or path; not needed where the file names its number.")
            .WithQuery("file", "Name of the file, when the body is the file itself.").WithQuery("profile", "Name of a saved profile with answers.").WithQuery("preview", "true: say what would be done, and do nothing.").WithQuery("answer.*", "Answer to a question by its id, such as answer.date_order=dmy.");
        routes.MapGet("imports", List).WithQuery("book", "The book, by id.", isRequired: true).WithSummary("Imports of a book").RequireAuthorization("finance.ledger.imports:read").Produces<ListView<ImportView>>();
        routes.MapGet("imports/{import}", Get).WithQuery("limit", "Decisions a page, 1 to 1000; 100 otherwise.").WithQuery("cursor", "nextCursor of an earlier page.").WithSummary("An import with each decision and its reason").RequireAuthorization("finance.ledger.imports:read").Produces<ImportView>();
        routes.MapPost("imports/{import}/undo", Undo).WithSummary("Reverse an import as a whole").RequireAuthorization("finance.ledger.imports:undo").Produces<UndoView>();
        routes.MapGet("profiles", ListProfiles).WithQuery("book", "The book, by id.", isRequired: true).WithSummary("Saved import profiles").RequireAuthorization("finance.ledger.imports:read").Produces<ListView<ProfileView>>();
        routes.MapPut("profiles/{name}", SaveProfile).WithQuery("book", "The book, by id.", isRequired: true).WithSummary("Save the answers to an import's questions").RequireAuthorization("finance.ledger.imports:create").Accepts<ProfileRequest>("application/json").Produces<ProfileView>();
    }

    private static async Task<IResult> Import(HttpContext context, [FromServices] Importer importer, [FromServices] Chart chart, [FromServices] ImportHistory history)
    {
        var (name, content) = await FileAsync(context);
        var answers = context.Request.Query.Where(q => q.Key.StartsWith("answer.", StringComparison.OrdinalIgnoreCase)).Select(q => KeyValuePair.Create(q.Key["answer.".Length..], q.Value.ToString()));
        var (book, account) = await PlaceAsync(context, chart);
        var request = new ImportRequest(book, account, Reading.Query(context, "profile"), new ReadingAnswers(ReadingAnswers.None.Values.SetItems(answers)), name, content);
        if (Reading.Query(context, "preview") is "true" or "1") return TypedResults.Json(Preview(await importer.PreviewAsync(request, context.RequestAborted)), LedgerJson.Default.PreviewView);
        var result = await importer.ImportAsync(request, context.RequestAborted);
        context.Response.Headers.Location = $"{Reading.Prefix}/imports/{result.Id}";
        return TypedResults.Json(await ViewAsync(history, result.Id!, 0, 100, context.RequestAborted), LedgerJson.Default.ImportView, statusCode: 201);
    }

    private static async Task<IResult> List(HttpContext context, [FromServices] ImportHistory history) =>
        TypedResults.Json(new ListView<ImportView>([.. (await history.ListAsync(Reading.NeededQuery(context, "book"), context.RequestAborted)).Select(b => View(b, [], null))]), LedgerJson.Default.ListViewImportView);

    private static async Task<IResult> Get(HttpContext context, string import, [FromServices] ImportHistory history)
    {
        var after = Reading.Query(context, "cursor") is not { } cursor ? 0 : long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : throw new NexusException(ErrorCodes.CursorInvalid, "The cursor is not one that this import gave out.");
        return TypedResults.Json(await ViewAsync(history, import, after, Reading.Limit(context), context.RequestAborted), LedgerJson.Default.ImportView);
    }

    private static async Task<IResult> Undo(HttpContext context, string import, [FromServices] Importer importer) =>
        TypedResults.Json(new UndoView(import, await importer.UndoAsync(import, context.RequestAborted)), LedgerJson.Default.UndoView);

    private static async Task<IResult> ListProfiles(HttpContext context, [FromServices] Profiles profiles) =>
        TypedResults.Json(new ListView<ProfileView>([.. (await profiles.ListAsync(Reading.NeededQuery(context, "book"), context.RequestAborted)).Select(p => new ProfileView(p.Name, p.Version, p.Answers))]), LedgerJson.Default.ListViewProfileView);

    private static async Task<IResult> SaveProfile(HttpContext context, string name, [FromServices] Profiles profiles)
    {
        var request = await Reading.BodyAsync(context, LedgerJson.Default.ProfileRequest);
        var answers = request.Answers ?? throw Reading.Invalid("/answers", "required", "Send the answers as an object of texts.");
        var version = await profiles.SaveAsync(Reading.NeededQuery(context, "book"), name, answers, context.RequestAborted);
        return TypedResults.Json(new ProfileView(name, version, answers), LedgerJson.Default.ProfileView);
    }

    // A raw body, or the first file of a form.
    private static async Task<(string? Name, byte[] Content)> FileAsync(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = ReadingLimits.Bytes + (1024 * 1024);
        if (!context.Request.HasFormContentType) return (Reading.Query(context, "file"), await Reading.BytesAsync(context.Request.Body, context.Request.ContentLength, ReadingLimits.Bytes, context.RequestAborted));
        try
        {
            var form = await context.Request.ReadFormAsync(new FormOptions { MultipartBodyLengthLimit = ReadingLimits.Bytes + (1024 * 1024), ValueCountLimit = 20 }, context.RequestAborted);
            if (form.Files.Count != 1) throw new NexusException(ErrorCodes.BadRequest, $"The form has {form.Files.Count} files; send one statement a request, or the file alone as the body.");
            await using var stream = form.Files[0].OpenReadStream();
            return (Reading.Text(Path.GetFileName(form.Files[0].FileName), "/file", 300), await Reading.BytesAsync(stream, form.Files[0].Length, ReadingLimits.Bytes, context.RequestAborted));
        }
        catch (InvalidDataException e)
        {
            throw new NexusException(ErrorCodes.BadRequest, "The form cannot be read: it is broken or larger than the route allows.", e);
        }
    }

    private static async Task<(string Book, string? Account)> PlaceAsync(HttpContext context, Chart chart)
    {
        var (book, account) = (Reading.Query(context, "book"), Reading.Query(context, "account"));
        if (book is not null) return (book, account);
        if (account is not null && Guid.TryParse(account, out _)) return ((await chart.AccountAsync(account, context.RequestAborted)).Book, account);
        var books = await chart.BooksAsync(context.RequestAborted);
        return books.Length == 1 ? (books[0].Id, account) : throw Reading.Invalid("/query/book", "required", $"There are {books.Length} books; name one: ?book=…");
    }

    private static async Task<ImportView> ViewAsync(ImportHistory history, string id, long after, int limit, CancellationToken cancellationToken)
    {
        var batch = await history.GetAsync(id, cancellationToken);
        var lines = await history.DecisionsAsync(id, after, limit + 1, cancellationToken);
        var page = lines.Take(limit).Select(l => new DecisionView(l.N, l.Line, l.Account, l.Date, l.Amount, l.Commodity, l.Text, l.Reference, l.Occurrence, l.Decision, l.Reason, l.Score, l.Candidate, l.Journal, l.Raw)).ToImmutableArray();
        return View(batch, page, lines.Length > limit ? page[^1].N.ToString(CultureInfo.InvariantCulture) : null);
    }

    private static ImportView View(ImportBatch b, ImmutableArray<DecisionView> lines, string? next) =>
        new(b.Id, b.Book, b.FileName, b.Sha256, b.Format, b.Profile, b.CreatedAt, b.UndoneAt, b.Added, b.Duplicates, b.Ignored, b.Dialect, lines, next);

    private static PreviewView Preview(ImportResult result)
    {
        var reading = result.Reading;
        int Count(string kind) => result.Decisions.Count(d => d.Decision.Kind == kind);
        var lines = result.Decisions.Take(Sample).Select((d, i) => new DecisionView(i + 1, d.Decision.Line.Line.Line, d.Account.Id, d.Decision.Line.Line.Date.Stored(), d.Decision.Line.Line.Amount.ToString(), d.Decision.Line.Commodity, ReadingLimits.Clean($"{d.Decision.Line.Line.Payee} {d.Decision.Line.Line.Memo}"), d.Decision.Line.Line.Reference, d.Decision.Occurrence, d.Decision.Kind, d.Decision.Reason, d.Decision.Score, d.Decision.Candidate, null, null));
        return new PreviewView(reading.Format, reading.Dialect, [.. reading.Statements.Select(View)], reading.Problems, reading.Questions, reading.Skipped, reading.Notes, Count("new"), Count("duplicate"), Count("ignored"), [.. lines]);
    }

    private static StatementView View(ParsedStatement s) => new(
        s.Account, s.Bank, s.AccountType, s.Currency, s.From?.Stored(), s.To?.Stored(), s.LedgerBalance?.ToString(), s.BalanceOn?.Stored(), s.Lines.Length, s.Lines.IsEmpty ? null : s.Lines[0].Date.Stored(),
        [.. s.Lines.Take(Sample).Select(l => new LineView(l.Line, l.Date.Stored(), l.ValueDate?.Stored(), l.Amount.ToString(), l.Currency, l.Payee, l.Memo, l.Reference, l.Category, l.Balance?.ToString()))]);
}
