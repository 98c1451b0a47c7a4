using Nexus.Finance.Ledger.Imports;

namespace Nexus.Finance.Ledger.Tests.Imports;

public sealed class RealStatementTests
{
    [Theory]
    [InlineData("wesabe+fixofx/test/fixtures/checking.ofx", 106, "4644.42", "1129.49", "58152460", "USD", "CHECKING")]
    [InlineData("wesabe+fixofx/test/fixtures/creditcard.ofx", 135, "-2767.51", "-5128.16", "9789116512517304", "USD", "CREDITCARD")]
    [InlineData("wesabe+fixofx/test/fixtures/savings.ofx", 118, "5291.58", "1147.16", "98952010", "USD", "SAVINGS")]
    [InlineData("csingley+ofxtools/tests/data/stmtrs.ofx", 2, "-500.00", "200.29", "999988", "USD", "CHECKING")]
    [InlineData("csingley+ofxtools/tests/data/stmtrs_euro.ofx", 2, "-500.00", "200.29", "999988", "USD", "CHECKING")]
    [InlineData("csingley+ofxtools/tests/data/br_nubank_cc.ofx", 6, "-1280.91", "-1280.91", "11111111-UUID-UUID-UUID-111111111111", "BRL", "CREDITCARD")]
    public void Ofx_statements_have_the_lines_sum_and_balance_of_the_bank(string path, int lines, string sum, string balance, string account, string currency, string type)
    {
        var reading = Statements.Real(path).OrThrow();

        var statement = Assert.Single(reading.Statements);
        Assert.Equal(lines, statement.Lines.Length);
        Assert.Equal(sum, statement.Sum());
        Assert.Equal(balance, statement.LedgerBalance.ToString());
        Assert.Equal((account, currency, type), (statement.Account, statement.Currency, statement.AccountType));
        Assert.Equal(lines, statement.Lines.Select(l => l.Reference).Distinct().Count());
    }

    [Fact]
    public void The_first_and_the_last_line_of_a_bank_statement_are_as_printed()
    {
        var lines = Statements.Real("wesabe+fixofx/test/fixtures/checking.ofx").OrThrow().Statements[0].Lines;

        Assert.Equal(("Apple Store", "-22.04", new DateOnly(2010, 7, 23), 45), (lines[0].Payee, lines[0].Amount.ToString(), lines[0].Date, lines[0].Line));
        Assert.Equal(("Payroll", "1961.54", new DateOnly(2010, 4, 24)), (lines[^1].Payee, lines[^1].Amount.ToString(), lines[^1].Date));
        Assert.Equal("K&L Wines", Statements.Real("wesabe+fixofx/test/fixtures/creditcard.ofx").Statements[0].Lines.First(l => l.Reference == "FAKEOFX-CREDITCARD-20100721-1--15.45").Payee);
    }

    [Fact]
    public void An_investment_statement_gives_its_cash_lines_and_names_what_it_leaves_out()
    {
        var reading = Statements.Real("csingley+ofxtools/tests/data/invstmtrs.ofx").OrThrow();

        var line = Assert.Single(Assert.Single(reading.Statements).Lines);
        Assert.Equal(("1000.00", "Customer deposit", "12345"), (line.Amount.ToString(), line.Payee, line.Reference));
        Assert.Equal(["BUYSTOCK", "POSSTOCK", "POSOPT"], reading.Skipped.Select(s => s.Text.Split(' ')[0]).Order().OrderBy(s => s == "BUYSTOCK" ? 0 : s == "POSSTOCK" ? 1 : 2));
    }

