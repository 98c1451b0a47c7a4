using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Nexus.Finance.Ledger.Money;
using static Nexus.Finance.Ledger.Books.SqlReading;

namespace Nexus.Finance.Ledger.Books;

/// <summary>Writes journals within a unit of work: postings, journals and both kinds of balance at once, so that no reader ever sees one without the other.</summary>
/// <param name="session">The unit of work.</param>
/// <param name="time">The clock.</param>
internal sealed class JournalWriter(ISqlSession session, TimeProvider time)
{
    // The postings of a chunk are still in the engine's memory when its journals arrive and look at them.
    private const int Chunk = 500;

    /// <summary>Posts journals of one book in the given order.</summary>
    /// <returns>Seq of the first; the others follow without a gap.</returns>
    /// <exception cref="NexusException"><c>JOURNAL_UNBALANCED</c>, <c>AMOUNT_OVERFLOW</c>, <c>VALIDATION_ERROR</c>.</exception>
    public async ValueTask<long> PostAsync(string book, IReadOnlyList<JournalDraft> drafts)
    {
        if (drafts.Count == 0) return 0;
        foreach (var draft in drafts) Check(draft);
        await CheckAccountsAsync(book, drafts);
        var (first, recordedAt) = await ReserveAsync(book, drafts.Count);
        for (var at = 0; at < drafts.Count; at += Chunk)
        {
            var chunk = drafts.Skip(at).Take(Chunk).ToList();
            await InsertPostingsAsync(book, chunk, first + at);
            await InsertJournalsAsync(book, chunk, first + at, recordedAt);
        }
        await AddToBalancesAsync(drafts);
        return first;
    }

    private static void Check(JournalDraft draft)
    {
        if (draft.Postings.Length is < 2 or > 1_000) throw new NexusException(ErrorCodes.ValidationError, $"A journal has 2 to 1,000 postings; this one has {draft.Postings.Length}.") { Errors = [new FieldError("/postings", "count", "Between 2 and 1,000 postings.")] };
        var errors = ImmutableArray.CreateBuilder<FieldError>();
        // The common journal has two legs of one commodity, and a file of statements has very many of it.
        if (draft.Postings is [var debit, var credit] && debit.Amount.Commodity == credit.Amount.Commodity && debit.Amount.Units == -credit.Amount.Units) return;
        foreach (var group in draft.Postings.GroupBy(p => p.Amount.Commodity))
        {
            var sum = new Amount(0, group.Key);
            foreach (var posting in group) sum += posting.Amount;
            if (sum.Units != 0) errors.Add(new FieldError("/postings", "unbalanced", $"The postings in {group.Key.Code} sum to {sum}, not to zero."));
        }
        if (errors.Count > 0) throw new NexusException(ErrorCodes.JournalUnbalanced, string.Join(" ", errors.Select(e => e.Message))) { Errors = errors.ToImmutable() };
    }

    private async ValueTask CheckAccountsAsync(string book, IReadOnlyList<JournalDraft> drafts)
    {
        var ids = drafts.SelectMany(d => d.Postings).Select(p => p.Account).ToHashSet(StringComparer.Ordinal);
        var rows = await session.QueryAsync("SELECT id, book, path, commodity, closed_on FROM account WHERE id IN (SELECT value FROM json_each(@ids))".In(session.Dialect), With(("ids", Array(ids))));
        var accounts = rows.ToDictionary(r => r.Needed("id"), StringComparer.Ordinal);
        var errors = ImmutableArray.CreateBuilder<FieldError>();
        foreach (var draft in drafts)
        {
            for (var i = 0; i < draft.Postings.Length && errors.Count < 100; i++)
            {
                var posting = draft.Postings[i];
                var pointer = $"/postings/{i}/account";
                if (!accounts.TryGetValue(posting.Account, out var account) || account.Needed("book") != book) errors.Add(new FieldError(pointer, "unknown", $"The book has no account {posting.Account}."));
                else if (account.Text("commodity") is { } only && only != posting.Amount.Commodity.Code) errors.Add(new FieldError(pointer, "commodity", $"{account.Needed("path")} holds {only} only."));
                else if (account.Day("closed_on") is { } closed && draft.BookedOn > closed) errors.Add(new FieldError(pointer, "closed", $"{account.Needed("path")} was closed on {closed.Stored()}."));
            }
        }
        if (errors.Count > 0) throw new NexusException(ErrorCodes.ValidationError, errors[0].Message) { Errors = errors.ToImmutable() };
    }

