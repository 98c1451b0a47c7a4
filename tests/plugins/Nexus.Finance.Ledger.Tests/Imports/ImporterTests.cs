using System.Collections.Immutable;
using Nexus.Finance.Ledger.Books;
using Nexus.Finance.Ledger.Imports;
using Nexus.Finance.Ledger.Money;
using Nexus.Finance.Ledger.Tests.Books;

namespace Nexus.Finance.Ledger.Tests.Imports;

public sealed class ImporterTests
{
    private const string Head = "Date,Description,Amount\n";
    private const string Coffee = "2024-01-05,Coffee,-3.50\n";

    private static string[] Kinds(ImportResult result) => [.. result.Decisions.Select(d => d.Decision.Kind)];

    [Fact]
    public async Task Two_equal_coffees_are_two_and_the_same_file_again_adds_nothing()
    {
        await using var ledger = new SqliteLedger();
        var (book, _) = await ledger.BookAsync();

        var first = await ledger.ImportAsync(book, Head + Coffee + Coffee);
        var again = await ledger.ImportAsync(book, Head + Coffee + Coffee);

        Assert.Equal(["new", "new"], Kinds(first));
        Assert.Equal([1, 2], first.Decisions.Select(d => d.Decision.Occurrence));
        Assert.Equal(["duplicate", "duplicate"], Kinds(again));
        Assert.Equal(("-7.00 EUR", "7.00 EUR"), (await ledger.BalanceAsync(book, "Assets:Bank"), await ledger.BalanceAsync(book, "Expenses:Uncategorised")));
        await ledger.AssertSoundAsync(book);
    }

    [Fact]
    public async Task A_third_coffee_in_a_longer_file_adds_one()
    {
        await using var ledger = new SqliteLedger();
        var (book, _) = await ledger.BookAsync();
        await ledger.ImportAsync(book, Head + Coffee + Coffee);

        var longer = await ledger.ImportAsync(book, Head + Coffee + Coffee + Coffee + "2024-01-06,Salary,100.00\n");

        Assert.Equal(["duplicate", "duplicate", "new", "new"], Kinds(longer));
        Assert.Equal(("89.50 EUR", "-100.00 EUR"), (await ledger.BalanceAsync(book, "Assets:Bank"), await ledger.BalanceAsync(book, "Income:Uncategorised")));
    }

    [Fact]
    public async Task An_edited_line_is_still_known_to_the_next_statement()
    {
        await using var ledger = new SqliteLedger();
        var (book, bank) = await ledger.BookAsync();
        var food = await ledger.Chart.AddAccountAsync(book.Id, "Expenses:Food", "expense", null, null, default);
        var journal = (await ledger.ImportAsync(book, Head + Coffee)).Decisions[0].Journal!;
        var amount = Amount.Parse("3.50", new Commodity("EUR", 2));

        await ledger.Journals.EditAsync(journal, _ => new(new JournalDraft { BookedOn = new DateOnly(2024, 1, 5), Payee = "Espresso bar", Postings = [new PostingDraft(bank.Id, -amount), new PostingDraft(food.Id, amount)] }), default);

        Assert.Equal(["duplicate"], Kinds(await ledger.ImportAsync(book, Head + Coffee)));
    }

    [Fact]
    public async Task Undo_reverses_the_whole_batch_once_and_the_file_can_come_again()
    {
        await using var ledger = new SqliteLedger();
        var (book, _) = await ledger.BookAsync();
        var batch = await ledger.ImportAsync(book, Head + Coffee + Coffee);

        var count = await ledger.Importer.UndoAsync(batch.Id!, default);

        Assert.Equal((2, "0.00 EUR"), (count, await ledger.BalanceAsync(book, "Assets:Bank")));
        Assert.Equal("IMPORT_UNDONE", (await Assert.ThrowsAsync<NexusException>(async () => await ledger.Importer.UndoAsync(batch.Id!, default))).Code);
        Assert.Equal(["new", "new"], Kinds(await ledger.ImportAsync(book, Head + Coffee + Coffee)));
        await ledger.AssertSoundAsync(book);
    }

