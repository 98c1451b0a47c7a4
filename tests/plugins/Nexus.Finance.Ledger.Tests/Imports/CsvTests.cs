using System.Text;
using Nexus.Finance.Ledger.Imports;

namespace Nexus.Finance.Ledger.Tests.Imports;

public sealed class CsvTests
{
    private static NexusException Refused(string text) => Assert.Throws<NexusException>(() => Statements.Text(text).OrThrow());

    [Theory]
    [InlineData("Date;Text;Betrag\n05.01.2024;A;-500,00\n", "-500.00")]
    [InlineData("Date;Text;Betrag\n05.01.2024;A;-3.000\n06.01.2024;B;12,50\n", "-3000,12.50")]
    [InlineData("Date,Text,Amount\n2024-01-05,A,\"-3,000\"\n2024-01-06,B,12.50\n", "-3000,12.50")]
    [InlineData("Date,Text,Amount\n2024-01-05,A,-110.7\n", "-110.7")]
    [InlineData("Date,Text,Amount\n2024-01-05,A,0.00000012\n", "0.00000012")]
    [InlineData("Date;Text;Amount\n2024-01-05;A;1 234,56\n", "1234.56")]
    [InlineData("Date;Text;Amount\n2024-01-05;A;1\u202F234\u00A0567,89\n", "1234567.89")]
    [InlineData("Date;Text;Amount\n2024-01-05;A;1'234.50\n", "1234.50")]
    [InlineData("Date,Text,Amount\n2024-01-05,A,\"(1,234.56)\"\n", "-1234.56")]
    [InlineData("Date,Text,Amount\n2024-01-05,A,\u221212.00\n2024-01-06,B,$12.00\n2024-01-07,C,12.00-\n", "-12.00,12.00,-12.00")]
    [InlineData("Date,Text,Amount\n2024-01-05,A,\"1,23,456.00\"\n", "123456.00")]
    [InlineData("Date,Text,Amount\n2024-01-05,A,12.00 CR\n2024-01-06,B,12.00 DR\n", "12.00,-12.00")]
    [InlineData("Date,Text,Amount\n2024-01-05,A,EUR 12.00\n", "12.00")]
    public void Amounts_are_read_by_the_marks_that_the_column_shows(string file, string amounts) =>
        Assert.Equal(amounts, string.Join(',', Statements.Text(file).OrThrow().Amounts()));

    [Theory]
    [InlineData("Date,Text,Amount\n2024-01-05,A,-3.000\n")]
    [InlineData("Date;Text;Amount\n2024-01-05;A;1,234\n2024-01-06;B;100\n")]
    [InlineData("Date;Text;Amount\n2024-01-05;A;1,5\n2024-01-06;B;1.5\n")]
    public void An_amount_that_can_be_two_numbers_is_asked_about(string file)
    {
        var error = Refused(file);

        Assert.Equal(("IMPORT_AMBIGUOUS", "/answers/decimal_mark"), (error.Code, Assert.Single(error.Errors).Pointer));
    }

    [Theory]
    [InlineData("13/02/2024|12/02/2024", "2024-02-13,2024-02-12")]
    [InlineData("02/13/2024|02/12/2024", "2024-02-13,2024-02-12")]
    [InlineData("01.02.2024|02.02.2024", "2024-02-01,2024-02-02")]
    [InlineData("20240201|20240202", "2024-02-01,2024-02-02")]
    [InlineData("2024/2/1|2024/2/2", "2024-02-01,2024-02-02")]
    [InlineData("1 Feb 2024|02-Feb-24", "2024-02-01,2024-02-02")]
    [InlineData("Feb 1, 2024|Feb 2, 2024", "2024-02-01,2024-02-02")]
    [InlineData("1. März 2024|2. März 2024", "2024-03-01,2024-03-02")]
    [InlineData("2024-02-01T23:59:59Z|2024-02-02 00:00:01 +0100", "2024-02-01,2024-02-02")]
    [InlineData("05/05/2024|06/06/2024", "2024-05-05,2024-06-06")]
    [InlineData("31.12.23|01.01.24", "2023-12-31,2024-01-01")]
    public void Dates_are_read_by_the_order_that_the_column_shows(string dates, string read)
    {
        var pair = dates.Split('|');

        Assert.Equal(read, string.Join(',', Statements.Text($"Date;Text;Amount\n{pair[0]};A;1.50\n{pair[1]};B;2.50\n").OrThrow().Dates()));
    }

