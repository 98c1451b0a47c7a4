using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Nexus.Finance.Ledger.Books;
using Nexus.Finance.Ledger.Money;
using static Nexus.Finance.Ledger.Books.SqlReading;

namespace Nexus.Finance.Ledger.Imports;

/// <summary>What a caller asks to import.</summary>
/// <param name="Book">The book.</param>
/// <param name="Account">Id or path of the account, or null when the file's account numbers show it.</param>
/// <param name="Profile">Saved profile, or null.</param>
/// <param name="Answers">Answers of this request; they win over the profile's.</param>
/// <param name="FileName">Name of the file, for readers.</param>
/// <param name="Content">The file.</param>
internal sealed record ImportRequest(string Book, string? Account, string? Profile, ReadingAnswers Answers, string? FileName, byte[] Content);

/// <summary>A finished or proposed import.</summary>
/// <param name="Id">Its id; null for a preview.</param>
/// <param name="Reading">What was read.</param>
/// <param name="Decisions">What happened or would happen to each line, with its account and journal.</param>
internal sealed record ImportResult(string? Id, StatementReading Reading, ImmutableArray<ImportedLine> Decisions);

/// <summary>A decision with its account and journal.</summary>
/// <param name="Decision">The decision.</param>
/// <param name="Account">The account.</param>
/// <param name="Journal">The journal that was posted, or null.</param>
internal sealed record ImportedLine(Decision Decision, Account Account, string? Journal);

/// <summary>Imports statements into a book, whole or not at all, and undoes an import whole.</summary>
/// <param name="database">The plugin's database.</param>
/// <param name="time">The clock.</param>
/// <param name="meters">Counts what was posted; null counts nothing.</param>
/// <remarks>The other leg of a line goes to <c>Expenses:Uncategorised</c> (money out) or <c>Income:Uncategorised</c> (money in), one leg a split, with the file's money category as memo. A transfer goes to <c>Equity:Transfers</c>: when the other account's statement is imported too, both halves cancel there and nothing is counted twice.</remarks>
internal sealed class Importer(ISqlDatabase database, TimeProvider time, LedgerMeters? meters = null)
{
    private const int BookPage = 20_000;

    private const string BookLineSql =
        """
        SELECT p.journal, p.n, p.seq, p.day, p.hi, p.lo, p.commodity, p.reference, p.origin, p.memo, j.payee, j.narration FROM posting p JOIN journal j ON j.id = p.journal
        WHERE p.account = @account AND j.reverses IS NULL AND NOT EXISTS (SELECT 1 FROM journal r WHERE r.reverses = j.id)
        """;

    /// <summary>Reads a file and proposes a decision for each line, if its account is known; changes nothing.</summary>
    public async ValueTask<ImportResult> PreviewAsync(ImportRequest request, CancellationToken cancellationToken)
    {
        var answers = await AnswersAsync(request, cancellationToken);
        var reading = StatementReader.Read(request.Content, answers);
        if (reading.Problems.Length + reading.Questions.Length > 0) return new ImportResult(null, reading, []);
        var log = new ReadingLog();
        var decisions = await DecideAsync(new Snapshot(database), request, reading, log);
        var doubts = log.Finish(reading.Format, [], []);
        return new ImportResult(null, reading with { Problems = doubts.Problems, Questions = doubts.Questions }, [.. decisions.Select(d => new ImportedLine(d.Decision, d.Account, null))]);
    }