    [Fact]
    public async Task An_import_of_many_lines_is_found_again_and_undone_whole()
    {
        await using var ledger = new SqliteLedger();
        var (book, _) = await ledger.BookAsync();
        var text = Head + string.Concat(Enumerable.Range(0, 21_000).Select(i => $"{new DateOnly(2020, 1, 1).AddDays(i / 20):yyyy-MM-dd},Shop {i % 7},-1.{i % 100:00}\n"));

        var first = await ledger.ImportAsync(book, text);
        var again = await ledger.ImportAsync(book, text);

        Assert.Equal((21_000, 0), (first.Decisions.Count(d => d.Decision.Kind == "new"), again.Decisions.Count(d => d.Decision.Kind == "new")));
        Assert.Equal((21_000, "0.00 EUR"), (await ledger.Importer.UndoAsync(first.Id!, default), await ledger.BalanceAsync(book, "Assets:Bank")));
        await ledger.AssertSoundAsync(book);
    }

    [Fact]
    public async Task A_preview_decides_but_changes_nothing()
    {
        await using var ledger = new SqliteLedger();
        var (book, _) = await ledger.BookAsync();

        var preview = await ledger.Importer.PreviewAsync(new ImportRequest(book.Id, "Assets:Bank", null, ReadingAnswers.None, null, System.Text.Encoding.UTF8.GetBytes(Head + Coffee)), default);

        Assert.Equal(["new"], Kinds(preview));
        Assert.Equal(0, (await ledger.Chart.BookAsync(book.Id, default)).LastSeq);
    }

    [Fact]
    public async Task An_account_is_found_by_its_number_else_asked_for()
    {
        await using var ledger = new SqliteLedger();
        var (book, _) = await ledger.BookAsync();
        await ledger.Chart.AddAccountAsync(book.Id, "Assets:Giro", "asset", "EUR", "DE42", default);
        var request = new ImportRequest(book.Id, null, null, ReadingAnswers.None, null, System.Text.Encoding.UTF8.GetBytes("IBAN;Datum;Text;Betrag\nDE42;05.01.2024;Miete;-700,00\n"));

        var found = await ledger.Importer.ImportAsync(request, default);
        var asked = await Assert.ThrowsAsync<NexusException>(async () => await ledger.Importer.ImportAsync(request with { Content = System.Text.Encoding.UTF8.GetBytes("IBAN;Datum;Text;Betrag\nDE43;05.01.2024;Miete;-700,00\n") }, default));

        Assert.Equal("Assets:Giro", found.Decisions[0].Account.Path);
        Assert.Equal(("IMPORT_AMBIGUOUS", "/answers/account.DE43"), (asked.Code, asked.Errors[0].Pointer));
    }

    [Fact]
    public async Task A_line_that_does_not_fit_its_currency_stops_the_whole_import()
    {
        await using var ledger = new SqliteLedger();
        var (book, _) = await ledger.BookAsync();

        var error = await Assert.ThrowsAsync<NexusException>(async () => await ledger.ImportAsync(book, Head + Coffee + "2024-01-06,Tea,-1.005\n2024-01-06,Tea,-1.25\n", ("decimal_mark", ".")));

        Assert.Equal(("IMPORT_UNREADABLE", "/lines/3"), (error.Code, Assert.Single(error.Errors).Pointer));
        Assert.Equal(0, (await ledger.Chart.BookAsync(book.Id, default)).LastSeq);
    }

    [Theory]
    [InlineData("wesabe+fixofx/test/fixtures/checking.ofx", 106, "4644.42 USD")]
    [InlineData("wesabe+fixofx/test/fixtures/creditcard.ofx", 135, "-2767.51 USD")]
    [InlineData("wesabe+fixofx/test/fixtures/savings.ofx", 118, "5291.58 USD")]
    public async Task A_real_statement_is_booked_to_its_sum_and_comes_in_once(string path, int lines, string balance)
    {
        var bytes = Statements.Bytes(path);
        await using var ledger = new SqliteLedger();
        var (book, bank) = await ledger.BookAsync("USD");
        var request = new ImportRequest(book.Id, bank.Id, null, ReadingAnswers.None, path, bytes);

        var first = await ledger.Importer.ImportAsync(request, default);
        var again = await ledger.Importer.ImportAsync(request, default);

        Assert.Equal((lines, 0), (first.Decisions.Count(d => d.Decision.Kind == "new"), again.Decisions.Count(d => d.Decision.Kind == "new")));
        Assert.Equal(balance, await ledger.BalanceAsync(book, "Assets:Bank"));
        await ledger.AssertSoundAsync(book);
    }

