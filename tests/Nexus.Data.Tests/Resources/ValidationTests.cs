using System.Collections.Immutable;
using System.Text;

namespace Nexus.Data.Tests.Resources;

public sealed class ValidationTests
{
    private const string Rest = "\"number\":\"A-1\",\"total\":1,\"dueOn\":\"2026-01-31\"";

    [Theory]
    [InlineData("""{"total":1,"dueOn":"2026-01-31"}""", "/number required")]
    [InlineData("""{"number":null,"total":1,"dueOn":"2026-01-31"}""", "/number required")]
    [InlineData("""{"number":"A","total":1,"dueOn":"2026-01-31"}""", "/number min_length")]
    [InlineData("""{"number":"A23456789-123456789-1","total":1,"dueOn":"2026-01-31"}""", "/number max_length")]
    [InlineData("""{"number":"a b","total":1,"dueOn":"2026-01-31"}""", "/number pattern")]
    [InlineData("""{"number":"A-1\n","total":1,"dueOn":"2026-01-31"}""", "/number pattern")]
    [InlineData("""{"number":7,"total":1,"dueOn":"2026-01-31"}""", "/number type")]
    [InlineData("""{"number":"A-1","total":-1,"dueOn":"2026-01-31"}""", "/total minimum")]
    [InlineData("""{"number":"A-1","total":1000000.01,"dueOn":"2026-01-31"}""", "/total maximum")]
    [InlineData("""{"number":"A-1","total":0.12345678901234567890123456789,"dueOn":"2026-01-31"}""", "/total type")]
    [InlineData("""{"number":"A-1","total":1,"dueOn":"2026-02-30"}""", "/dueOn format")]
    [InlineData("{REST,\"nubmer\":1}", "/nubmer unknown_field")]
    [InlineData("{REST,\"number\":\"A-2\"}", "/number duplicate_field")]
    [InlineData("{REST,\"a/b~c\":1}", "/a~1b~0c unknown_field")]
    [InlineData("{REST,\"status\":\"Paid\"}", "/status read_only")]
    [InlineData("{REST,\"revision\":5}", "/revision read_only")]
    [InlineData("{REST,\"wish\":\"paid\"}", "/wish choice")]
    [InlineData("{REST,\"wish\":1}", "/wish type")]
    [InlineData("{REST,\"days\":1.5}", "/days type")]
    [InlineData("{REST,\"days\":\"1\"}", "/days type")]
    [InlineData("{REST,\"days\":2147483648}", "/days maximum")]
    [InlineData("{REST,\"big\":9223372036854775808}", "/big maximum")]
    [InlineData("{REST,\"big\":-9223372036854775809}", "/big minimum")]
    [InlineData("{REST,\"big\":1e400}", "/big type")]
    [InlineData("{REST,\"urgent\":\"true\"}", "/urgent type")]
    [InlineData("{REST,\"weight\":1e999}", "/weight type")]
    [InlineData("{REST,\"sentAt\":\"2026-01-31T12:00:00\"}", "/sentAt format")]
    [InlineData("{REST,\"sentAt\":\"yesterday\"}", "/sentAt format")]
    [InlineData("{REST,\"at\":\"25:00\"}", "/at format")]
    [InlineData("{REST,\"span\":\"P\"}", "/span format")]
    [InlineData("{REST,\"external\":\"123\"}", "/external format")]
    [InlineData("{REST,\"customer\":\"x\"}", "/customer format")]
    [InlineData("{REST,\"fee\":{\"amount\":\"x\"}}", "/fee/amount type|/fee/currency required")]
    [InlineData("{REST,\"fee\":{\"amount\":\"1\",\"currency\":\"eur\",\"x\":1}}", "/fee/x unknown_field|/fee/currency format")]
    [InlineData("{REST,\"lines\":[{\"text\":\"a\",\"quantity\":1},{\"quantity\":0}]}", "/lines/1/text required|/lines/1/quantity minimum")]
    [InlineData("{REST,\"lines\":null}", "/lines required")]
    [InlineData("{REST,\"lines\":{}}", "/lines type")]
    [InlineData("{REST,\"rates\":{\"a\":\"x\"}}", "/rates/a type")]
    [InlineData("{REST,\"pin\":\"\\ud800\"}", "/pin format")]
    [InlineData("{REST,\"pin\":\"\\u0000\"}", "/pin format")]
    [InlineData("""{"total":"x","dueOn":5,"days":"y","foo":1}""", "/foo unknown_field|/number required|/total type|/dueOn type|/days type")]
    public async Task A_wrong_value_is_refused_with_its_pointer_and_code(string body, string expected)
    {
        var shop = new Shop();

        var result = await shop.CreateAsync(body.Replace("REST", Rest, StringComparison.Ordinal));

        Assert.Equal(ErrorCodes.ValidationError, result.Error!.Code);
        Assert.Equal(expected.Split('|'), result.Error.Errors.Select(e => $"{e.Pointer} {e.Code}"));
        Assert.Equal(0, shop.Fake.Commits);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{")]
    [InlineData("{\"a\":1,}")]
    [InlineData("{} {}")]
    public async Task A_body_that_is_no_json_object_is_a_bad_request(string body)
    {
        var result = await new Shop().CreateAsync(body);

        Assert.Equal(ErrorCodes.BadRequest, result.Error!.Code);
    }

    [Fact]
    public async Task Deep_nesting_is_refused()
    {
        string Nested(int depth) => "{" + Rest + ",\"extra\":" + new string('[', depth) + new string(']', depth) + "}";

        Assert.Null((await new Shop().CreateAsync(Nested(32))).Error);
        Assert.Equal("/extra too_deep", (await new Shop().CreateAsync(Nested(33))).Error!.Errors.Select(e => $"{e.Pointer} {e.Code}").Single());
        Assert.Equal(ErrorCodes.JsonTooDeep, (await new Shop().CreateAsync(Nested(100_000))).Error!.Code);
    }

    [Fact]
    public async Task A_misspelt_field_gets_a_suggestion()
    {
        var result = await new Shop().CreateAsync("{" + Rest + ",\"dayz\":1}");

        Assert.EndsWith("Did you mean `days`?", result.Error!.Errors[0].Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sentAt", "\"2026-01-31T13:00:00+01:00\"", "\"2026-01-31T12:00:00.000000Z\"")]
    [InlineData("span", "\"PT90M\"", "\"01:30:00\"")]
    [InlineData("at", "\"09:30\"", "\"09:30:00\"")]
    [InlineData("external", "\"0189ABCD-0000-7000-8000-00000000ABCD\"", "\"0189abcd-0000-7000-8000-00000000abcd\"")]
    [InlineData("big", "9223372036854775807", "9223372036854775807")]
    [InlineData("big", "1.0", "1")]
    [InlineData("total", "\"12.30\"", "12.30")]
    [InlineData("fee", "{\"currency\":\"EUR\",\"amount\":12.30}", "{\"amount\":\"12.30\",\"currency\":\"EUR\"}")]
    [InlineData("pin", "\"\\u00e9\\ud83d\\ude00\"", "\"é😀\"")]
    [InlineData("extra", "{ \"b\" : [1, 2.50] }", "{\"b\":[1,2.50]}")]
    public async Task Values_are_stored_in_one_canonical_form(string field, string given, string stored)
    {
        var shop = new Shop();
        string body = field == "total" ? $$"""{"number":"A-1","dueOn":"2026-01-31","total":{{given}}}""" : $$"""{{{Rest}},"{{field}}":{{given}}}""";

        var result = await shop.CreateAsync(body);

        Assert.Null(result.Error);
        string raw = System.Text.RegularExpressions.Regex.Unescape(shop.Fake.Raw("shop.invoices", result.Id!).Replace("\\", "\\\\", StringComparison.Ordinal));
        Assert.Contains($"\"{field}\":{stored}", field == "pin" ? System.Text.RegularExpressions.Regex.Unescape(raw) : raw, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pattern_that_explodes_is_cut_short()
    {
        var shop = new Shop();
        var call = shop.Call();
        var fields = call.Resource.Fields.Select(f => f.Name == "number" ? f with { Pattern = "(?=x)(a+)+b", MaxLength = null } : f).ToImmutableArray();
        var change = new ResourceChange { Kind = ChangeKind.Create, Body = Encoding.UTF8.GetBytes("{\"number\":\"" + new string('a', 40) + "!\",\"total\":1,\"dueOn\":\"2026-01-31\"}") };

        var result = (await shop.Operations.ChangeAsync(call with { Resource = call.Resource with { Fields = fields } }, [change], false, default))[0];

        Assert.Equal("pattern", result.Error!.Errors.Single().Code);
    }
}