    /// <summary>Imports a file in one unit of work. What takes time and writes nothing is done before it, so that others can write to the ledger meanwhile.</summary>
    /// <exception cref="NexusException"><c>IMPORT_UNREADABLE</c>, <c>IMPORT_AMBIGUOUS</c>; nothing was imported.</exception>
    public async ValueTask<ImportResult> ImportAsync(ImportRequest request, CancellationToken cancellationToken)
    {
        var answers = await AnswersAsync(request, cancellationToken);
        var reading = StatementReader.Read(request.Content, answers).OrThrow();
        var snapshot = new Snapshot(database);
        var seen = await StateAsync(snapshot, request.Book);
        var decisions = await CertainAsync(snapshot, request, reading);
        var (result, posted) = await database.WriteAsync(async (session, _) =>
        {
            // The book moved on while it was compared with the file: once more, now that nobody else can write.
            if (await StateAsync(session, request.Book) != seen) decisions = await CertainAsync(session, request, reading);
            var batch = Guid.CreateVersion7().ToString();
            var (drafts, lines) = await DraftsAsync(session, request.Book, batch, decisions);
            await new JournalWriter(session, time).PostAsync(request.Book, drafts);
            var imported = new ImportResult(batch, reading, lines);
            await StoreAsync(session, request, imported);
            Publish(session, "finance.ledger.import.completed", request.Book, imported);
            return (imported, drafts);
        }, cancellationToken);
        meters?.Posted(posted);
        return result;
    }

    /// <summary>Reverses every journal of an import that still counts, successors of edits among them.</summary>
    /// <returns>How many journals were reversed.</returns>
    /// <exception cref="NexusException"><c>IMPORT_UNDONE</c>, <c>RESOURCE_NOT_FOUND</c>.</exception>
    public ValueTask<int> UndoAsync(string batch, CancellationToken cancellationToken) =>
        database.WriteAsync(async (session, _) =>
        {
            var rows = await session.QueryAsync("SELECT book, undone_at FROM import_batch WHERE id = @id", With(("id", batch)));
            if (rows.Length == 0) throw new NexusException(ErrorCodes.ResourceNotFound, $"There is no import {batch}.");
            if (rows[0].Text("undone_at") is { } at) throw new NexusException(ErrorCodes.ImportUndone, $"Import {batch} was undone at {at}.");
            var reversed = await new BatchReversal(session, time).RunAsync(rows[0].Needed("book"), batch, "Import undone");
            await session.ExecuteAsync("UPDATE import_batch SET undone_at = @now WHERE id = @id", With(("now", Now()), ("id", batch)));
            return reversed;
        }, cancellationToken);

    private async ValueTask<ReadingAnswers> AnswersAsync(ImportRequest request, CancellationToken cancellationToken)
    {
        if (request.Profile is null) return request.Answers;
        var rows = await database.QueryAsync("SELECT answers FROM import_profile WHERE book = @book AND name = @name", With(("book", request.Book), ("name", request.Profile)), cancellationToken);
        if (rows.Length == 0) throw new NexusException(ErrorCodes.ResourceNotFound, $"The book has no import profile {request.Profile}.");
        return new ReadingAnswers(Profiles.Parse(rows[0].Needed("answers")).SetItems(request.Answers.Values));
    }

    private static async ValueTask<ImmutableArray<(Decision Decision, Account Account)>> CertainAsync(ISqlSession session, ImportRequest request, StatementReading reading)
    {
        var log = new ReadingLog();
        var decisions = await DecideAsync(session, request, reading, log);
        log.Finish(reading.Format, [], []).OrThrow();
        return decisions;
    }

    // Whatever a decision depends on changes one of these.
    private static async ValueTask<string> StateAsync(ISqlSession session, string book) => string.Join(' ', (await session.QueryAsync(
        """
        SELECT last_seq, (SELECT COUNT(*) FROM commodity WHERE book = @book) AS commodities,
        (SELECT COUNT(*) FROM account WHERE book = @book) AS accounts, (SELECT SUM(revision) FROM account WHERE book = @book) AS revisions FROM book WHERE id = @book
        """, With(("book", book)))).SelectMany(r => r.Values));

