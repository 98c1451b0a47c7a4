using Nexus.Finance.Ledger.Books;
using Nexus.Finance.Ledger.Money;

namespace Nexus.Finance.Ledger.Tests.Books;

public sealed class JournalTests
{
    private static readonly Commodity Euro = new("EUR", 2);

    private static JournalDraft Draft(Account from, Account to, string amount, string day = "2024-01-15", string? key = null, string? hash = null) => new()
    {
        BookedOn = DateOnly.Parse(day, System.Globalization.CultureInfo.InvariantCulture),
        IdempotencyKey = key,
        IdempotencyHash = hash,
        Postings = [new PostingDraft(to.Id, Amount.Parse(amount, Euro)), new PostingDraft(from.Id, -Amount.Parse(amount, Euro))],
    };

    private static async Task<(Book Book, Account Bank, Account Food)> BookAsync(SqliteLedger ledger)
    {
        var (book, bank) = await ledger.BookAsync();
        return (book, bank, await ledger.Chart.AddAccountAsync(book.Id, "Expenses:Food", "expense", null, null, default));
    }

    [Fact]
    public async Task A_journal_moves_both_balances_and_publishes_one_event()
    {
        await using var ledger = new SqliteLedger();
        var (book, bank, food) = await BookAsync(ledger);

        var journal = await ledger.Journals.PostAsync(book.Id, _ => new(Draft(bank, food, "12.50")), default);

        Assert.Equal(1, journal.Seq);
        Assert.Equal(("-12.50 EUR", "12.50 EUR"), (await ledger.BalanceAsync(book, "Assets:Bank"), await ledger.BalanceAsync(book, "Expenses:Food")));
        var told = Assert.Single(ledger.Published);
        Assert.Equal("finance.ledger.journal.posted", told.Name);
        Assert.Equal(
            new[] { (bank.Id, "EUR", "-12.50"), (food.Id, "EUR", "12.50") }.Order(),
            System.Text.Json.JsonDocument.Parse(told.Data).RootElement.GetProperty("changes").EnumerateArray().Select(one => (one.GetProperty("account").GetString()!, one.GetProperty("commodity").GetString()!, one.GetProperty("amount").GetString()!)).Order());
        await ledger.AssertSoundAsync(book);
    }

    [Fact]
    public async Task A_journal_that_does_not_balance_leaves_nothing()
    {
        await using var ledger = new SqliteLedger();
        var (book, bank, food) = await BookAsync(ledger);
        var draft = Draft(bank, food, "1.00");

        var error = await Assert.ThrowsAsync<NexusException>(async () => await ledger.Journals.PostAsync(book.Id, _ => new(draft with { Postings = [draft.Postings[0], draft.Postings[0]] }), default));

        Assert.Equal("JOURNAL_UNBALANCED", error.Code);
        Assert.Contains("sum to 2.00", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, (await ledger.Chart.BookAsync(book.Id, default)).LastSeq);
    }

