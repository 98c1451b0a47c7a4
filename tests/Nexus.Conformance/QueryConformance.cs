using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Nexus.Conformance;

public abstract partial class StorageConformance
{
    private static readonly string[] People =
    [
        """{"name":"Ada","age":36,"city":{"name":"London"},"active":true,"tag":"a"}""",
        """{"name":"Bob","age":36.0,"city":{"name":"Paris"},"active":false,"tag":null}""",
        """{"name":"Cleo","age":9007199254740993,"city":"London","active":1}""",
        """{"name":"Édith","age":"36","city":{"name":null},"tag":["a"]}""",
        """{"name":"Adamant","age":-1.5,"city":{},"active":null,"tag":{"a":1}}""",
        """{"name":"\uFFEE","age":0,"tag":""}""",
        """{"name":"😀","age":1e300,"tag":"A"}""",
    ];

    [Theory]
    [InlineData("""{}""", "0123456")]
    [InlineData("""{"age":36}""", "01")]
    [InlineData("""{"age":"36"}""", "3")]
    [InlineData("""{"age":{"$ne":36}}""", "23456")]
    [InlineData("""{"age":{"$gt":9007199254740992}}""", "26")]
    [InlineData("""{"age":{"$gte":9007199254740993}}""", "26")]
    [InlineData("""{"age":{"$lt":0}}""", "4")]
    [InlineData("""{"age":{"$lte":0}}""", "45")]
    [InlineData("""{"age":{"$gt":"3"}}""", "3")]
    [InlineData("""{"active":true}""", "0")]
    [InlineData("""{"active":1}""", "2")]
    [InlineData("""{"active":null}""", "3456")]
    [InlineData("""{"active":{"$ne":null}}""", "012")]
    [InlineData("""{"active":{"$gt":0}}""", "2")]
    [InlineData("""{"tag":""}""", "5")]
    [InlineData("""{"tag":null}""", "12")]
    [InlineData("""{"tag":"{\"a\":1}"}""", "")]
    [InlineData("""{"tag":{"$in":["a","A",null]}}""", "0126")]
    [InlineData("""{"tag":{"$in":[]}}""", "")]
    [InlineData("""{"age":{"$in":[36,0,"36"]}}""", "0135")]
    [InlineData("""{"active":{"$in":[true,false]}}""", "01")]
    [InlineData("""{"city.name":"London"}""", "0")]
    [InlineData("""{"city":{"name":"London"}}""", "0")]
    [InlineData("""{"city.name":null}""", "23456")]
    [InlineData("""{"name":{"$prefix":"Ada"}}""", "04")]
    [InlineData("""{"name":{"$prefix":""}}""", "0123456")]
    [InlineData("""{"name":{"$prefix":"É"}}""", "3")]
    [InlineData("""{"name":{"$gt":"\uFFEE"}}""", "6")]
    [InlineData("""{"$or":[{"name":"Ada"},{"name":"Bob"}]}""", "01")]
    [InlineData("""{"$or":[]}""", "")]
    [InlineData("""{"$and":[]}""", "0123456")]
    [InlineData("""{"$not":{"city.name":"London"}}""", "123456")]
    [InlineData("""{"$not":{"age":{"$gt":0}}}""", "345")]
    [InlineData("""{"age":{"$not":{"$gt":0}}}""", "345")]
    [InlineData("""{"age":{"$gt":0,"$lt":40}}""", "01")]
    [InlineData("""{"name":"Ada' OR '1'='1"}""", "")]
    public async Task Filters_give_the_same_sets_on_every_engine(string filter, string expected)
    {
        await CommitAsync([.. People.Select((json, i) => Put($"{i}", json))]);

        Assert.Equal(expected, string.Concat(await IdsAsync(Query(filter))));
        Assert.Equal(expected.Length, (await Records.QueryAsync(Query(filter) with { Limit = 1, Count = true }, CancellationToken.None)).Total);
    }

    [Fact]
    public async Task Random_filters_agree_with_the_evaluator()
    {
        var random = new Random(20261121);
        var documents = Enumerable.Range(0, 120).ToDictionary(i => $"d{i:000}", _ => RandomObject(random, depth: 2));
        await CommitAsync([.. documents.Select(d => Put(d.Key, d.Value, table: IStorage.Documents))]);

        for (var i = 0; i < 400; i++)
        {
            var text = RandomFilter(random, depth: 3);
            var filter = FilterJson.Parse(text);
            var expected = documents.Where(d => FilterEvaluator.Matches(filter, Encoding.UTF8.GetBytes(d.Value))).Select(d => d.Key);

            var found = await IdsAsync(Query(text) with { Table = IStorage.Documents });

            Assert.True(expected.Order(StringComparer.Ordinal).SequenceEqual(found), $"filter {i}: {text}");
            Assert.True(expected.SequenceEqual(documents.Where(d => FilterEvaluator.Matches(FilterJson.Parse(FilterJson.Write(filter)), Encoding.UTF8.GetBytes(d.Value))).Select(d => d.Key)), $"written and read again, filter {i}: {text}");
        }
    }

