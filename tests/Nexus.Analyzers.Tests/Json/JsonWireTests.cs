using System.Collections.Immutable;
using System.Text;
using System.Text.Json;

namespace Nexus.Analyzers.Tests.Json;

/// <summary>The wire form, as the reflection fallback has it; <c>CodecGeneratorTests</c> holds generated codecs to the same.</summary>
public sealed class JsonWireTests
{
    private static readonly Guid CustomerId = Guid.Parse("0198c5b4-0000-7000-8000-000000000001");

    [Fact]
    public void A_record_is_written_in_the_wire_form()
    {
        var invoice = new Invoice("R-1", new Ref<Customer>(CustomerId), new Money(12.30m, "EUR"), new DateOnly(2026, 3, 1), TimeSpan.FromMinutes(90))
        {
            Status = InvoiceStatus.PartlyPaid,
            Lines = [new Line("Tee für Ada", 2.50m)],
        };

        var json = Text(JsonCodec.For<Invoice>().Serialize(invoice));

        Assert.Contains("\"customer\":\"0198c5b4-0000-7000-8000-000000000001\"", json);
        Assert.Contains("\"total\":{\"amount\":\"12.30\",\"currency\":\"EUR\"}", json);
        Assert.Contains("\"dueOn\":\"2026-03-01\",\"grace\":\"01:30:00\"", json);
        Assert.Contains("\"status\":\"PartlyPaid\"", json);
        Assert.Contains("\"lines\":[{\"text\":\"Tee für Ada\",\"price\":2.50}]", json);
    }

    [Fact]
    public void What_was_written_is_read_back_equal()
    {
        var invoice = new Invoice("R-1", new Ref<Customer>(CustomerId), new Money(12.30m, "EUR"), new DateOnly(2026, 3, 1), TimeSpan.FromDays(2));

        var read = JsonCodec.For<Invoice>().Deserialize(JsonCodec.For<Invoice>().Serialize(invoice));

        Assert.Equal(invoice.Total, read!.Total);
        Assert.Equal(invoice.Customer, read.Customer);
        Assert.Equal(TimeSpan.FromDays(2), read.Grace);
    }

    [Theory]
    [InlineData("1.2345678901234567890123456789")]
    [InlineData("123456789012345678901234567891")]
    public void A_decimal_that_would_be_rounded_is_refused(string number)
    {
        var error = Assert.Throws<JsonException>(() => JsonCodec.For<Line>().Deserialize(Encoding.UTF8.GetBytes($$"""{"text":"x","price":{{number}}}""")));

        Assert.Contains("28 significant digits", error.Message);
    }

    [Theory]
    [InlineData("1234567890123456789012345678", "1234567890123456789012345678")]
    [InlineData("0.1000000000000000000000000000000", "0.1000000000000000000000000000")]
    [InlineData("\"-12.30\"", "-12.30")]
    [InlineData("1e3", "1000")]
    public void An_exact_decimal_is_read_from_number_or_text(string number, string expected)
    {
        var line = JsonCodec.For<Line>().Deserialize(Encoding.UTF8.GetBytes($$"""{"text":"x","price":{{number}}}"""));

        Assert.Equal(expected, line!.Price.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public void A_second_value_after_the_first_is_refused() =>
        Assert.ThrowsAny<JsonException>(() => JsonCodec.For<Line>().Deserialize("""{"text":"a","price":1} {}"""u8));

    [Theory]
    [InlineData("\"PT1H30M\"")]
    [InlineData("\"01:30:00\"")]
    public void A_duration_is_read_in_both_forms(string text) =>
        Assert.Equal(TimeSpan.FromMinutes(90), JsonCodec.For<TimeSpan>().Deserialize(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void Any_serializer_writes_money_in_the_wire_form() =>
        Assert.Equal("""{"amount":"1.00","currency":"USD"}""", JsonSerializer.Serialize(new Money(1.00m, "USD")));

    private static string Text(byte[] json) => Encoding.UTF8.GetString(json);

    public sealed record Customer(string Name) : Resource;

    public enum InvoiceStatus
    {
        Draft,
        PartlyPaid,
    }

    public sealed record Line(string Text, decimal Price);

    public sealed record Invoice(string Number, Ref<Customer> Customer, Money Total, DateOnly DueOn, TimeSpan Grace) : Resource
    {
        public InvoiceStatus Status { get; init; }

        public ImmutableArray<Line> Lines { get; init; } = [];
    }
}
