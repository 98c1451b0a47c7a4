using System.Text;
using Nexus.Finance.Ledger.Imports;

namespace Nexus.Finance.Ledger.Tests.Imports;

/// <summary>Exports as banks of several countries shape them: headers, encodings, accounts and pending lines.</summary>
public sealed class CsvDialectTests
{
    private const string Polish = "Data operacji;Opis;Kwota\n2024-12-31;Zakup Łódź płatność kartą żabka;-12,50\n";
    private const string Russian = "Дата операции;Описание;Сумма операции;Валюта операции\n31.12.2024;Пятёрочка;-1 234,56;RUB\n";
    private const string Czech = "Datum provedení;Částka;Měna;Zpráva pro příjemce\n31.12.2024;-1 234,56;CZK;Nákup dýně příště\n";
    private const string Turkish = "Tarih;Açıklama;Tutar;Bakiye\n31.12.2024;Maaş ödemesi;1.234,56;2.000,00\n";
    private const string Japanese = "日付,内容,お引出し,お預入れ,残高\n2024/12/31,コンビニ,1250,,98750\n";
    private const string French = "Date;Libellé;Débit euros;Crédit euros\n31/12/2024;Café à côté;45,90;\n";
    private const string German = "Datum;Name;Betrag\n31.12.2024;Müller Bäcker;-3,50\n";

    [Theory]
    [InlineData(Polish, "windows-1250", "windows-1250", "Zakup Łódź płatność kartą żabka")]
    [InlineData(Polish, "iso-8859-2", "iso-8859-2", "Zakup Łódź płatność kartą żabka")]
    [InlineData(Russian, "windows-1251", "windows-1251", "Пятёрочка")]
    [InlineData(Russian, "koi8-r", "koi8-r", "Пятёрочка")]
    [InlineData("Date;Text;Amount\n31.12.2024;Пятёрочка магазин;-1 234,56\n", "windows-1251", "windows-1251", "Пятёрочка магазин")]
    [InlineData(Czech, "windows-1250", "windows-1250", "Nákup dýně příště")]
    [InlineData(Turkish, "windows-1254", "windows-1254", "Maaş ödemesi")]
    [InlineData(Japanese, "shift_jis", "shift_jis", "コンビニ")]
    [InlineData(Japanese, "euc-jp", "euc-jp", "コンビニ")]
    [InlineData(French, "windows-1252", "iso-8859-1", "Café à côté")]
    [InlineData("Date;Text;Amount\n31/12/2024;Crêperie “Chez Anaïs” – 12€;-45,90\n", "windows-1252", "windows-1252", "Crêperie “Chez Anaïs” – 12€")]
    [InlineData(German, "ibm850", "ibm850", "Müller Bäcker")]
    public void An_encoding_is_found_by_the_words_that_it_makes(string file, string written, string found, string text)
    {
        var bytes = CodePagesEncodingProvider.Instance.GetEncoding(written)?.GetBytes(file) ?? Encoding.GetEncoding(written).GetBytes(file);

        var reading = StatementReader.Read(bytes).OrThrow();

        Assert.Equal((found, text), (reading.Dialect["encoding"], reading.Statements[0].Lines[0] is var line ? line.Memo ?? line.Payee : null));
    }

    [Fact]
    public void A_text_that_reads_well_in_several_encodings_is_asked_about_and_the_answer_wins()
    {
        var bytes = Encoding.Latin1.GetBytes("Date;Text;Amount\n2024-12-31;\u00B1\u00B6 \u00B3\u00B1\u00BF x;-1.50\n");
        var reading = StatementReader.Read(bytes);

        var question = Assert.Single(reading.Questions);

        Assert.Equal("encoding", question.Id);
        Assert.Empty(StatementReader.Read(bytes, Statements.Answers(("encoding", question.Options[0].Value))).Questions);
    }

    [Theory]
    [InlineData("Date;Libellé;Débit euros;Crédit euros;\n31/12/2024;CARTE;45,90;;\n30/12/2024;VIR;;2 100,00;\n", "-45.90,2100.00")]
    [InlineData(Japanese, "-1250")]
    [InlineData("日期,摘要,收入金额,支出金额,余额\n2024-12-31,工资,5000.00,,6000.00\n2024-12-30,超市,,100.00,1000.00\n", "5000.00,-100.00")]
    [InlineData("Buchungsdatum;Zahlungspflichtige*r;Zahlungsempfänger*in;Verwendungszweck;Betrag (€)\n30.12.24;ISSUER;Rewe;VISA;-23,10\n", "-23.10")]
    [InlineData("Datum;Omschrijving;Af Bij;Bedrag (EUR)\n20241230;AH;Af;23,45\n20241231;Werkgever;Bij;2500,00\n", "-23.45,2500.00")]
    [InlineData("Bokföringsdag;Text;Insättning;Uttag;Saldo\n2024-12-31;Lön;100,00;;150,00\n2024-12-30;ICA;;10,00;50,00\n", "100.00,-10.00")]
    public void Headers_are_known_in_the_languages_of_their_banks(string file, string amounts) =>
        Assert.Equal(amounts, string.Join(',', Statements.Text(file).OrThrow().Amounts()));

