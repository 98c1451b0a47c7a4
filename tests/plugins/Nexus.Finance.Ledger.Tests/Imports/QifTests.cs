namespace Nexus.Finance.Ledger.Tests.Imports;

public sealed class QifTests
{
    private static NexusException Refused(string text) => Assert.Throws<NexusException>(() => Statements.Text(text).OrThrow());

    [Theory]
    [InlineData("D1/ 1'99", "1999-01-01")]
    [InlineData("D1/ 1'01", "2001-01-01")]
    [InlineData("D13/ 2'07", "2007-02-13")]
    [InlineData("D2/13/07", "2007-02-13")]
    [InlineData("D2007-02-13", "2007-02-13")]
    [InlineData("D13.02.2007", "2007-02-13")]
    public void Dates_of_quicken_are_read_in_all_their_forms(string date, string day) =>
        Assert.Equal([day], Statements.Text($"!Type:Bank\n{date}\nT-1.00\n^\n").OrThrow().Dates());

    [Fact]
    public void A_date_that_can_be_two_days_is_asked_about() =>
        Assert.Equal("/answers/date_order", Assert.Single(Refused("!Type:Bank\nD1/ 2'99\nT-1.00\n^\n").Errors).Pointer);

    [Fact]
    public void One_clear_date_settles_all_others() =>
        Assert.Equal(["2024-02-01", "2024-02-25"], Statements.Text("!Type:Bank\nD01/02/2024\nT-1.00\n^\nD25/02/2024\nT-1.00\n^\n").OrThrow().Dates());

    [Fact]
    public void Thousands_marks_are_no_decimals() =>
        Assert.Equal(["-1234.56", "1000000.00"], Statements.Text("!Type:Bank\nD25/02/2024\nT-1,234.56\n^\nD25/02/2024\nT1,000,000.00\n^\n").OrThrow().Amounts());

    [Fact]
    public void Accounts_of_a_quicken_file_become_statements_of_their_own()
    {
        var reading = Statements.Text("!Option:AutoSwitch\n!Account\nNGiro\nTBank\n$100.00\n/1/31/24\n^\n!Type:Bank\nD1/31/24\nT-1.00\n^\n!Account\nNVisa\nTCCard\n^\n!Type:CCard\nD1/30/24\nT-2.00\n^\n!Clear:AutoSwitch\n").OrThrow();

        Assert.Equal([("Giro", "Bank", "100.00"), ("Visa", "CCard", null)], reading.Statements.Select(s => (s.Account, s.AccountType, s.LedgerBalance?.ToString())));
    }

    [Fact]
    public void Splits_that_do_not_add_up_are_explained_and_keep_the_amount()
    {
        var reading = Statements.Text("!Type:Bank\nD1/31/24\nT-10.00\nSFood\n$-7.00\nS[Savings]\n$-2.00\n^\n").OrThrow();

        Assert.Equal([("Food", null, "-7.00"), (null, "Savings", "-2.00"), (null, null, "-1.00")], reading.Statements[0].Lines[0].Splits.Select(s => (s.Category, s.TransferAccount, s.Amount.ToString())));
        Assert.Contains("sum to -9.00 but the amount is -10.00", Assert.Single(reading.Notes).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_last_record_counts_without_its_end_mark()
    {
        var reading = Statements.Text("!Type:Cash\r\nD1/31/24\r\nT-10.00\r\nPKiosk").OrThrow();

        Assert.Equal("Kiosk", Assert.Single(reading.Statements[0].Lines).Payee);
        Assert.Contains("no ^", Assert.Single(reading.Notes).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_type_that_does_not_exist_is_explained() =>
        Assert.Contains("!Type:Foo is a type that QIF does not define", Assert.Single(Statements.Text("!Type:Foo\nNx\n^\n!Type:Bank\nD1/31/24\nT1.00\n^\n").OrThrow().Skipped).Text, StringComparison.Ordinal);

    [Theory]
    [InlineData("!Type:Bank\nT-1.00\n^\nD1/31/24\nT1.00\n^\n", 2, "no date")]
    [InlineData("!Type:Bank\nD1/31/24\nPx\n^\n", 2, "no amount")]
    [InlineData("!Type:Bank\nD1/31/24\nTabc\n^\n", 3, "not an amount")]
    public void A_record_that_lacks_what_it_needs_is_named_with_its_line(string file, int line, string words)
    {
        var error = Refused(file).Errors[0];

        Assert.Equal($"/lines/{line}", error.Pointer);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }
}
