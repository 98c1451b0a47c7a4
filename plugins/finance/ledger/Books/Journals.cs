using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Nexus.Finance.Ledger.Money;
using static Nexus.Finance.Ledger.Books.SqlReading;

namespace Nexus.Finance.Ledger.Books;

/// <summary>Posts, reverses and edits journals. Nothing is ever changed in place: an edit is a reversal and a successor in one commit.</summary>
/// <param name="database">The plugin's database.</param>
/// <param name="time">The clock.</param>
/// <param name="meters">Counts what was posted; null counts nothing.</param>
internal sealed class Journals(ISqlDatabase database, TimeProvider time, LedgerMeters? meters = null)
{
    /// <summary>Makes the draft once accounts and commodities are known.</summary>
    public delegate ValueTask<JournalDraft> Draw(ISqlSession session);

    /// <summary>Posts a journal. A key that was used before gives the journal of then, if the request is the same.</summary>
    /// <exception cref="NexusException"><c>IDEMPOTENCY_CONFLICT</c> when it is not.</exception>
    public ValueTask<Journal> PostAsync(string book, Draw draw, CancellationToken cancellationToken) =>
        CountedAsync(async session =>
        {
            await Chart.NeedBookAsync(session, book);
            var draft = await draw(session);
            if (draft.IdempotencyKey is { } key && await ByKeyAsync(session, book, key, draft.IdempotencyHash) is { } earlier) return (earlier, []);
            return (await WriteAsync(session, book, draft), [draft]);
        }, cancellationToken);

    /// <summary>A journal with its postings.</summary>
    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>.</exception>
    public async ValueTask<Journal> GetAsync(string id, CancellationToken cancellationToken) =>
        ToJournal(id, await database.QueryAsync(JournalSql, With(("id", id)), cancellationToken));

    /// <summary>Undoes a journal by its negation.</summary>
    /// <param name="id">The journal.</param>
    /// <param name="on">Day of the reversal; that of the journal when null.</param>
    /// <param name="reason">Why, for readers; may be null.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="NexusException"><c>JOURNAL_REVERSED</c>, <c>RULE_VIOLATION</c>.</exception>
    public ValueTask<Journal> ReverseAsync(string id, DateOnly? on, string? reason, CancellationToken cancellationToken) =>
        CountedAsync(async session =>
        {
            var journal = await LiveAsync(session, id);
            var reversal = Reversal(journal, on, reason);
            return (await WriteAsync(session, journal.Book, reversal), [reversal]);
        }, cancellationToken);

    /// <summary>Replaces a journal: its reversal and its successor are one commit.</summary>
    /// <returns>The successor.</returns>
    public ValueTask<Journal> EditAsync(string id, Draw draw, CancellationToken cancellationToken) =>
        CountedAsync(async session =>
        {
            var journal = await LiveAsync(session, id);
            var draft = Inherit(journal, await draw(session));
            var reversal = Reversal(journal, null, "Edited");
            await new JournalWriter(session, time).PostAsync(journal.Book, [reversal, draft]);
            Publish(session, journal.Book, reversal);
            Publish(session, journal.Book, draft);
            return (await ReadAsync(session, draft.Id), [reversal, draft]);
        }, cancellationToken);

    /// <summary>The negation of a journal.</summary>
    public static JournalDraft Reversal(Journal journal, DateOnly? on, string? reason) => new()
    {
        BookedOn = on ?? journal.Draft.BookedOn,
        ValueOn = journal.Draft.ValueOn,
        Kind = "reversal",
        Payee = journal.Draft.Payee,
        Narration = reason ?? journal.Draft.Narration,
        Source = journal.Draft.Source,
        Reverses = journal.Id,
        Postings = [.. journal.Draft.Postings.Select(p => p with { Amount = -p.Amount })],
    };

    private const string SelectSql =
        """
        SELECT j.*, r.id AS reversed_by, s.id AS replaced_by, p.n, p.account, p.commodity, p.hi, p.lo, p.memo, p.reference, p.origin, c.scale
        FROM journal j JOIN posting p ON p.journal = j.id JOIN commodity c ON c.book = j.book AND c.code = p.commodity
        LEFT JOIN journal r ON r.reverses = j.id LEFT JOIN journal s ON s.replaces = j.id

        """;

    private const string JournalSql = SelectSql + "WHERE j.id = @id ORDER BY p.n";

    private async ValueTask<Journal> CountedAsync(Func<ISqlSession, ValueTask<(Journal Journal, JournalDraft[] Posted)>> work, CancellationToken cancellationToken)
    {
        var (journal, posted) = await database.WriteAsync((session, _) => work(session), cancellationToken);
        meters?.Posted(posted);
        return journal;
    }

