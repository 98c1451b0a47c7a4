using System.Text;
using Nexus.Data.Resources;

namespace Nexus.Data.Tests.Resources;

public sealed class MergePatchTests
{
    // RFC 7396, appendix A.
    [Theory]
    [InlineData("""{"a":"b"}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"b":"c"}""", """{"a":"b","b":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"a":null}""", """{}""")]
    [InlineData("""{"a":"b","b":"c"}""", """{"a":null}""", """{"b":"c"}""")]
    [InlineData("""{"a":["b"]}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"c"}""", """{"a":["b"]}""", """{"a":["b"]}""")]
    [InlineData("""{"a":{"b":"c"}}""", """{"a":{"b":"d","c":null}}""", """{"a":{"b":"d"}}""")]
    [InlineData("""{"a":[{"b":"c"}]}""", """{"a":[1]}""", """{"a":[1]}""")]
    [InlineData("""["a","b"]""", """["c","d"]""", """["c","d"]""")]
    [InlineData("""{"a":"b"}""", """["c"]""", """["c"]""")]
    [InlineData("""{"a":"foo"}""", "null", "null")]
    [InlineData("""{"a":"foo"}""", "\"bar\"", "\"bar\"")]
    [InlineData("""{"e":null}""", """{"a":1}""", """{"e":null,"a":1}""")]
    [InlineData("""[1,2]""", """{"a":"b","c":null}""", """{"a":"b"}""")]
    [InlineData("""{}""", """{"a":{"bb":{"ccc":null}}}""", """{"a":{"bb":{}}}""")]
    public void A_merge_patch_gives_the_result_of_the_rfc(string target, string patch, string expected) =>
        Assert.Equal(expected, Encoding.UTF8.GetString(MergePatch.Apply(Encoding.UTF8.GetBytes(target), Encoding.UTF8.GetBytes(patch)).Span));

    [Fact]
    public async Task A_patch_changes_what_it_names_and_keeps_the_rest()
    {
        var shop = new Shop();
        string id = await shop.NewAsync();

        var patched = await shop.ChangeAsync(ChangeKind.Merge, id, """{"rates":{"a":1.5},"fee":{"amount":"2","currency":"EUR"}}""");
        var again = await shop.ChangeAsync(ChangeKind.Merge, id, """{"rates":{"a":null,"b":2},"fee":{"amount":"3"},"days":null}""");

        Assert.Null(patched.Error);
        var json = Json.Of(again.Record);
        Assert.Equal("""{"b":2}""", json.GetProperty("rates").GetRawText());
        Assert.Equal("""{"amount":"3","currency":"EUR"}""", json.GetProperty("fee").GetRawText());
        Assert.Equal((7, 3), (json.GetProperty("days").GetInt32(), json.GetProperty("revision").GetInt32()));
        Assert.Contains("\"pin\":\"1234\"", shop.Fake.Raw("shop.invoices", id), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"number":null}""", "/number required")]
    [InlineData("""{"status":"Paid"}""", "/status read_only")]
    [InlineData("""{"owner":"eve"}""", "/owner read_only")]
    [InlineData("""{"nope":1}""", "/nope unknown_field")]
    public async Task A_patch_is_validated_as_a_whole(string patch, string expected)
    {
        var shop = new Shop();
        string id = await shop.NewAsync();

        var result = await shop.ChangeAsync(ChangeKind.Merge, id, patch);

        Assert.Equal(expected, result.Error!.Errors.Select(e => $"{e.Pointer} {e.Code}").Single());
    }
}
