using System.Text;
using Nexus.Finance.Ledger.Imports;

namespace Nexus.Finance.Ledger.Tests.Imports;

public sealed class OfxTests
{
    private static string File(string transactions, string currency = "EUR", string header = "OFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\nENCODING:USASCII\r\nCHARSET:1252\r\n\r\n") =>
        $"{header}<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>{currency}<BANKACCTFROM><BANKID>1<ACCTID>42<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST>{transactions}</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>";

    private static string Transaction(string date = "20240105", string amount = "-1.00", string rest = "<FITID>1") => $"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>{date}<TRNAMT>{amount}{rest}</STMTTRN>";

    [Theory]
    [InlineData("20230401120000.000[-5:EST]", "2023-04-01")]
    [InlineData("20230401233000[-5:EST]", "2023-04-01")]
    [InlineData("20230401003000[+9:JST]", "2023-04-01")]
    [InlineData("20230401000000[0:GMT]", "2023-04-01")]
    [InlineData("202304010000", "2023-04-01")]
    [InlineData("20230401", "2023-04-01")]
    [InlineData("2023-04-01", "2023-04-01")]
    public void A_line_is_booked_on_the_banks_own_day(string written, string day) =>
        Assert.Equal([day], Statements.Text(File(Transaction(date: written))).OrThrow().Dates());