    [Theory]
    [InlineData("Date,Description,Amount,State\n2024-12-30,Tesco,-12.40,COMPLETED\n2024-12-31,Shop,-9.99,PENDING\n2024-12-31,Shop,-7.00,REVERTED\n")]
    [InlineData("Buchungstag;Text;Betrag;Info\n30.12.24;Tesco;-12,40;Umsatz gebucht\n31.12.24;REWE;-12,99;Umsatz vorgemerkt\n31.12.24;REWE;-7,00;Umsatz vorgemerkt\n")]
    public void Lines_that_the_bank_has_not_booked_are_left_out_with_the_reason_unless_they_are_wanted(string file)
    {
        var reading = Statements.Text(file).OrThrow();

        Assert.Equal(["-12.40"], reading.Amounts());
        Assert.Equal([3, 4], reading.Skipped.Select(s => s.Line));
        Assert.Contains("is not booked", reading.Skipped[0].Text, StringComparison.Ordinal);
        Assert.Equal(3, Statements.Text(file, ("unbooked", "import")).OrThrow().Amounts().Length);
    }

    [Fact]
    public void The_day_of_booking_is_taken_where_the_day_of_purchase_is_there_too()
    {
        var reading = Statements.Text("Started Date,Completed Date,Description,Amount\n2024-12-28 13:02:45,2024-12-30 09:11:02,Tesco,-12.40\n2024-12-31 10:00:00,,Pending,-1.00\n").OrThrow();

        Assert.Equal(["2024-12-30"], reading.Dates());
        Assert.Equal(3, Assert.Single(reading.Skipped).Line);
    }

    [Fact]
    public void The_account_named_above_the_header_is_the_own_one_and_a_column_of_ibans_the_other_sides()
    {
        var reading = Statements.Text("\"Konto\";\"Girokonto DE02120300000000202051\"\n\"\"\n\"Buchungsdatum\";\"Empfänger\";\"IBAN\";\"Betrag (€)\"\n\"30.12.24\";\"Rewe\";\"DE89370400440532013000\";\"-23,10\"\n\"27.12.24\";\"Firma\";\"FR1420041010050500013M02606\";\"1.800,00\"\n").OrThrow();

        Assert.Equal(("DE02120300000000202051", 2), (Assert.Single(reading.Statements).Account, reading.Statements[0].Lines.Length));
    }

    [Fact]
    public void A_column_of_several_ibans_is_asked_about_when_nothing_names_the_own_account()
    {
        const string file = "Date,Payee,IBAN,Amount\n2024-12-30,Rewe,DE89370400440532013000,-23.10\n2024-12-27,Firma,DE02120300000000202051,18.00\n";

        var question = Assert.Single(Statements.Text(file).Questions);

        Assert.Equal("column.account", question.Id);
        Assert.Equal(["3", "none"], question.Options.Select(o => o.Value));
        Assert.Null(Assert.Single(Statements.Text(file, ("column.account", "none")).OrThrow().Statements).Account);
        Assert.Equal(2, Statements.Text(file, ("column.account", "3")).OrThrow().Statements.Length);
    }

    [Theory]
    [InlineData("Data operacji;Opis;Kwota\n2024-12-31;A;-1 234,56 PLN\n", "PLN")]
    [InlineData("Datum;Text;Betrag\n31.12.2024;A;-3,50 €\n", "EUR")]
    [InlineData("Date,Text,Amount\n2024-12-31,A,-£3.50\n", "GBP")]
    [InlineData("Date,Text,Amount\n2024-12-31,A,-$3.50\n", null)]
    public void A_currency_beside_every_amount_is_the_statements(string file, string? currency) =>
        Assert.Equal(currency, Assert.Single(Statements.Text(file).OrThrow().Statements).Currency);

    [Fact]
    public void Amounts_that_are_mostly_above_zero_are_remarked_upon_since_card_issuers_write_spending_so()
    {
        const string file = "Date,Description,Amount\n2024-12-29,UBER TRIP,23.99\n2024-12-30,CAFE,3.99\n2024-12-31,PAYMENT,-500.00\n";

        Assert.Contains("sign=inverted", Assert.Single(Statements.Text(file).OrThrow().Notes).Text, StringComparison.Ordinal);
        Assert.Equal(["-23.99", "-3.99", "500.00"], Statements.Text(file, ("sign", "inverted")).OrThrow().Amounts());
    }
}
