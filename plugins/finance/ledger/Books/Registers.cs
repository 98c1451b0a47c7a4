using System.Collections.Immutable;
using System.Globalization;
using Nexus.Finance.Ledger.Money;
using static Nexus.Finance.Ledger.Books.SqlReading;

namespace Nexus.Finance.Ledger.Books;

/// <summary>Reads registers and balances. A running balance is computed each time: the days before from <c>balance_day</c>, the rest by summing the page; so a back-dated journal can never leave a stale one.</summary>
/// <param name="database">The plugin's database.</param>
internal sealed class Registers(ISqlDatabase database)
{
    /// <summary>A page of an account's postings with the balance after each, oldest first.</summary>
    /// <param name="account">Account id.</param>
    /// <param name="from">First day, or null for the beginning.</param>
    /// <param name="to">Last day, or null for the end.</param>
    /// <param name="after">Where an earlier page ended, or null.</param>
    /// <param name="limit">Greatest number of lines.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public async ValueTask<RegisterPage> ReadAsync(string account, DateOnly? from, DateOnly? to, RegisterPosition? after, int limit, CancellationToken cancellationToken)
    {
        var start = after ?? new RegisterPosition((from ?? DateOnly.MinValue).Stored(), 0, -1);
        // One statement, so that prefix and page are of one snapshot.
        var rows = await database.QueryAsync(
            """
            SELECT * FROM (
              SELECT p.day, p.seq, p.n, p.commodity, c.scale, p.hi, p.lo, p.memo, p.reference, p.journal, j.payee, j.narration, j.kind, j.reverses, r.id AS reversed_by
              FROM posting p JOIN journal j ON j.id = p.journal JOIN commodity c ON c.book = p.book AND c.code = p.commodity LEFT JOIN journal r ON r.reverses = j.id
              WHERE p.account = @account AND (p.day, p.seq, p.n) > (@day, @seq, @n) AND p.day <= @to
              ORDER BY p.day, p.seq, p.n LIMIT @limit) page
            UNION ALL
            SELECT NULL, 0, 0, b.commodity, c.scale, SUM(b.hi), SUM(b.lo), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
            FROM (
              SELECT account, commodity, hi, lo FROM balance_day WHERE account = @account AND day < @day
              UNION ALL
              SELECT account, commodity, hi, lo FROM posting WHERE account = @account AND day = @day AND (seq, n) <= (@seq, @n)) b
            JOIN account a ON a.id = b.account JOIN commodity c ON c.book = a.book AND c.code = b.commodity GROUP BY b.commodity, c.scale
            """,
            With(("account", account), ("day", start.Day), ("seq", start.Seq), ("n", (long)start.N), ("to", (to ?? DateOnly.MaxValue).Stored()), ("limit", (long)limit + 1)), cancellationToken);
        var running = rows.Where(r => r.Text("journal") is null).ToDictionary(r => r.Needed("commodity"), ToAmount, StringComparer.Ordinal);
        var opening = running.Values.OrderBy(a => a.Commodity.Code, StringComparer.Ordinal).ToImmutableArray();
        var lines = ImmutableArray.CreateBuilder<RegisterLine>();
        var found = rows.Where(r => r.Text("journal") is not null).ToList();
        foreach (var row in found.Take(limit))
        {
            var amount = ToAmount(row);
            var balance = running.TryGetValue(amount.Commodity.Code, out var before) ? before with { Units = before.Units + amount.Units } : amount;
            running[amount.Commodity.Code] = balance;
            lines.Add(new RegisterLine(row.Needed("journal"), new RegisterPosition(row.Needed("day"), row.Long("seq"), (int)row.Long("n")), amount, balance, row.Text("payee"), row.Text("memo") ?? row.Text("narration"), row.Needed("kind"), row.Text("reference"), row.Text("reverses"), row.Text("reversed_by")));
        }
        return new RegisterPage(opening, lines.ToImmutable(), found.Count > limit ? lines[^1].Position : null);
    }

    /// <summary>Balances of all accounts of a book, at the end of a day or now; accounts without postings have none.</summary>
    public async ValueTask<ImmutableArray<(string Account, string Path, string Type, Amount Amount)>> BalancesAsync(string book, DateOnly? on, CancellationToken cancellationToken)
    {
        var rows = on is { } day
            ? await database.QueryAsync(
                """
                SELECT b.account, a.path, a.type, b.commodity, c.scale, SUM(b.hi) AS hi, SUM(b.lo) AS lo FROM balance_day b JOIN account a ON a.id = b.account JOIN commodity c ON c.book = a.book AND c.code = b.commodity
                WHERE a.book = @book AND b.day <= @day GROUP BY b.account, a.path, a.type, b.commodity, c.scale ORDER BY a.path, b.commodity
                """, With(("book", book), ("day", day.Stored())), cancellationToken)
            : await database.QueryAsync(
                "SELECT b.account, a.path, a.type, b.commodity, c.scale, b.hi, b.lo FROM balance b JOIN account a ON a.id = b.account JOIN commodity c ON c.book = a.book AND c.code = b.commodity WHERE a.book = @book ORDER BY a.path, b.commodity",
                With(("book", book)), cancellationToken);
        return [.. rows.Select(r => (r.Needed("account"), r.Needed("path"), r.Needed("type"), ToAmount(r)))];
    }

    private static Amount ToAmount(SqlRow row) => new(row.Units(), new Commodity(row.Needed("commodity"), (int)row.Long("scale")));
}

/// <summary>Place of a line in a register: day, then seq, then number of the posting.</summary>
internal readonly record struct RegisterPosition(string Day, long Seq, int N)
{
    /// <summary>The opaque form of cursors.</summary>
    public string ToCursor() => Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes($"{Day}/{Seq}/{N}")).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    /// <summary>Reads a cursor.</summary>
    /// <exception cref="NexusException"><c>CURSOR_INVALID</c>.</exception>
    public static RegisterPosition FromCursor(string cursor)
    {
        var text = cursor.Length > 100 ? "" : cursor.Replace('-', '+').Replace('_', '/');
        Span<byte> bytes = stackalloc byte[80];
        if (Convert.TryFromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='), bytes, out var length))
        {
            var parts = System.Text.Encoding.ASCII.GetString(bytes[..length]).Split('/');
            if (parts.Length == 3 && DateOnly.TryParseExact(parts[0], "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _) && long.TryParse(parts[1], CultureInfo.InvariantCulture, out var seq) && int.TryParse(parts[2], CultureInfo.InvariantCulture, out var n)) return new RegisterPosition(parts[0], seq, n);
        }
        throw new NexusException(ErrorCodes.CursorInvalid, "The cursor is not one that this register gave out.");
    }
}

/// <summary>A page of a register.</summary>
/// <param name="Opening">Balances before the first line, one a commodity.</param>
/// <param name="Lines">The lines.</param>
/// <param name="Next">Where the next page begins after, or null at the end.</param>
internal sealed record RegisterPage(ImmutableArray<Amount> Opening, ImmutableArray<RegisterLine> Lines, RegisterPosition? Next);

/// <summary>A line of a register.</summary>
internal sealed record RegisterLine(string Journal, RegisterPosition Position, Amount Amount, Amount Balance, string? Payee, string? Memo, string Kind, string? Reference, string? Reverses, string? ReversedBy);