    [Fact]
    public async Task Own_columns_can_be_filtered_and_sorted()
    {
        await CommitAsync(Put("a", """{"owner":"json"}""", owner: "ada"), Put("b", "{}", owner: "bob"), Put("c", "{}"));
        await CommitAsync(Put("b", "{}", expected: 1, owner: "bob"));

        Assert.Equal(["a"], await IdsAsync(Query("""{"owner":"ada"}""")));
        Assert.Equal(["c"], await IdsAsync(Query("""{"owner":null}""")));
        Assert.Equal(["b"], await IdsAsync(Query("""{"revision":{"$gt":1}}""")));
        Assert.Equal(["a", "b", "c"], await IdsAsync(Query("""{"createdAt":{"$lte":"1970-01-01T01:00:00+01:00"}}""")));
        Assert.Empty(await IdsAsync(Query("""{"createdAt":{"$gt":"1970-01-01T00:00:00Z"}}""")));
        Assert.Equal(["c", "a", "b"], await IdsAsync(Query(null, new SortKey("owner"))));
        Assert.Equal(ErrorCodes.FilterInvalid, (await Assert.ThrowsAsync<NexusException>(() => IdsAsync(Query("""{"createdAt":{"$gt":"yesterday"}}""")))).Code);
    }

    [Fact]
    public async Task Sorts_put_nulls_first_then_numbers_then_text_and_break_ties_by_key()
    {
        await CommitAsync(Put("a", """{"v":"b"}"""), Put("b", """{"v":2}"""), Put("c", """{"v":null}"""), Put("d", """{"v":"B"}"""), Put("e", """{"v":10}"""), Put("f", "{}"), Put("g", """{"v":{"x":1}}"""), Put("h", """{"v":2.0}"""));

        Assert.Equal("cfgbheda", string.Concat(await IdsAsync(Query(null, new SortKey("v")))));
        Assert.Equal("adebhcfg", string.Concat(await IdsAsync(Query(null, new SortKey("v", Descending: true)))));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Pages_by_cursor_neither_repeat_nor_skip_while_records_come_and_go(bool descending)
    {
        await CommitAsync([.. Enumerable.Range(0, 50).Select(i => Put($"{i:00}", i % 7 == 0 ? "{}" : $$"""{"g":{{(i % 3).ToString(CultureInfo.InvariantCulture)}},"s":"{{(i % 2 == 0 ? "x" : "y")}}"}"""))]);
        var query = Query(null, new SortKey("g", descending), new SortKey("s", !descending)) with { Limit = 6 };
        var whole = await IdsAsync(query with { Limit = 1000 });

        var seen = new List<string>();
        string? cursor = null;
        var page = 0;
        do
        {
            var result = await Records.QueryAsync(query with { Cursor = cursor }, CancellationToken.None);
            seen.AddRange(result.Records.Select(r => r.Id));
            cursor = result.NextCursor;
            if (page++ == 2)
                await CommitAsync(Remove(seen[^1]), Remove(seen[0]), Put("new", """{"g":-1,"s":"a"}"""));
        }
        while (cursor is not null);

        Assert.Equal(whole, seen.Where(id => id != "new"));
    }

    [Fact]
    public async Task The_last_page_has_no_cursor_and_an_offset_passes_over()
    {
        await CommitAsync([.. Enumerable.Range(0, 4).Select(i => Put($"{i}", "{}"))]);

        Assert.Null((await Records.QueryAsync(Query() with { Limit = 4 }, CancellationToken.None)).NextCursor);
        Assert.NotNull((await Records.QueryAsync(Query() with { Limit = 3 }, CancellationToken.None)).NextCursor);
        Assert.Equal(["2", "3"], await IdsAsync(Query() with { Offset = 2 }));
    }

    [Fact]
    public async Task An_offset_passes_over_in_a_list_that_is_sorted_and_filtered_and_a_cursor_goes_on_from_there()
    {
        await CommitAsync([.. Enumerable.Range(0, 9).Select(i => Put($"{i}", $$"""{"size":{{i % 3}},"code":"{{(i == 4 ? "off" : "on")}}"}"""))]);
        var query = Query() with { Sort = [new SortKey("size", true)], Filter = FilterJson.Parse("""{"code":"on"}""") };

        Assert.Equal(["8", "1", "7", "0", "3", "6"], await IdsAsync(query with { Offset = 2 }));
        var page = await Records.QueryAsync(query with { Offset = 2, Limit = 3, Count = true }, CancellationToken.None);
        Assert.Equal(("817", 8), (string.Concat(page.Records.Select(r => r.Id)), page.Total));
        Assert.Equal(["0", "3", "6"], await IdsAsync(query with { Cursor = page.NextCursor }));
    }

    [Fact]
    public async Task A_cursor_that_was_altered_or_is_of_another_query_is_refused()
    {
        await CommitAsync([.. Enumerable.Range(0, 4).Select(i => Put($"{i}", "{}"))]);
        var query = Query() with { Limit = 2 };
        var cursor = (await Records.QueryAsync(query, CancellationToken.None)).NextCursor!;

        foreach (var wrong in new[] { query with { Cursor = cursor[..^2] + "AA" }, query with { Cursor = "rubbish" }, query with { Cursor = "" }, query with { Cursor = cursor, Filter = FilterJson.Parse("""{"a":1}""") }, query with { Cursor = cursor, Sort = [new SortKey("a")] }, query with { Cursor = cursor, Tenant = "t2" } })
            Assert.Equal(ErrorCodes.CursorInvalid, (await Assert.ThrowsAsync<NexusException>(() => IdsAsync(wrong))).Code);
    }

    [Fact]
    public async Task Full_text_finds_beginnings_of_words_without_case_and_accents()
    {
        await DeclareAsync([], ["title", "body"]);
        await CommitAsync(Put("a", """{"title":"Crème brûlée","body":"with sugar"}"""), Put("b", """{"title":"Sugar-free tea"}"""), Put("c", """{"title":null,"body":"plain"}"""));
        await CommitAsync(Put("c", """{"body":"salted butter"}""", expected: 1), Put("d", """{"title":"sugar"}"""));
        await CommitAsync(Remove("d"));

        async Task<string> Search(string text) => string.Concat(await IdsAsync(Query() with { Search = text }));
        Assert.Equal(("ab", "a", "b", "", "c", "", ""), (await Search("SUGAR"), await Search("creme sug"), await Search("free"), await Search("plain"), await Search("but"), await Search("\"' OR *"), await Search("!!")));
    }

    [Fact]
    public async Task Full_text_without_search_fields_is_refused()
    {
        await CommitAsync(Put("a", "{}"));

        Assert.Equal(ErrorCodes.FilterInvalid, (await Assert.ThrowsAsync<NexusException>(() => IdsAsync(Query() with { Search = "x" }))).Code);
    }

    [Fact]
    public async Task Keys_of_a_prefix_are_found_in_order()
    {
        await CommitAsync(Put("p/a", "1"), Put("p/a/b", "1"), Put("p/ä", "1"), Put("q", "1"), Put("p", "1"));

        Assert.Equal(["p/a", "p/a/b", "p/ä"], await IdsAsync(Query() with { KeyPrefix = "p/" }));
    }

    private static string RandomObject(Random random, int depth)
    {
        var members = new[] { "a", "b", "c" }.Where(_ => random.Next(4) > 0).Select(n => $"\"{n}\":{(depth > 0 && random.Next(4) == 0 ? RandomObject(random, depth - 1) : random.Next(12) == 0 ? "[1]" : RandomScalar(random))}");
        return $"{{{string.Join(',', members)}}}";
    }

    private static string RandomScalar(Random random) => random.Next(12) switch
    {
        0 => "null",
        1 => "true",
        2 => "false",
        3 => "0",
        4 => random.Next(-3, 4).ToString(CultureInfo.InvariantCulture),
        5 => (random.Next(-20, 20) / 4.0).ToString("0.0##", CultureInfo.InvariantCulture),
        6 => "9007199254740993",
        7 => "\"\"",
        8 => "\"é😀\"",
        _ => JsonSerializer.Serialize(new[] { "a", "ab", "B", "1", "true", "\uffee", "-1.5", "10.00", "0.0000000000000000000000000001", "-79228162514264337593543950335", "1e3", " 1" }[random.Next(12)]),
    };

    private static string RandomFilter(Random random, int depth)
    {
        var path = new[] { "a", "b", "c", "a.a", "b.c", "a.b.c" }[random.Next(6)];
        return random.Next(depth > 0 ? 9 : 6) switch
        {
            0 => $"{{\"{path}\":{{\"$in\":[{string.Join(',', Enumerable.Range(0, random.Next(4)).Select(_ => RandomScalar(random)))}]}}}}",
            1 => $"{{\"{path}\":{{\"$prefix\":\"{new[] { "", "a", "é", "B" }[random.Next(4)]}\"}}}}",
            2 => $"{{\"{path}\":{RandomScalar(random)}}}",
            3 => $"{{\"{path}\":{{\"$decimal\":{{\"{new[] { "$eq", "$ne", "$gt", "$gte", "$lt", "$lte" }[random.Next(6)]}\":\"{new[] { "0", "1", "-1.50", "1.0", "79228162514264337593543950335" }[random.Next(5)]}\"}}}}}}",
            < 6 => $"{{\"{path}\":{{\"{new[] { "$eq", "$ne", "$gt", "$gte", "$lt", "$lte" }[random.Next(6)]}\":{RandomScalar(random)}}}}}",
            6 => $"{{\"$not\":{RandomFilter(random, depth - 1)}}}",
            7 => $"{{\"$and\":[{RandomFilter(random, depth - 1)},{RandomFilter(random, depth - 1)}]}}",
            _ => $"{{\"$or\":[{RandomFilter(random, depth - 1)},{RandomFilter(random, depth - 1)}]}}",
        };
    }
}