    [Fact]
    public void Dates_that_can_be_two_days_are_asked_about_with_the_evidence()
    {
        var error = Refused("Date;Text;Amount\n01/02/2024;A;1.50\n02/02/2024;B;2.50\n01/03/2024;C;1.50\n");

        Assert.Equal("/answers/date_order", Assert.Single(error.Errors).Pointer);
        Assert.Contains("Read day first, the lines are in order of date", error.Message, StringComparison.Ordinal);
        Assert.Equal(["2024-01-02"], Statements.Text("Date;Text;Amount\n01/02/2024;A;1.50\n", ("date_order", "mdy")).OrThrow().Dates());
    }

    [Fact]
    public void Dates_of_two_orders_in_one_column_are_never_mixed() =>
        Assert.Contains("do not fit one order", Refused("Date;Text;Amount\n13/02/2024;A;1.50\n02/13/2024;B;2.50\n").Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("a;b\n1;2", ';')]
    [InlineData("Date\tText\tAmount\n2024-01-05\tA, B; C\t-1.00\n", '\t')]
    [InlineData("Date|Text|Amount\n2024-01-05|A, B|-1.00\n", '|')]
    [InlineData("Date,Text,Amount\n2024-01-05,A; B; C,-1.00\n2024-01-06,A; B,-1.00\n", ',')]
    [InlineData("sep=;\nDate;Text;Amount\n2024-01-05;A,B;-1.00\n", ';')]
    public void The_delimiter_is_the_one_that_makes_rows_regular(string file, char delimiter) =>
        Assert.Equal(delimiter, CsvTable.Read(file, null, new ReadingLog())!.Delimiter);

    [Theory]
    [InlineData("\"A \"\"quoted\"\" B\"", "A \"quoted\" B")]
    [InlineData("\"A \"bare\" B\"", "A \"bare\" B")]
    [InlineData("A \"inner\" B", "A \"inner\" B")]
    [InlineData("\"two\nlines\"", "two lines")]
    [InlineData("\"a,b\" ", "a,b")]
    [InlineData("=\"001\"", "001")]
    [InlineData(" padded ", "padded")]
    public void Quotes_are_read_as_banks_write_them(string cell, string memo) =>
        Assert.Equal(memo, Statements.Text($"Date,Text,Amount\n2024-01-05,{cell},-1.00\n").OrThrow().Statements[0].Lines[0].Memo);

    [Theory]
    [InlineData("\r\n")]
    [InlineData("\r")]
    [InlineData("\n")]
    public void Any_line_end_ends_a_line(string end)
    {
        var reading = Statements.Text($"Date,Text,Amount{end}2024-01-05,A,-1.00{end}{end}2024-01-06,B,-2.00").OrThrow();

        Assert.Equal(["-1.00", "-2.00"], reading.Amounts());
        Assert.Equal([2, 4], reading.Statements[0].Lines.Select(l => l.Line));
    }

    [Fact]
    public void What_stands_above_and_below_the_table_is_left_out_and_said()
    {
        var reading = Statements.Text("Konto;DE42\nZeitraum;Januar\n\nBuchungstag;Verwendungszweck;Betrag;Währung\n05.01.2024;Miete;-700,00;EUR\n;Hinweis;;\nSumme;;-700,00;EUR\n").OrThrow();

        Assert.Equal(["-700.00"], reading.Amounts());
        Assert.Equal([1, 2, 6, 7], reading.Skipped.Select(s => s.Line));
        Assert.Equal("4", reading.Dialect["headerLine"]);
    }

    [Theory]
    [InlineData("Date,Details,Debit,Credit\n2024-01-05,A,10.00,\n2024-01-06,B,,20.00\n")]
    [InlineData("Date,Details,Debit,Credit\n2024-01-05,A,-10.00,\n2024-01-06,B,,20.00\n")]
    [InlineData("Date,Details,Paid out,Paid in\n2024-01-05,A,10.00,0.00\n2024-01-06,B,0.00,20.00\n")]
    [InlineData("Datum,Omschrijving,Af Bij,Bedrag\n2024-01-05,A,Af,10.00\n2024-01-06,B,Bij,20.00\n")]
    [InlineData("Date,Details,Type,Amount\n2024-01-05,A,DEBIT,10.00\n2024-01-06,B,CREDIT,20.00\n")]
    public void Money_out_is_below_zero_however_the_bank_says_it(string file) => Assert.Equal(["-10.00", "20.00"], Statements.Text(file).OrThrow().Amounts());

    [Fact]
    public void A_running_balance_proves_the_sign_even_when_the_file_turns_it()
    {
        var reading = Statements.Text("Date,Text,Amount,Balance\n2024-01-05,A,10.00,90.00\n2024-01-06,B,-20.00,110.00\n2024-01-07,C,5.00,105.00\n").OrThrow();

        Assert.Equal(["-10.00", "20.00", "-5.00"], reading.Amounts());
        Assert.Equal("105.00", reading.Statements[0].LedgerBalance.ToString());
    }