    /// <summary>Takes the next numbers of a book.</summary>
    public async ValueTask<(long First, string RecordedAt)> ReserveAsync(string book, int count)
    {
        var now = time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.ffffffZ", CultureInfo.InvariantCulture);
        // A clock that was set back must not order a later journal before an earlier one.
        var changed = await session.ExecuteAsync("UPDATE book SET last_seq = last_seq + @count, last_recorded_at = CASE WHEN last_recorded_at > @now THEN last_recorded_at ELSE @now END WHERE id = @book", With(("count", (long)count), ("now", now), ("book", book)));
        if (changed == 0) throw new NexusException(ErrorCodes.ResourceNotFound, $"There is no book {book}.");
        var row = (await session.QueryAsync("SELECT last_seq, last_recorded_at FROM book WHERE id = @book", With(("book", book))))[0];
        return (row.Long("last_seq") - count + 1, row.Needed("last_recorded_at"));
    }

    private async ValueTask InsertPostingsAsync(string book, IReadOnlyList<JournalDraft> drafts, long firstSeq) => await session.ExecuteManyAsync(
        """
        INSERT INTO posting (journal, n, book, account, commodity, hi, lo, day, seq, memo, reference, origin)
        VALUES (@journal, @n, @book, @account, @commodity, @hi, @lo, @day, @seq, @memo, @reference, @origin)
        """,
        ["journal", "n", "book", "account", "commodity", "hi", "lo", "day", "seq", "memo", "reference", "origin"],
        drafts.SelectMany((draft, i) =>
        {
            var day = draft.BookedOn.Stored();
            return draft.Postings.Select((posting, n) =>
            {
                var limbs = Limbs.Of(posting.Amount.Units);
                return new object?[] { draft.Id, n, book, posting.Account, posting.Amount.Commodity.Code, limbs.Hi, limbs.Lo, day, firstSeq + i, posting.Memo, posting.Reference, posting.Origin };
            });
        }));

    private async ValueTask InsertJournalsAsync(string book, IReadOnlyList<JournalDraft> drafts, long firstSeq, string recordedAt) => await session.ExecuteManyAsync(
        """
        INSERT INTO journal (id, book, seq, recorded_at, booked_on, value_on, kind, payee, narration, source, idem_key, idem_hash, reverses, replaces)
        VALUES (@id, @book, @seq, @at, @booked, @value, @kind, @payee, @narration, @source, @key, @hash, @reverses, @replaces)
        """,
        ["id", "book", "seq", "at", "booked", "value", "kind", "payee", "narration", "source", "key", "hash", "reverses", "replaces"],
        drafts.Select((d, i) => new object?[] { d.Id, book, firstSeq + i, recordedAt, d.BookedOn.Stored(), d.ValueOn?.Stored(), d.Kind, d.Payee, d.Narration, d.Source, d.IdempotencyKey, d.IdempotencyHash, d.Reverses, d.Replaces }));

