using static Nexus.Finance.Ledger.Books.SqlReading;

namespace Nexus.Finance.Ledger.Books;

/// <summary>Reverses all journals of a batch that still count. The rows go from table to table in SQL: to bring a hundred thousand of them into the host and back takes several times as long, and others wait.</summary>
/// <param name="session">The unit of work.</param>
/// <param name="time">The clock.</param>
internal sealed class BatchReversal(ISqlSession session, TimeProvider time)
{
    // So many limbs always sum within 64 bits.
    private const int MaxPostings = 900;

    private const string Map = "(SELECT ~0 AS old, ~1 AS new, ~2# AS seq FROM json_each(@map))";

    /// <summary>Reverses, each journal on its own day.</summary>
    /// <returns>How many.</returns>
    public async ValueTask<int> RunAsync(string book, string source, string reason)
    {
        var journals = await LiveAsync(source);
        if (journals.Count == 0) return 0;
        var (seq, recordedAt) = await new JournalWriter(session, time).ReserveAsync(book, journals.Count);
        var chunk = new List<(string Old, string New, long Seq)>();
        var postings = 0L;
        foreach (var (id, count) in journals)
        {
            if (chunk.Count > 0 && postings + count > MaxPostings)
            {
                await ReverseAsync(chunk, recordedAt, reason);
                chunk.Clear();
                postings = 0;
            }
            chunk.Add((id, Guid.CreateVersion7(time.GetUtcNow()).ToString(), seq++));
            postings += count;
        }
        await ReverseAsync(chunk, recordedAt, reason);
        return journals.Count;
    }

    private async ValueTask<List<(string Id, long Postings)>> LiveAsync(string source)
    {
        const int Page = 20_000;
        var journals = new List<(string, long)>();
        for (var seq = 0L; ;)
        {
            var page = await session.QueryAsync(
                $"""
                SELECT j.id, j.seq, (SELECT COUNT(*) FROM posting p WHERE p.journal = j.id) AS postings FROM journal j
                WHERE j.source = @source AND j.reverses IS NULL AND j.seq > @seq AND NOT EXISTS (SELECT 1 FROM journal r WHERE r.reverses = j.id) ORDER BY j.seq LIMIT {Page}
                """, With(("source", source), ("seq", seq)));
            journals.AddRange(page.Select(r => (r.Needed("id"), r.Long("postings"))));
            if (page.Length < Page) return journals;
            seq = page[^1].Long("seq");
        }
    }

    private async ValueTask ReverseAsync(List<(string Old, string New, long Seq)> chunk, string recordedAt, string reason)
    {
        var map = JournalWriter.Json(json =>
        {
            foreach (var (old, made, seq) in chunk)
            {
                json.WriteStartArray();
                json.WriteStringValue(old);
                json.WriteStringValue(made);
                json.WriteNumberValue(seq);
                json.WriteEndArray();
            }
        });
        // CROSS JOIN: the map leads, whatever the engine believes of its size.
        await session.ExecuteAsync(
            $"""
            INSERT INTO posting (journal, n, book, account, commodity, hi, lo, day, seq, memo, reference, origin)
            SELECT m.new, p.n, p.book, p.account, p.commodity, -p.hi, -p.lo, p.day, m.seq, p.memo, p.reference, p.origin FROM {Map} m CROSS JOIN posting p ON p.journal = m.old
            """.In(session.Dialect), With(("map", map)));
        await session.ExecuteAsync(
            $"""
            INSERT INTO journal (id, book, seq, recorded_at, booked_on, value_on, kind, payee, narration, source, reverses)
            SELECT m.new, j.book, m.seq, @at, j.booked_on, j.value_on, 'reversal', j.payee, @reason, j.source, j.id FROM {Map} m CROSS JOIN journal j ON j.id = m.old ORDER BY m.seq
            """.In(session.Dialect), With(("map", map), ("at", recordedAt), ("reason", reason)));
        await session.ExecuteAsync(
            $"""
            INSERT INTO balance (account, commodity, hi, lo, version)
            SELECT p.account, p.commodity, SUM(p.hi) + (SUM(p.lo) - SUM(p.lo) % 1000000000000) / 1000000000000, SUM(p.lo) % 1000000000000, 1 FROM {Map} m CROSS JOIN posting p ON p.journal = m.new GROUP BY p.account, p.commodity
            ON CONFLICT (account, commodity) DO UPDATE SET hi = balance.hi + excluded.hi + (balance.lo + excluded.lo) / 1000000000000, lo = (balance.lo + excluded.lo) % 1000000000000, version = balance.version + 1
            """.In(session.Dialect), With(("map", map)));
        await session.ExecuteAsync(
            $"""
            INSERT INTO balance_day (account, commodity, day, hi, lo, postings)
            SELECT p.account, p.commodity, p.day, SUM(p.hi) + (SUM(p.lo) - SUM(p.lo) % 1000000000000) / 1000000000000, SUM(p.lo) % 1000000000000, COUNT(*) FROM {Map} m CROSS JOIN posting p ON p.journal = m.new GROUP BY p.account, p.day, p.commodity
            ON CONFLICT (account, day, commodity) DO UPDATE SET hi = balance_day.hi + excluded.hi + (balance_day.lo + excluded.lo) / 1000000000000, lo = (balance_day.lo + excluded.lo) % 1000000000000, postings = balance_day.postings + excluded.postings
            """.In(session.Dialect), With(("map", map)));
    }
}