    private static async ValueTask<ImmutableArray<(Decision Decision, Account Account)>> DecideAsync(ISqlSession session, ImportRequest request, StatementReading reading, ReadingLog log)
    {
        await Chart.NeedBookAsync(session, request.Book);
        var commodities = await Chart.CommoditiesAsync(session, request.Book);
        var baseCommodity = (await session.QueryAsync("SELECT base_commodity FROM book WHERE id = @id", With(("id", request.Book))))[0].Needed("base_commodity");
        var result = ImmutableArray.CreateBuilder<(Decision, Account)>();
        var byAccount = new Dictionary<string, (Account Account, List<FileLine> Lines)>(StringComparer.Ordinal);
        foreach (var statement in reading.Statements)
        {
            if (await AccountAsync(session, request, statement, reading.Statements.Length, log) is not { } account) continue;
            if (!byAccount.TryGetValue(account.Id, out var entry)) byAccount[account.Id] = entry = (account, []);
            foreach (var line in statement.Lines)
            {
                var code = line.Currency ?? statement.Currency ?? account.Commodity ?? baseCommodity;
                if (account.Commodity is { } only && only != code)
                {
                    log.Problem(line.Line, $"The line is in {code}, but {account.Path} holds {only} only.");
                    continue;
                }
                if (!commodities.TryGetValue(code, out var commodity)) commodities[code] = commodity = Commodity.Currency(code);
                if (line.Amount.AtScale(commodity.Scale) is { } units && units > -Amount.Limit && units < Amount.Limit) entry.Lines.Add(new FileLine(line, units, code));
                else log.Problem(line.Line, $"{line.Amount} does not fit {code}, which has {commodity.Scale} digits after the mark in this book. Nothing is rounded; use a commodity with a larger scale.");
            }
        }
        foreach (var (account, lines) in byAccount.Values)
        {
            var decisions = Matching.Decide(lines, await BookLinesAsync(session, account, lines));
            result.AddRange(decisions.Select(d => (d, account)));
        }
        return result.ToImmutable();
    }

    private static async ValueTask<Account?> AccountAsync(ISqlSession session, ImportRequest request, ParsedStatement statement, int statements, ReadingLog log)
    {
        var wanted = (statement.Account is { } number ? request.Answers["account." + number] : null) ?? (statements == 1 ? request.Account : null);
        if (wanted is not null)
        {
            if (await Chart.FindAccountAsync(session, request.Book, wanted) is { } account) return account;
            throw new NexusException(ErrorCodes.ResourceNotFound, $"The book has no account {wanted}.");
        }
        var rows = statement.Account is null ? [] : await session.QueryAsync("SELECT * FROM account WHERE book = @book AND number = @number", With(("book", request.Book), ("number", statement.Account)));
        if (rows.Length == 1) return Chart.ToAccount(rows[0]);
        var choices = await session.QueryAsync("SELECT path FROM account WHERE book = @book AND type IN ('asset', 'liability') ORDER BY path LIMIT 50", With(("book", request.Book)));
        log.Ask("account." + (statement.Account ?? ""), statement.Account is null ? "Into which account of the book does the file go? It names no account number." : $"Which account of the book is {statement.Account}? {(rows.Length > 1 ? "Several have this number." : "None has this number; give it one to be recognised.")}", [.. choices.Select(c => new ReadingOption(c.Needed("path"), "an account of the book"))]);
        return null;
    }