    // One upsert a pair, in ascending order: engines with row locks then never deadlock.
    private async ValueTask AddToBalancesAsync(IReadOnlyList<JournalDraft> drafts)
    {
        var total = new Dictionary<(string Account, string Commodity), Int128>();
        var days = new Dictionary<(string Account, string Day, string Commodity), (Int128 Units, int Count)>();
        foreach (var draft in drafts)
        {
            var day = draft.BookedOn.Stored();
            foreach (var posting in draft.Postings)
            {
                var (account, code, units) = (posting.Account, posting.Amount.Commodity.Code, posting.Amount.Units);
                total[(account, code)] = Amount.Bounded(total.GetValueOrDefault((account, code)) + units);
                var sum = days.GetValueOrDefault((account, day, code));
                days[(account, day, code)] = (Amount.Bounded(sum.Units + units), sum.Count + 1);
            }
        }
        var balances = Json(json => { foreach (var (key, units) in total.OrderBy(t => t.Key.Account, StringComparer.Ordinal).ThenBy(t => t.Key.Commodity, StringComparer.Ordinal)) Write(json, [key.Account, key.Commodity], units, null); });
        await session.ExecuteAsync(
            """
            INSERT INTO balance (account, commodity, hi, lo, version) SELECT ~0, ~1, ~2#, ~3#, 1 FROM json_each(@rows) WHERE true ORDER BY key
            ON CONFLICT (account, commodity) DO UPDATE SET hi = balance.hi + excluded.hi + (balance.lo + excluded.lo) / 1000000000000, lo = (balance.lo + excluded.lo) % 1000000000000, version = balance.version + 1
            """.In(session.Dialect), With(("rows", balances)));
        var byDay = Json(json => { foreach (var (key, sum) in days.OrderBy(d => d.Key.Account, StringComparer.Ordinal).ThenBy(d => d.Key.Day, StringComparer.Ordinal).ThenBy(d => d.Key.Commodity, StringComparer.Ordinal)) Write(json, [key.Account, key.Commodity, key.Day], sum.Units, sum.Count); });
        await session.ExecuteAsync(
            """
            INSERT INTO balance_day (account, commodity, day, hi, lo, postings) SELECT ~0, ~1, ~2, ~3#, ~4#, ~5# FROM json_each(@rows) WHERE true ORDER BY key
            ON CONFLICT (account, day, commodity) DO UPDATE SET hi = balance_day.hi + excluded.hi + (balance_day.lo + excluded.lo) / 1000000000000, lo = (balance_day.lo + excluded.lo) % 1000000000000, postings = balance_day.postings + excluded.postings
            """.In(session.Dialect), With(("rows", byDay)));
    }

    private static void Write(Utf8JsonWriter json, ReadOnlySpan<string> texts, Int128 units, int? count)
    {
        var limbs = Limbs.Of(units);
        json.WriteStartArray();
        foreach (var text in texts) json.WriteStringValue(text);
        json.WriteNumberValue(limbs.Hi);
        json.WriteNumberValue(limbs.Lo);
        if (count is { } number) json.WriteNumberValue(number);
        json.WriteEndArray();
    }

    private static string Array(IEnumerable<string> texts) => Json(json => { foreach (var text in texts) json.WriteStringValue(text); });

    /// <summary>A JSON array as text: how many rows go to the database in one statement.</summary>
    public static string Json(Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            write(json);
            json.WriteEndArray();
        }
        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }
}

/// <summary>Rows that go to the database as one JSON array, in the SQL of SQLite and of PostgreSQL.</summary>
internal static class JsonRows
{
    private static readonly System.Collections.Concurrent.ConcurrentDictionary<(string Sql, string Dialect), string> Made = new();

    /// <summary>The text in a dialect. <c>~3</c> is the text in place 3 of a row, <c>~3#</c> the number there. Of SQLite they are <c>json_extract(value, '$[3]')</c>, since not every SQLite that is served has the operator <c>-&gt;&gt;</c>.</summary>
    public static string In(this string sql, string dialect) => Made.GetOrAdd((sql, dialect), static key => key.Dialect == "postgresql" ? PostgreSql(key.Sql) : Regex.Replace(key.Sql, @"~(\d+)#?", "json_extract(value, '$$[$1]')"));

    private static string PostgreSql(string sql)
    {
        sql = Regex.Replace(sql, @"SELECT value FROM json_each\((@\w+)\)", "SELECT value FROM jsonb_array_elements_text($1::jsonb)");
        sql = Regex.Replace(sql, @"json_each\((@\w+)\)", "jsonb_array_elements($1::jsonb) WITH ORDINALITY AS json_rows (value, key)");
        sql = Regex.Replace(sql, @"~(\d+)#", "CAST(value->>$1 AS bigint)");
        return Regex.Replace(sql, @"~(\d+)", "(value->>$1)").Replace("CROSS JOIN", "JOIN", StringComparison.Ordinal);
    }
}
