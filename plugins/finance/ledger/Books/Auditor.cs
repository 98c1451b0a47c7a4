using System.Collections.Immutable;
using static Nexus.Finance.Ledger.Books.SqlReading;

namespace Nexus.Finance.Ledger.Books;

/// <summary>Recomputes every invariant of a book from its postings alone.</summary>
/// <param name="database">The plugin's database.</param>
internal sealed class Auditor(ISqlDatabase database)
{
    private const string NotZero = "SUM(lo) % 1000000000000 <> 0 OR SUM(hi) + (SUM(lo) - SUM(lo) % 1000000000000) / 1000000000000 <> 0";

    // Each finds what breaks the invariant; "place" names it.
    private static readonly (string Name, string Sql)[] Checks =
    [
        ("every journal sums to zero in each commodity", $"SELECT journal || ' ' || commodity AS place FROM posting WHERE book = @book GROUP BY journal, commodity HAVING {NotZero} LIMIT 100"),
        ("the book sums to zero in each commodity", $"SELECT commodity AS place FROM posting WHERE book = @book GROUP BY commodity HAVING {NotZero}"),
        ("every journal has two or more postings", "SELECT j.id AS place FROM journal j LEFT JOIN posting p ON p.journal = j.id WHERE j.book = @book GROUP BY j.id HAVING COUNT(p.n) < 2 LIMIT 100"),
        ("every posting has its journal, with its day and seq", "SELECT p.journal || '/' || p.n AS place FROM posting p LEFT JOIN journal j ON j.id = p.journal AND j.book = p.book AND j.booked_on = p.day AND j.seq = p.seq WHERE p.book = @book AND j.id IS NULL LIMIT 100"),
        ("seq has no gap", "SELECT 'count ' || n || ', last ' || last AS place FROM (SELECT COUNT(*) AS n, COALESCE(MAX(seq), 0) AS last FROM journal WHERE book = @book) counted WHERE n <> last OR last <> (SELECT last_seq FROM book WHERE id = @book)"),
        ("recorded times never go back", "SELECT id AS place FROM (SELECT id, recorded_at, LAG(recorded_at) OVER (ORDER BY seq) AS earlier FROM journal WHERE book = @book) told WHERE recorded_at < earlier LIMIT 100"),
        ("every balance is the sum of its postings", Compare("SELECT account, commodity, '' AS day, hi, lo FROM balance", "account, commodity, '' AS day")),
        ("every day's balance is the sum of its postings", Compare("SELECT account, commodity, day, hi, lo FROM balance_day", "account, commodity, day")),
        ("every reversal is the exact negation of what it reverses", "SELECT j.id AS place FROM journal j JOIN posting p ON p.journal = j.id LEFT JOIN posting o ON o.journal = j.reverses AND o.n = p.n AND o.account = p.account AND o.commodity = p.commodity AND o.hi = -p.hi AND o.lo = -p.lo WHERE j.book = @book AND j.reverses IS NOT NULL AND o.n IS NULL LIMIT 100"),
    ];

    /// <summary>Checks a book. Runs as one unit of work, so that it sees one state; writers wait meanwhile.</summary>
    public ValueTask<ImmutableArray<AuditCheck>> RunAsync(string book, CancellationToken cancellationToken) =>
        database.WriteAsync(async (session, _) =>
        {
            await Chart.NeedBookAsync(session, book);
            var results = ImmutableArray.CreateBuilder<AuditCheck>(Checks.Length);
            foreach (var (name, sql) in Checks)
            {
                var rows = await session.QueryAsync(sql, With(("book", book)));
                results.Add(new AuditCheck(name, [.. rows.Select(r => r.Text("place") ?? "?")]));
            }
            return results.ToImmutable();
        }, cancellationToken);

    // Stored and computed sums with opposite signs must cancel in every group.
    private static string Compare(string stored, string group) =>
        $"""
        SELECT account || ' ' || commodity || ' ' || day AS place FROM (
          SELECT s.account, s.commodity, s.day, s.hi, s.lo FROM ({stored}) s JOIN account a ON a.id = s.account WHERE a.book = @book
          UNION ALL
          SELECT {group}, -hi, -lo FROM posting WHERE book = @book) both_sides
        GROUP BY account, commodity, day HAVING {NotZero} LIMIT 100
        """;
}

/// <summary>The result of one check.</summary>
/// <param name="Name">The invariant.</param>
/// <param name="Broken">Places that break it, at most 100; empty when it holds.</param>
internal sealed record AuditCheck(string Name, ImmutableArray<string> Broken);