    private async ValueTask<Journal> WriteAsync(ISqlSession session, string book, JournalDraft draft)
    {
        await new JournalWriter(session, time).PostAsync(book, [draft]);
        Publish(session, book, draft);
        return await ReadAsync(session, draft.Id);
    }

    private static async ValueTask<Journal> ReadAsync(ISqlSession session, string id) => ToJournal(id, await session.QueryAsync(JournalSql, With(("id", id))));

    private static async ValueTask<Journal> LiveAsync(ISqlSession session, string id)
    {
        var journal = await ReadAsync(session, id);
        if (journal.Draft.Reverses is { } undone) throw new RuleViolationException($"Journal {id} is itself the reversal of {undone}; post a new journal instead of reversing it.");
        if (journal.ReversedBy is { } by) throw new NexusException(ErrorCodes.JournalReversed, journal.ReplacedBy is { } next ? $"Journal {id} was edited; its successor is {next}." : $"Journal {id} was reversed by {by}.");
        return journal;
    }

    private static async ValueTask<Journal?> ByKeyAsync(ISqlSession session, string book, string key, string? hash)
    {
        var rows = await session.QueryAsync("SELECT id, idem_hash FROM journal WHERE book = @book AND idem_key = @key", With(("book", book), ("key", key)));
        if (rows.Length == 0) return null;
        if (rows[0].Text("idem_hash") != hash) throw new NexusException(ErrorCodes.IdempotencyConflict, $"The key {key} was used for journal {rows[0].Needed("id")}, whose request was another.");
        return await ReadAsync(session, rows[0].Needed("id"));
    }

    // What a statement's line was recognised by stays with the leg of its account through any edit; otherwise a later
    // overlapping statement would bring the line a second time.
    private static JournalDraft Inherit(Journal journal, JournalDraft draft)
    {
        var marks = journal.Draft.Postings.Where(p => p.Reference is not null || p.Origin is not null).ToList();
        var postings = draft.Postings.Select(p =>
        {
            var at = marks.FindIndex(m => m.Account == p.Account && m.Amount == p.Amount);
            if (at < 0) return p;
            var mark = marks[at];
            marks.RemoveAt(at);
            return p with { Reference = mark.Reference, Origin = mark.Origin };
        });
        return draft with { Kind = "edit", Replaces = journal.Id, Source = journal.Draft.Source, Postings = [.. postings] };
    }

    private static void Publish(ISqlSession session, string book, JournalDraft draft)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("journal", draft.Id);
            json.WriteString("book", book);
            json.WriteString("kind", draft.Kind);
            json.WriteString("bookedOn", draft.BookedOn.Stored());
            if (draft.Reverses is not null) json.WriteString("reverses", draft.Reverses);
            if (draft.Replaces is not null) json.WriteString("replaces", draft.Replaces);
            // By how much it changes which balance, so that a screen needs to ask for none.
            json.WriteStartArray("changes");
            foreach (var one in draft.Postings.GroupBy(posting => (posting.Account, posting.Amount.Commodity), posting => posting.Amount))
            {
                json.WriteStartObject();
                json.WriteString("account", one.Key.Account);
                json.WriteString("commodity", one.Key.Commodity.Code);
                json.WriteString("amount", one.Aggregate((left, right) => left + right).ToString());
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }
        session.Publish(new EventMessage { Name = "finance.ledger.journal.posted", Data = buffer.ToArray(), Source = "finance.ledger", Key = book, CorrelationId = CallContext.Current.CorrelationId, Tenant = CallContext.Current.Tenant });
    }

    private static Journal ToJournal(string id, ImmutableArray<SqlRow> rows)
    {
        if (rows.Length == 0) throw new NexusException(ErrorCodes.ResourceNotFound, $"There is no journal {id}.");
        var row = rows[0];
        return new Journal
        {
            Id = id,
            Book = row.Needed("book"),
            Seq = row.Long("seq"),
            RecordedAt = row.Needed("recorded_at"),
            ReversedBy = row.Text("reversed_by"),
            ReplacedBy = row.Text("replaced_by"),
            Draft = new JournalDraft
            {
                Id = id,
                BookedOn = row.Day("booked_on")!.Value,
                ValueOn = row.Day("value_on"),
                Kind = row.Needed("kind"),
                Payee = row.Text("payee"),
                Narration = row.Text("narration"),
                Source = row.Text("source"),
                IdempotencyKey = row.Text("idem_key"),
                Reverses = row.Text("reverses"),
                Replaces = row.Text("replaces"),
                Postings = [.. rows.Select(p => new PostingDraft(p.Needed("account"), new Amount(p.Units(), new Commodity(p.Needed("commodity"), (int)p.Long("scale"))), p.Text("memo"), p.Text("reference"), p.Text("origin")))],
            },
        };
    }

    /// <summary>SHA-256 of a request, by which a repeated key is compared.</summary>
    public static string Hash(string request) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(request)));
}