    private static async ValueTask<IEnumerable<BookLine>> BookLinesAsync(ISqlSession session, Account account, List<FileLine> lines)
    {
        if (lines.Count == 0) return [];
        var (from, to) = (lines.Min(l => l.Line.Date).AddDays(-10).Stored(), lines.Max(l => l.Line.Date).AddDays(10).Stored());
        var rows = new List<SqlRow>();
        // In pages: an engine gives a bounded number of rows a query.
        for (var (day, seq, n) = ("", 0L, 0L); ;)
        {
            var page = await session.QueryAsync(
                $"{BookLineSql} AND p.day BETWEEN @from AND @to AND (p.day, p.seq, p.n) > (@day, @seq, @n) ORDER BY p.day, p.seq, p.n LIMIT {BookPage}",
                With(("account", account.Id), ("from", from), ("to", to), ("day", day), ("seq", seq), ("n", n)));
            rows.AddRange(page);
            if (page.Length < BookPage) break;
            (day, seq, n) = (page[^1].Needed("day"), page[^1].Long("seq"), page[^1].Long("n"));
        }
        foreach (var chunk in lines.Select(l => l.Line.Reference).OfType<string>().Distinct(StringComparer.Ordinal).Chunk(5_000))
        {
            var references = JournalWriter.Json(json => { foreach (var reference in chunk) json.WriteStringValue(reference); });
            rows.AddRange(await session.QueryAsync(
                $"{BookLineSql} AND p.reference IN (SELECT value FROM json_each(@references)) AND (p.day < @from OR p.day > @to) ORDER BY p.day, p.seq, p.n LIMIT {BookPage}".In(session.Dialect),
                With(("account", account.Id), ("from", from), ("to", to), ("references", references))));
        }
        return rows.OrderBy(r => r.Needed("day"), StringComparer.Ordinal).Select(r => new BookLine(r.Needed("journal"), r.Day("day")!.Value, r.Units(), r.Needed("commodity"), r.Text("origin") ?? Matching.Normalise($"{r.Text("payee")} {r.Text("memo") ?? r.Text("narration")}"), r.Text("reference")));
    }

    private static async ValueTask<(List<JournalDraft> Drafts, ImmutableArray<ImportedLine> Lines)> DraftsAsync(ISqlSession session, string book, string batch, ImmutableArray<(Decision Decision, Account Account)> decisions)
    {
        var commodities = await Chart.CommoditiesAsync(session, book);
        var others = new Dictionary<string, string>(StringComparer.Ordinal);
        var drafts = new List<JournalDraft>();
        var lines = ImmutableArray.CreateBuilder<ImportedLine>(decisions.Length);
        foreach (var (decision, account) in decisions)
        {
            if (decision.Kind != "new")
            {
                lines.Add(new ImportedLine(decision, account, null));
                continue;
            }
            var file = decision.Line;
            if (!commodities.TryGetValue(file.Commodity, out var commodity)) commodities[file.Commodity] = commodity = await Chart.AddCommodityAsync(session, book, Commodity.Currency(file.Commodity), null);
            var postings = ImmutableArray.CreateBuilder<PostingDraft>();
            postings.Add(new PostingDraft(account.Id, new Amount(file.Units, commodity), file.Line.Memo, file.Line.Reference, file.Key));
            foreach (var (path, type, amount, memo) in OtherLegs(file, commodity))
            {
                if (!others.TryGetValue(path, out var id)) others[path] = id = (await Chart.FindAccountAsync(session, book, path) ?? await Chart.AddAccountAsync(session, book, path, type, null, null)).Id;
                postings.Add(new PostingDraft(id, amount, memo));
            }
            var draft = new JournalDraft { BookedOn = file.Line.Date, ValueOn = file.Line.ValueDate, Kind = "import", Payee = file.Line.Payee, Narration = file.Line.Memo, Source = batch, Postings = postings.ToImmutable() };
            drafts.Add(draft);
            lines.Add(new ImportedLine(decision, account, draft.Id));
        }
        return (drafts, lines.ToImmutable());
    }

    private static IEnumerable<(string Path, string Type, Amount Amount, string? Memo)> OtherLegs(FileLine file, Commodity commodity)
    {
        var line = file.Line;
        var splits = line.Splits.Select(s => (Units: s.Amount.AtScale(commodity.Scale), Split: s)).ToList();
        if (splits.Count == 0 || splits.Exists(s => s.Units is null)) splits = [(file.Units, new StatementSplit(line.Amount, line.Category, line.TransferAccount, null))];
        foreach (var (units, split) in splits.Where(s => s.Units != 0))
        {
            var memo = split.TransferAccount is { } account ? $"Transfer {account}{(split.Memo is null ? "" : ": " + split.Memo)}" : split.Category is null ? split.Memo : split.Memo is null ? split.Category : $"{split.Category}: {split.Memo}";
            var (path, type) = split.TransferAccount is not null ? ("Equity:Transfers", "equity") : units < 0 ? ("Expenses:Uncategorised", "expense") : ("Income:Uncategorised", "income");
            yield return (path, type, new Amount(-units!.Value, commodity), memo);
        }
    }