    [Theory]
    [InlineData("20230230")]
    [InlineData("yesterday")]
    [InlineData("20231301")]
    public void What_is_no_date_is_refused_with_its_line(string written)
    {
        var error = Assert.Throws<NexusException>(() => Statements.Text(File(Transaction(date: written))).OrThrow());

        Assert.Equal("IMPORT_UNREADABLE", error.Code);
        Assert.Equal("/lines/7", Assert.Single(error.Errors).Pointer);
        Assert.Contains(written, error.Errors[0].Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-200,00", "-200.00")]
    [InlineData("+200.5", "200.5")]
    [InlineData("1,234.56", "1234.56")]
    [InlineData("1.234,56", "1234.56")]
    [InlineData("-.5", "-0.5")]
    [InlineData("-3.000", "-3.000")]
    [InlineData("0.12345678", "0.12345678")]
    public void Amounts_are_exact_whatever_their_mark(string written, string amount) =>
        Assert.Equal([amount], Statements.Text(File(Transaction(amount: written))).OrThrow().Amounts());

    [Fact]
    public void Three_decimals_are_thousands_when_the_file_shows_it() =>
        Assert.Equal(["-3000", "-12.50"], Statements.Text(File(Transaction(amount: "-3.000") + Transaction(amount: "-12,50", rest: "<FITID>2"))).OrThrow().Amounts());

    [Fact]
    public void A_file_on_one_line_without_a_header_is_read()
    {
        var reading = Statements.Text(File(Transaction(rest: "<FITID>1<NAME>A")).Split("\r\n\r\n")[1]).OrThrow();

        Assert.Equal("A", Assert.Single(reading.Statements[0].Lines).Payee);
        Assert.Contains("header is missing", Assert.Single(reading.Notes).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Empty_unclosed_leaves_swallow_nothing()
    {
        var line = Statements.Text(File("<STMTTRN>\n<TRNTYPE>DEBIT\n<MEMO>\n<NAME>\n<DTPOSTED>20240105\n<TRNAMT>-1.00\n<FITID>9\n</STMTTRN>")).OrThrow().Statements[0].Lines[0];

        Assert.Equal(("9", null, null, "-1.00"), (line.Reference, line.Memo, line.Payee, line.Amount.ToString()));
    }

    [Theory]
    [InlineData("AT&amp;T &lt;shop&gt; &#233;", "AT&T <shop> é")]
    [InlineData("AT&T", "AT&T")]
    [InlineData("<![CDATA[A & B <c>]]>", "A & B <c>")]
    [InlineData("less < 5 EUR", "less < 5 EUR")]
    [InlineData("&unknown; stays", "&unknown; stays")]
    public void Entities_are_characters_and_nothing_more(string written, string name) =>
        Assert.Equal(name, Statements.Text(File(Transaction(rest: $"<FITID>1<NAME>{written}"))).OrThrow().Statements[0].Lines[0].Payee);

    [Fact]
    public void A_document_type_is_refused()
    {
        var bomb = "<?xml version=\"1.0\"?><!DOCTYPE OFX [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><?OFX OFXHEADER=\"200\" VERSION=\"211\"?>" + File(Transaction(rest: "<FITID>&b;"), header: "");

        var error = Assert.Throws<NexusException>(() => Statements.Text(bomb).OrThrow());

        Assert.Contains("document type", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Utf8_wins_over_a_header_that_says_1252() =>
        Assert.Equal("CAFÉ €", Statements.Text(File(Transaction(rest: "<FITID>1<NAME>CAFÉ €"))).OrThrow().Statements[0].Lines[0].Payee);

    [Fact]
    public void Bytes_of_1252_are_read_though_the_header_says_utf8()
    {
        var text = File(Transaction(rest: "<FITID>1<NAME>CAFÉ"), header: "OFXHEADER:100\nVERSION:102\nENCODING:UTF-8\nCHARSET:NONE\n\n");

        var reading = StatementReader.Read(Encoding.Latin1.GetBytes(text)).OrThrow();

        Assert.Equal("CAFÉ", reading.Statements[0].Lines[0].Payee);
        Assert.Equal("UTF-8", reading.Dialect["declaredEncoding"]);
    }

    [Fact]
    public void A_byte_order_mark_is_no_part_of_the_text() =>
        Assert.Single(StatementReader.Read([0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(File(Transaction()))]).OrThrow().Statements);

    [Fact]
    public void Every_statement_of_a_file_is_read()
    {
        var two = File(Transaction()).Replace("</STMTTRNRS>", "</STMTTRNRS><STMTTRNRS><STMTRS><CURDEF>USD<BANKACCTFROM><ACCTID>43</BANKACCTFROM><BANKTRANLIST>" + Transaction(amount: "7") + "</BANKTRANLIST><LEDGERBAL><BALAMT>7<DTASOF>20240131</LEDGERBAL></STMTRS></STMTTRNRS>", StringComparison.Ordinal);

        var statements = Statements.Text(two).OrThrow().Statements;

        Assert.Equal([("42", "EUR", null), ("43", "USD", "7")], statements.Select(s => (s.Account, s.Currency, s.LedgerBalance?.ToString())));
    }

    [Fact]
    public void An_error_answer_of_the_bank_is_told_in_its_words()
    {
        var error = Assert.Throws<NexusException>(() => Statements.Text("OFXHEADER:100\nVERSION:102\n\n<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>15500<SEVERITY>ERROR<MESSAGE>Signon invalid</STATUS></SONRS></SIGNONMSGSRSV1></OFX>").OrThrow());

        Assert.Contains("15500: Signon invalid", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_cut_off_is_refused()
    {
        var whole = File(Transaction() + Transaction(rest: "<FITID>2"));

        var error = Assert.Throws<NexusException>(() => Statements.Text(whole[..whole.LastIndexOf("<TRNAMT>", StringComparison.Ordinal)]).OrThrow());

        Assert.Contains(error.Errors, e => e.Message.Contains("cut off", StringComparison.Ordinal));
    }

    [Fact]
    public void All_problems_of_a_file_are_told_at_once()
    {
        var error = Assert.Throws<NexusException>(() => Statements.Text(File(Transaction(date: "x") + "\n" + Transaction(amount: "1.2.3,4") + "\n<STMTTRN><FITID>3</STMTTRN>")).OrThrow());

        Assert.Equal(["/lines/7", "/lines/8", "/lines/9", "/lines/9"], error.Errors.Select(e => e.Pointer));
    }

    [Fact]
    public void A_line_without_fitid_is_kept_and_noted()
    {
        var reading = Statements.Text(File(Transaction(rest: ""))).OrThrow();

        Assert.Null(reading.Statements[0].Lines[0].Reference);
        Assert.Contains("no FITID", Assert.Single(reading.Notes).Text, StringComparison.Ordinal);
    }
}