    [Fact]
    public void A_profile_answer_of_a_bank_is_refused_as_no_statement()
    {
        var error = Assert.Throws<NexusException>(() => Statements.Real("csingley+ofxtools/tests/data/profrs.ofx").OrThrow());

        Assert.Equal("IMPORT_UNREADABLE", error.Code);
        Assert.Contains("no statement", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_qif_of_quicken_keeps_splits_and_leaves_lists_out()
    {
        var reading = Statements.Real("isaacharrisholt+quiffen/tests/test_files/test.qif").OrThrow();

        var statement = Assert.Single(reading.Statements);
        Assert.Equal(("TestExport", "Bank", 6), (statement.Account, statement.AccountType, statement.Lines.Length));
        Assert.Equal("-35.50", statement.Sum());
        Assert.Equal(["0.00", "67.50", "32.00", "-10.00", "-25.00", "-100.00"], reading.Amounts());
        Assert.Equal(["-50.00", "-25.00", "-10.00", "-15.00"], statement.Lines[5].Splits.Select(s => s.Amount.ToString()));
        Assert.Equal(["2020-02-10", "2020-02-14", "2020-02-14", "2020-02-12", "2020-02-11", "2020-02-10"], reading.Dates());
        Assert.Equal(("123", "Walmart", "Food:Groceries"), (statement.Lines[4].CheckNumber, statement.Lines[4].Payee, statement.Lines[4].Category));
        Assert.Equal(7, reading.Skipped.Length);
    }

    [Theory]
    [InlineData("test_category_override.qif", "1000.00,1100.00,-12.57,-9.99", "2017-12-22,2018-01-01,2018-01-02,2018-01-02")]
    [InlineData("test_circular_reference.qif", "-9.00,-5.59", "2021-08-27,2021-08-27")]
    [InlineData("test_split.qif", "-10.00", "2000-01-01")]
    [InlineData("test_transaction_before_account_definition_1.qif", "-184.8,-13.16", "2022-09-23,2022-09-08")]
    [InlineData("test_transaction_before_account_definition_2.qif", "-184.8,-13.16", "2022-09-23,2022-09-08")]
    public void Qif_dates_follow_the_order_that_the_whole_file_shows(string file, string amounts, string dates)
    {
        var reading = Statements.Real("isaacharrisholt+quiffen/tests/test_files/" + file).OrThrow();

        Assert.Equal(amounts, string.Join(',', reading.Amounts()));
        Assert.Equal(dates, string.Join(',', reading.Dates()));
    }

    [Fact]
    public void A_split_to_an_account_is_a_transfer()
    {
        var line = Statements.Real("isaacharrisholt+quiffen/tests/test_files/test_split.qif").OrThrow().Statements[0].Lines[0];

        Assert.Equal([("An Account", null, "-9.00"), (null, "A Category", "-1.00")], line.Splits.Select(s => (s.TransferAccount, s.Category, s.Amount.ToString())));
    }

    [Theory]
    [InlineData("empty.qif", "empty")]
    [InlineData("invalid.txt", "no columns")]
    [InlineData("test_category_inherit.qif", "only lists")]
    [InlineData("test_clear_autoswitch.qif", "only lists")]
    [InlineData("test_option_autoswitch.qif", "only lists")]
    [InlineData("test_nosymbol.qif", "only lists")]
    [InlineData("test_unknown_account_type.qif", "only lists")]
    public void Files_without_transactions_are_refused_with_the_reason(string file, string reason)
    {
        var error = Assert.Throws<NexusException>(() => Statements.Real("isaacharrisholt+quiffen/tests/test_files/" + file).OrThrow());

        Assert.Equal("IMPORT_UNREADABLE", error.Code);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_austrian_csv_is_read_and_proved_by_its_balance()
    {
        var reading = Statements.Real("beancount+fava/tests/data/import.csv").OrThrow();

        var statement = Assert.Single(reading.Statements);
        Assert.Equal(("ATXYZ123400000", "EUR"), (statement.Account, statement.Currency));
        Assert.Equal(["-100.00", "-50.00"], reading.Amounts());
        Assert.Equal(["2017-02-14", "2017-02-13"], reading.Dates());
        Assert.Equal("4467.89", statement.LedgerBalance.ToString());
        Assert.Contains("confirms", reading.Dialect["balanceProof"], StringComparison.Ordinal);
        Assert.Equal(4, Assert.Single(reading.Skipped).Line);
    }

    [Theory]
    [InlineData("sample.csv", "utf-8", "COFFEE — €20 RECEIVED")]
    [InlineData("sample.fr.utf8.csv", "utf-8", "CAFÉ — €20 REÇU")]
    [InlineData("sample.fr.cp1252.csv", "windows-1252", "CAFÉ — €20 REÇU")]
    [InlineData("sample.fr.iso88591.csv", "iso-8859-1", "CAFÉ ? ?20 REÇU")]
    public void The_encoding_of_a_csv_is_found_by_its_bytes(string file, string encoding, string memo)
    {
        var reading = Statements.Real("simonmichael+hledger/examples/" + file).OrThrow();

        Assert.Equal(encoding, reading.Dialect["encoding"]);
        Assert.Equal(["50.00", "-10.00", "-20.00"], reading.Amounts());
        Assert.Equal(["2012-03-22", "2012-03-23", "2012-03-24"], reading.Dates());
        Assert.Equal(memo, reading.Statements[0].Lines[2].Memo);
    }

    [Theory]
    [InlineData("genkgo+camt/test/data/camt053.v2.minimal.xml")]
    [InlineData("WoLpH+mt940/mt940_tests/jejik/abnamro.sta")]
    public void Other_formats_of_banks_are_refused_and_never_misread(string path)
    {
        var error = Assert.Throws<NexusException>(() => Statements.Real(path).OrThrow());

        Assert.Equal("IMPORT_UNREADABLE", error.Code);
    }
}