    private async ValueTask StoreAsync(ISqlSession session, ImportRequest request, ImportResult result)
    {
        var counts = result.Decisions.GroupBy(d => d.Decision.Kind).ToDictionary(g => g.Key, g => (long)g.Count(), StringComparer.Ordinal);
        await session.ExecuteAsync(
            "INSERT INTO import_batch (id, book, file_name, sha256, format, profile, created_at, added, duplicates, ignored, reading) VALUES (@id, @book, @file, @sha, @format, @profile, @now, @added, @duplicates, @ignored, @reading)",
            With(("id", result.Id), ("book", request.Book), ("file", request.FileName), ("sha", Convert.ToHexStringLower(SHA256.HashData(request.Content))), ("format", result.Reading.Format), ("profile", request.Profile), ("now", Now()),
                ("added", counts.GetValueOrDefault("new")), ("duplicates", counts.GetValueOrDefault("duplicate")), ("ignored", counts.GetValueOrDefault("ignored")), ("reading", Profiles.Format(result.Reading.Dialect))));
        await session.ExecuteManyAsync(
            """
            INSERT INTO import_line (batch, n, line, account, day, amount, commodity, text, reference, occurrence, decision, reason, score, candidate, journal, raw)
            VALUES (@batch, @n, @line, @account, @day, @amount, @commodity, @text, @reference, @occurrence, @decision, @reason, @score, @candidate, @journal, @raw)
            """,
            ["batch", "n", "line", "account", "day", "amount", "commodity", "text", "reference", "occurrence", "decision", "reason", "score", "candidate", "journal", "raw"],
            result.Decisions.Select((imported, i) =>
            {
                var (decision, line) = (imported.Decision, imported.Decision.Line.Line);
                return new object?[]
                {
                    result.Id, i + 1, line.Line, imported.Account.Id, line.Date.Stored(), line.Amount.ToString(), decision.Line.Commodity, ReadingLimits.Clean($"{line.Payee} {line.Memo}"), line.Reference,
                    decision.Occurrence, decision.Kind, decision.Reason, decision.Score, decision.Candidate, imported.Journal, line.Raw,
                };
            }));
    }

    private static void Publish(ISqlSession session, string name, string book, ImportResult result)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("import", result.Id);
            json.WriteString("book", book);
            json.WriteNumber("added", result.Decisions.Count(d => d.Decision.Kind == "new"));
            json.WriteNumber("duplicates", result.Decisions.Count(d => d.Decision.Kind == "duplicate"));
            json.WriteEndObject();
        }
        session.Publish(new EventMessage { Name = name, Data = buffer.ToArray(), Source = "finance.ledger", Key = book, CorrelationId = CallContext.Current.CorrelationId, Tenant = CallContext.Current.Tenant });
    }

    private string Now() => time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}

/// <summary>Reads beside writers where code expects a unit of work.</summary>
/// <param name="database">The plugin's database.</param>
internal sealed class Snapshot(ISqlDatabase database) : ISqlSession
{
    /// <inheritdoc/>
    public string Dialect => database.Dialect;

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<SqlRow>> QueryAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null) => database.QueryAsync(sql, parameters);

    /// <inheritdoc/>
    public ValueTask<int> ExecuteAsync(string sql, IReadOnlyDictionary<string, object?>? parameters = null) => throw new InvalidOperationException("A snapshot is read only.");

    /// <inheritdoc/>
    public void Publish(EventMessage message) => throw new InvalidOperationException("A snapshot publishes nothing.");
}