    [Fact]
    public void A_balance_that_does_not_follow_is_said_and_stops_nothing() =>
        Assert.Contains(Statements.Text("Date,Text,Amount,Balance\n2024-01-05,A,10.00,90.00\n2024-01-06,B,-20.00,1.00\n").OrThrow().Notes, n => n.Text.Contains("does not follow", StringComparison.Ordinal));

    [Fact]
    public void A_file_without_header_is_read_by_what_its_columns_hold()
    {
        var reading = Statements.Text("2024-01-05,Coffee,-3.50,EUR\n2024-01-06,Tea,-2.50,EUR\n").OrThrow();

        Assert.Equal(["-3.50", "-2.50"], reading.Amounts());
        Assert.Equal(("Coffee", "EUR"), (reading.Statements[0].Lines[0].Memo, reading.Statements[0].Currency));
    }

    [Fact]
    public void Columns_that_no_word_names_are_asked_for_and_a_profile_names_them()
    {
        const string File = "A,B,C,D\nx,2024-01-05,1.00,2.00\ny,2024-01-06,3.00,4.00\n";

        Assert.Equal("/answers/column.amount", Assert.Single(Refused(File).Errors).Pointer);
        Assert.Equal(["2.00", "4.00"], Statements.Text(File, ("column.amount", "D")).OrThrow().Amounts());
        Assert.Equal(["1.00", "3.00"], Statements.Text(File, ("column.amount", "3")).OrThrow().Amounts());
    }

    [Fact]
    public void Payee_and_memo_are_not_swapped()
    {
        var line = Statements.Text("Buchungstag;Beguenstigter/Zahlungspflichtiger;Verwendungszweck;Betrag;Waehrung\n05.01.2024;Vermieter;Miete Januar;-700,00;EUR\n").OrThrow().Statements[0].Lines[0];

        Assert.Equal(("Vermieter", "Miete Januar"), (line.Payee, line.Memo));
    }

    [Fact]
    public void Accounts_of_one_file_become_statements_of_their_own() =>
        Assert.Equal([("A1", "1.00"), ("A2", "5.00")], Statements.Text("Account,Date,Text,Amount\nA1,2024-01-05,x,1.00\nA2,2024-01-05,y,2.00\nA2,2024-01-06,z,3.00\n").OrThrow().Statements.Select(s => (s.Account, s.Sum())));

    [Fact]
    public void A_decimal_comma_that_breaks_a_column_is_found()
    {
        var error = Refused("Date,Text,Amount\n2024-01-05,A,-3,50\n2024-01-06,B,-4,25\n");

        Assert.Equal("IMPORT_UNREADABLE", error.Code);
        Assert.Contains("unquoted \",\"", error.Errors[0].Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Date,Text,Amount\n2024-01-05,\"open,-1.00\n", "never closed")]
    [InlineData("Date,Text,Amount\n2024-01-05,A,12.x4\n2024-01-06,A,12.40\n", "not an amount")]
    [InlineData("Date,Text,Amount\n2024-01-05,A,1.00\n2024-02-30,A,1.00\n2024-03-01,A,1.00\n", "not a date")]
    public void What_cannot_be_read_is_named_with_its_line(string file, string words) => Assert.Contains(words, Refused(file).Errors[0].Message, StringComparison.Ordinal);

    [Fact]
    public void Utf16_and_latin9_are_found_by_evidence()
    {
        const string File = "Date;Text;Amount\n2024-01-05;Café;-1,50\n";

        Assert.Equal("utf-16", StatementReader.Read([0xFF, 0xFE, .. Encoding.Unicode.GetBytes(File)]).OrThrow().Dialect["encoding"]);
        Assert.Equal("Café", StatementReader.Read(Encoding.Unicode.GetBytes(File)).OrThrow().Statements[0].Lines[0].Memo);
        Assert.Equal("Café", StatementReader.Read(Encoding.BigEndianUnicode.GetBytes(File)).OrThrow().Statements[0].Lines[0].Memo);
        var latin9 = StatementReader.Read([.. Encoding.Latin1.GetBytes("Date;Text;Amount\n2024-01-05;Preis "), 0xA4, .. Encoding.Latin1.GetBytes("5;-1,50\n")]).OrThrow();
        Assert.Equal(("iso-8859-15", "Preis €5"), (latin9.Dialect["encoding"], latin9.Statements[0].Lines[0].Memo));
    }
}
