using System.Globalization;
using Nexus.Finance.Ledger.Books;
using Nexus.Finance.Ledger.Money;
using static Nexus.Finance.Ledger.Books.SqlReading;

namespace Nexus.Finance.Ledger.Tests.Books;

/// <summary>Many writers do anything the ledger allows, in any order, and some try what it forbids.</summary>
public sealed class RandomOperationTests
{
    private const int Writers = 8;
    private const int Operations = 10_000;
    private static readonly DateOnly First = new(2020, 1, 1);

    [Fact]
    public async Task Ten_thousand_random_operations_by_eight_writers_leave_every_sum_zero_and_every_running_balance_right()
    {
        await using var ledger = new SqliteLedger();
        ledger.Run("PRAGMA synchronous=OFF");
        var (book, bank) = await ledger.BookAsync();
        await ledger.Chart.AddCommodityAsync(book.Id, new Commodity("ETH", 18), null, default);
        var accounts = new List<Account> { bank };
        foreach (var path in new[] { "Assets:Cash", "Expenses:Food", "Expenses:Rent", "Income:Pay", "Equity:Conversion" })
            accounts.Add(await ledger.Chart.AddAccountAsync(book.Id, path, path.Split(':')[0] switch { "Assets" => "asset", "Expenses" => "expense", "Income" => "income", _ => "equity" }, null, null, default));
        var refused = 0;

        await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
        {
            var random = new Random(100 + writer);
            var mine = new List<string>();
            for (var i = 0; i < Operations / Writers; i++)
            {
                try
                {
                    await OperateAsync(ledger, book, accounts, random, mine);
                }
                catch (Exception e) when (e is NexusException or Microsoft.Data.Sqlite.SqliteException)
                {
                    Interlocked.Increment(ref refused);
                }
            }
        })));

        await ledger.AssertSoundAsync(book);
        var sums = await ledger.QueryAsync("SELECT journal FROM posting GROUP BY journal, commodity HAVING SUM(lo) % 1000000000000 <> 0 OR SUM(hi) + SUM(lo) / 1000000000000 <> 0");
        var journals = (await ledger.QueryAsync("SELECT COUNT(*) AS n, MAX(seq) AS last FROM journal"))[0];
        Assert.Empty(sums);
        Assert.Equal(journals.Long("n"), journals.Long("last"));
        Assert.True(journals.Long("n") > 6_000 && refused is > 1_000 and < 4_000, $"{journals.Long("n")} journals and {refused} refusals are not a mixture");
        foreach (var account in accounts) await AssertRegisterAsync(ledger, account);
    }

    private static async Task OperateAsync(SqliteLedger ledger, Book book, List<Account> accounts, Random random, List<string> mine)
    {
        switch (random.Next(10))
        {
            case < 6:
                mine.Add((await ledger.Journals.PostAsync(book.Id, _ => new(Draft(accounts, random)), default)).Id);
                break;
            case 6 when mine.Count > 0:
                // One of its own that may be reversed or edited already: refused then.
                await ledger.Journals.ReverseAsync(mine[random.Next(mine.Count)], random.Next(2) == 0 ? null : First.AddDays(random.Next(900)), null, default);
                break;
            case 7 when mine.Count > 0:
                mine.Add((await ledger.Journals.EditAsync(mine[random.Next(mine.Count)], _ => new(Draft(accounts, random)), default)).Id);
                break;
            case 8:
                var draft = Draft(accounts, random);
                await ledger.Journals.PostAsync(book.Id, _ => new(draft with { Postings = draft.Postings.RemoveAt(0) }), default);
                break;
            default:
                await ledger.WriteAsync((session, _) => session.ExecuteAsync(Forbidden(random), With(("journal", mine.Count == 0 ? "none" : mine[random.Next(mine.Count)]), ("book", book.Id), ("account", accounts[0].Id))), default);
                Assert.Equal(0, 1);
                break;
        }
    }

    private static JournalDraft Draft(List<Account> accounts, Random random)
    {
        var postings = System.Collections.Immutable.ImmutableArray.CreateBuilder<PostingDraft>();
        foreach (var commodity in random.Next(4) == 0 ? new[] { new Commodity("EUR", 2), new Commodity("ETH", 18) } : [new Commodity("EUR", 2)])
        {
            Int128 sum = 0;
            for (var legs = random.Next(1, 4); legs > 0; legs--)
            {
                var units = (Int128)random.NextInt64(-2_000_000_000_000_000, 2_000_000_000_000_000);
                sum += units;
                postings.Add(new PostingDraft(accounts[random.Next(accounts.Count)].Id, new Amount(units, commodity)));
            }
            postings.Add(new PostingDraft(accounts[random.Next(accounts.Count)].Id, new Amount(-sum, commodity)));
        }
        return new JournalDraft { BookedOn = First.AddDays(random.Next(900)), Postings = postings.ToImmutable() };
    }

    // Direct SQL of the plugin: each of these would break an invariant or history. One that finds no row is refused by its own division.
    private static string Forbidden(Random random) => new[]
    {
        "INSERT INTO journal (id, book, seq, recorded_at, booked_on, kind) SELECT 'x', @book, MAX(seq) + 1, '', '2024-01-01', 'entry' FROM journal",
        "INSERT INTO posting (journal, n, book, account, commodity, hi, lo, day, seq) VALUES ('lonely', 0, @book, @account, 'EUR', 0, 1, '2024-01-01', 1); INSERT INTO journal (id, book, seq, recorded_at, booked_on, kind) SELECT 'lonely', @book, MAX(seq) + 1, '', '2024-01-01', 'entry' FROM journal",
        "UPDATE posting SET lo = lo + 1 WHERE journal IN (SELECT id FROM journal LIMIT 1); INSERT INTO book (id) VALUES (NULL)",
        "DELETE FROM journal WHERE seq = 1; INSERT INTO book (id) VALUES (NULL)",
        "DELETE FROM posting WHERE journal = @journal; INSERT INTO book (id) VALUES (NULL)",
        "UPDATE commodity SET scale = 3 WHERE book = @book AND code = 'EUR'",
    }[random.Next(6)];

    private static async Task AssertRegisterAsync(SqliteLedger ledger, Account account)
    {
        var rows = await ledger.QueryAsync("SELECT day, seq, n, commodity, hi, lo FROM posting WHERE account = @account ORDER BY day, seq, n", With(("account", account.Id)));
        var running = new Dictionary<string, Int128>(StringComparer.Ordinal);
        var expected = rows.Select(r => running[r.Needed("commodity")] = running.GetValueOrDefault(r.Needed("commodity")) + r.Units()).ToList();
        var read = new List<Int128>();
        for (RegisterPosition? after = null; ;)
        {
            var page = await ledger.Registers.ReadAsync(account.Id, null, null, after, 777, default);
            read.AddRange(page.Lines.Select(l => l.Balance.Units));
            if (page.Next is not { } next) break;
            after = next;
        }
        Assert.True(expected.Count > 1_000, string.Create(CultureInfo.InvariantCulture, $"{expected.Count} lines"));
        Assert.Equal(expected, read);
    }
}