    [Fact]
    public async Task Splits_of_quicken_become_legs_and_transfers_meet_in_equity()
    {
        var bytes = Statements.Bytes("isaacharrisholt+quiffen/tests/test_files/test_split.qif");
        await using var ledger = new SqliteLedger();
        var (book, bank) = await ledger.BookAsync();

        var result = await ledger.Importer.ImportAsync(new ImportRequest(book.Id, bank.Id, null, ReadingAnswers.None, null, bytes), default);

        var journal = await ledger.Journals.GetAsync(result.Decisions[0].Journal!, default);
        Assert.Equal(["-10.00", "9.00", "1.00"], journal.Draft.Postings.Select(p => p.Amount.ToString()));
        Assert.Equal("9.00 EUR", await ledger.BalanceAsync(book, "Equity:Transfers"));
    }

    [Fact]
    public void A_bank_that_reuses_its_ids_is_noticed_and_no_line_is_lost()
    {
        var book = new[] { Known("2024-01-05", -100, "rent", "1") };

        var decisions = Matching.Decide([Line("2024-02-05", -100, "rent", "1"), Line("2024-02-06", -5, "tea", "2"), Line("2024-02-07", -6, "cake", "2")], book);

        Assert.Equal(["new", "new", "new"], decisions.Select(d => d.Kind));
        Assert.Contains("used its id 1 before", decisions[0].Reason, StringComparison.Ordinal);
        Assert.Contains("id 2 for two different lines", decisions[2].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void One_id_twice_with_the_same_content_is_one_booking() =>
        Assert.Equal(["new", "duplicate"], Matching.Decide([Line("2024-02-05", -100, "rent", "1"), Line("2024-02-05", -100, "rent", "1")], []).Select(d => d.Kind));

    [Fact]
    public void Daily_interest_with_ids_of_its_own_is_kept()
    {
        var file = Enumerable.Range(1, 3).Select(i => Line("2024-02-05", 1, "interest", $"i{i}")).ToList();

        Assert.All(Matching.Decide(file, [Known("2024-02-05", 1, "interest", "i0")]), d => Assert.Equal("new", d.Kind));
    }

    [Fact]
    public void A_posting_that_only_resembles_is_proposed_and_never_dropped()
    {
        var decision = Matching.Decide([Line("2024-02-07", -4500, "ACME Store Berlin", null)], [Known("2024-02-05", -4500, "acme store", null)])[0];

        Assert.Equal(("new", "known", 76), (decision.Kind, decision.Candidate, decision.Score));
        Assert.Contains("2 day(s) apart, text 80 % alike", decision.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_date_that_the_bank_corrected_is_no_new_line() =>
        Assert.Equal("duplicate", Matching.Decide([Line("2024-02-07", -100, "rent", "1")], [Known("2024-02-05", -100, "rent", "1")])[0].Kind);

    [Fact]
    public void A_csv_line_equals_the_posting_that_came_by_ofx() =>
        Assert.Equal("duplicate", Matching.Decide([Line("2024-02-05", -100, "RENT", null)], [Known("2024-02-05", -100, "rent", "1")])[0].Kind);

    private static FileLine Line(string day, int units, string payee, string? reference)
    {
        Assert.True(ExactDecimal.TryParse(units.ToString(System.Globalization.CultureInfo.InvariantCulture), out var amount));
        return new FileLine(new StatementLine { Line = 1, Date = DateOnly.Parse(day, System.Globalization.CultureInfo.InvariantCulture), Amount = amount, Payee = payee, Reference = reference }, units, "EUR");
    }

    private static BookLine Known(string day, int units, string key, string? reference) => new("known", DateOnly.Parse(day, System.Globalization.CultureInfo.InvariantCulture), units, "EUR", key, reference);
}