    [Theory]
    [InlineData("UPDATE posting SET lo = lo + 1", "never changed")]
    [InlineData("DELETE FROM posting", "never deleted")]
    [InlineData("UPDATE journal SET payee = 'x'", "never changed")]
    [InlineData("DELETE FROM journal", "never deleted")]
    [InlineData("INSERT INTO posting (journal, n, book, account, commodity, hi, lo, day, seq) SELECT journal, 9, book, account, commodity, 0, 1, day, seq FROM posting LIMIT 1", "sealed")]
    [InlineData("UPDATE commodity SET scale = 3", "fixed")]
    [InlineData("INSERT INTO journal (id, book, seq, booked_on, recorded_at, kind) SELECT 'x', book, seq + 1, booked_on, recorded_at, kind FROM journal", "two or more")]
    [InlineData("INSERT INTO journal (id, book, seq, booked_on, recorded_at, kind) SELECT 'x', book, seq + 2, booked_on, recorded_at, kind FROM journal", "gap")]
    [InlineData("BEGIN; INSERT INTO posting (journal, n, book, account, commodity, hi, lo, day, seq) SELECT 'x', n, book, account, commodity, 0, 5, day, 2 FROM posting; INSERT INTO journal (id, book, seq, booked_on, recorded_at, kind) SELECT 'x', book, 2, booked_on, recorded_at, kind FROM journal; COMMIT", "sum to zero")]
    public async Task The_database_itself_refuses_what_breaks_an_invariant(string sql, string words)
    {
        await using var ledger = new SqliteLedger();
        var (book, bank, food) = await BookAsync(ledger);
        await ledger.Journals.PostAsync(book.Id, _ => new(Draft(bank, food, "1.00")), default);

        var error = Assert.ThrowsAny<Exception>(() => ledger.Run(sql));

        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_auditor_sees_a_balance_that_was_tampered_with()
    {
        await using var ledger = new SqliteLedger();
        var (book, bank, food) = await BookAsync(ledger);
        await ledger.Journals.PostAsync(book.Id, _ => new(Draft(bank, food, "1.00")), default);
        ledger.Run($"UPDATE balance SET lo = lo + 1 WHERE account = '{food.Id}'; UPDATE book SET last_seq = 7");

        var broken = (await ledger.Auditor.RunAsync(book.Id, default)).Where(c => c.Broken.Length > 0).Select(c => c.Name);

        Assert.Equal(["seq has no gap", "every balance is the sum of its postings"], broken);
    }

    [Fact]
    public async Task An_edit_is_a_reversal_and_a_successor_in_one_commit()
    {
        await using var ledger = new SqliteLedger();
        var (book, bank, food) = await BookAsync(ledger);
        var first = await ledger.Journals.PostAsync(book.Id, _ => new(Draft(bank, food, "10.00")), default);

        var second = await ledger.Journals.EditAsync(first.Id, _ => new(Draft(bank, food, "12.00")), default);

        var old = await ledger.Journals.GetAsync(first.Id, default);
        Assert.Equal((second.Id, 3L, first.Id), (old.ReplacedBy, second.Seq, second.Draft.Replaces));
        Assert.Equal("12.00 EUR", await ledger.BalanceAsync(book, "Expenses:Food"));
        var again = await Assert.ThrowsAsync<NexusException>(async () => await ledger.Journals.ReverseAsync(first.Id, null, null, default));
        Assert.Equal("JOURNAL_REVERSED", again.Code);
        await ledger.AssertSoundAsync(book);
    }

    [Fact]
    public async Task A_repeated_key_gives_the_first_journal_and_another_request_is_refused()
    {
        await using var ledger = new SqliteLedger();
        var (book, bank, food) = await BookAsync(ledger);

        var first = await ledger.Journals.PostAsync(book.Id, _ => new(Draft(bank, food, "1.00", key: "k", hash: "a")), default);
        var same = await ledger.Journals.PostAsync(book.Id, _ => new(Draft(bank, food, "1.00", key: "k", hash: "a")), default);
        var other = await Assert.ThrowsAsync<NexusException>(async () => await ledger.Journals.PostAsync(book.Id, _ => new(Draft(bank, food, "2.00", key: "k", hash: "b")), default));

        Assert.Equal(first.Id, same.Id);
        Assert.Equal("IDEMPOTENCY_CONFLICT", other.Code);
        Assert.Equal(1, (await ledger.Chart.BookAsync(book.Id, default)).LastSeq);
    }

    [Fact]
    public async Task A_back_dated_journal_moves_every_later_running_balance()
    {
        await using var ledger = new SqliteLedger();
        var (book, bank, food) = await BookAsync(ledger);
        foreach (var (amount, day) in new[] { ("1.00", "2024-03-01"), ("2.00", "2024-03-01"), ("4.00", "2024-03-05"), ("8.00", "2024-02-01") }) await ledger.Journals.PostAsync(book.Id, _ => new(Draft(bank, food, amount, day)), default);

        var all = await ledger.Registers.ReadAsync(food.Id, null, null, null, 100, default);
        var march = await ledger.Registers.ReadAsync(food.Id, new DateOnly(2024, 3, 1), null, null, 100, default);
        var page = await ledger.Registers.ReadAsync(food.Id, null, null, all.Lines[1].Position, 1, default);

        Assert.Equal(["8.00", "9.00", "11.00", "15.00"], all.Lines.Select(l => l.Balance.ToString()));
        Assert.Equal(["8.00"], march.Opening.Select(a => a.ToString()));
        Assert.Equal(["9.00", "11.00", "15.00"], march.Lines.Select(l => l.Balance.ToString()));
        Assert.Equal(["11.00"], page.Lines.Select(l => l.Balance.ToString()));
        Assert.NotNull(page.Next);
        Assert.Equal("8.00", (await ledger.Registers.BalancesAsync(book.Id, new DateOnly(2024, 2, 28), default)).Single(b => b.Path == "Expenses:Food").Amount.ToString());
    }

    [Fact]
    public async Task Eight_writers_leave_no_gap_and_every_balance_exact()
    {
        await using var ledger = new SqliteLedger();
        var (book, bank, food) = await BookAsync(ledger);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; i < 25; i++)
            {
                var day = new DateOnly(2024, 1, 1 + ((writer + i) % 28)).Stored();
                var journal = await ledger.Journals.PostAsync(book.Id, _ => new(Draft(bank, food, $"{writer + 1}.{i:00}", day)), default);
                if (i % 5 == 0) await ledger.Journals.ReverseAsync(journal.Id, null, null, default);
            }
        })));

        Assert.Equal(240, (await ledger.Chart.BookAsync(book.Id, default)).LastSeq);
        // Writers post 1..8 euros 25 times each, with cents of 0..24; every fifth is reversed.
        Assert.Equal("740.00 EUR", await ledger.BalanceAsync(book, "Expenses:Food"));
        await ledger.AssertSoundAsync(book);
    }

    [Fact]
    public async Task Amounts_of_eighteen_digits_after_the_mark_stay_exact()
    {
        await using var ledger = new SqliteLedger();
        var (book, bank) = await ledger.BookAsync("ETH", 18);
        var fees = await ledger.Chart.AddAccountAsync(book.Id, "Expenses:Gas", "expense", "ETH", null, default);
        var amount = Amount.Parse("9999999999.999999999999999999", new Commodity("ETH", 18));

        for (var i = 0; i < 3; i++) await ledger.Journals.PostAsync(book.Id, _ => new(new JournalDraft { BookedOn = new DateOnly(2024, 1, 1), Postings = [new PostingDraft(fees.Id, amount), new PostingDraft(bank.Id, -amount)] }), default);

        Assert.Equal("29999999999.999999999999999997 ETH", await ledger.BalanceAsync(book, "Expenses:Gas"));
        await ledger.AssertSoundAsync(book);
    }
}
