using System.Collections.Immutable;
using System.Text.Json;

namespace Nexus.Conformance;

/// <summary>What every search port must do.</summary>
public abstract partial class StorageConformance
{
    private ISearchIndex Index => Set.Search ?? throw new InvalidOperationException("The engine offers no search.");

    [Fact]
    public async Task The_best_comes_first_by_number_place_and_length()
    {
        await BooksAsync(
            ("often", "tea", "tea and tea and more tea with cups"),
            ("once", "cups", "tea and cups and more cups with saucers"),
            ("title", "tea", "cups and saucers and more"),
            ("long", "cups", "tea " + string.Join(' ', Enumerable.Range(0, 300).Select(i => $"w{i}"))),
            ("none", "coffee", "beans"));

        var found = await FoundAsync("tea");

        Assert.Equal(["often", "title", "once", "long"], found);
        var scores = (await Index.SearchAsync(Request("tea"), CancellationToken.None)).Hits.Select(h => h.Score).ToList();
        Assert.Equal(scores.OrderDescending(), scores);
        Assert.All(scores, s => Assert.True(s > 0));
    }

    [Fact]
    public async Task A_word_begins_a_word_and_a_quoted_one_is_whole()
    {
        await BooksAsync(("a", "sugar-free", "Crème"), ("b", "sugarcane", "creme"), ("c", "icing", "unsugared"));

        Assert.Equal(("ab", "a", "ab", "b", ""), (await SortedAsync("SUG"), await SortedAsync("\"sugar\""), await SortedAsync("crè"), await SortedAsync("cane sug") + await SortedAsync("sugarc"), await SortedAsync("gar")));
    }

    [Fact]
    public async Task A_phrase_stands_together_in_one_field()
    {
        await BooksAsync(("a", "the old man", "and the sea"), ("b", "the man", "old sea"), ("c", "old", "man"), ("d", "the OLD, man!", ""));

        Assert.Equal(("ad", "abcd", "a", "a", ""), (await SortedAsync("\"old man\""), await SortedAsync("old man"), await SortedAsync("\"old man\" sea"), await SortedAsync("\"and the sea"), await SortedAsync("\"old ma\"")));
    }

    [Fact]
    public async Task What_must_not_be_there_is_not()
    {
        await BooksAsync(("a", "tea", "green"), ("b", "tea", "black"), ("c", "tea", "blackish"), ("d", "tea with milk", "green"));

        Assert.Equal(("acd", "abc", "c"), (await SortedAsync("tea -black"), await SortedAsync("tea -\"with milk\""), await SortedAsync("tea -green -black")));
        Assert.Equal(["a", "c", "d"], (await IdsAsync(Query() with { Search = "tea -black" })).Order());
    }

    [Theory]
    [InlineData("en", "running", "He runs", "He ran")]
    [InlineData("en", "connections", "connected", "conned")]
    [InlineData("de", "Häuser", "ein Haus", "eine Maus")]
    [InlineData("de", "gelaufen", "sie laufen", "sie lauern")]
    [InlineData("de", "Straße", "auf den Strassen", "ein Strauß")]
    public async Task In_a_language_words_are_found_by_their_stems(string language, string text, string found, string other)
    {
        await BooksAsync(language, ("a", found, ""), ("b", other, ""));

        Assert.Equal(("a", ""), (await SortedAsync(text), await SortedAsync($"\"{text}\"")));
        Assert.Equal(["a"], await IdsAsync(Query() with { Search = text }));
        Assert.Equal("b", await SortedAsync($"{other.Split(' ')[^1]} -{text}"));
    }

    [Fact]
    public async Task Without_a_language_words_are_taken_as_they_are()
    {
        await BooksAsync(("a", "He runs", ""));

        Assert.Equal(("", "a"), (await SortedAsync("running"), await SortedAsync("run")));
    }

    [Fact]
    public async Task A_language_that_is_declared_later_holds_for_what_is_there()
    {
        await BooksAsync(("a", "He runs", ""));
        await DeclareAsync([], ["title", "body"], "en");

        Assert.Equal("a", await SortedAsync("running"));
    }

    [Fact]
    public async Task What_the_filter_keeps_out_is_neither_found_nor_counted()
    {
        await DeclareAsync([], ["title"]);
        await CommitAsync([.. Enumerable.Range(0, 20).Select(i => Put($"{i:00}", $$"""{"title":"tea {{i}}"}""", owner: i % 4 == 0 ? "ada" : "bob"))]);

        var page = await Index.SearchAsync(Request("tea") with { Filter = FilterJson.Parse("""{"owner":"ada"}"""), Limit = 3, Count = true }, CancellationToken.None);
        var rest = await Index.SearchAsync(Request("tea") with { Filter = FilterJson.Parse("""{"owner":"ada"}"""), Limit = 3, Offset = 3, Count = true }, CancellationToken.None);

        Assert.Equal((5L, 5L, 2), (page.Total, rest.Total, rest.Hits.Length));
        Assert.Equal(["00", "04", "08", "12", "16"], page.Hits.Concat(rest.Hits).Select(h => h.Record.Id).Order());
        Assert.All(page.Hits, h => Assert.Equal("ada", h.Record.Owner));
    }

    [Fact]
    public async Task A_tenant_finds_its_own_alone()
    {
        await DeclareAsync([], ["title"]);
        await CommitAsync(Put("a", """{"title":"tea"}"""), Put("b", """{"title":"tea"}""", tenant: "t2"), Put("c", """{"title":"tea"}""", tenant: "t2"));

        var own = await Index.SearchAsync(Request("tea") with { Count = true }, CancellationToken.None);
        var other = await Index.SearchAsync(Request("tea") with { Tenant = "t2", Count = true }, CancellationToken.None);
        var nobody = await Index.SearchAsync(Request("tea") with { Tenant = "t3", Count = true }, CancellationToken.None);

        Assert.Equal((1L, "a", 2L, "bc", 0L), (own.Total, own.Hits[0].Record.Id, other.Total, string.Concat(other.Hits.Select(h => h.Record.Id)), nobody.Total));
    }

    [Fact]
    public async Task A_commit_is_seen_by_the_next_search()
    {
        await DeclareAsync([], ["title", "body"]);
        for (var i = 0; i < 10; i++)
        {
            await CommitAsync(Put("a", $$"""{"title":"tea{{i}}"}""", expected: i));
            Assert.Equal(("a", ""), (await SortedAsync($"tea{i}"), i == 0 ? "" : await SortedAsync($"tea{i - 1}")));
        }

        await CommitAsync(Remove("a"));
        Assert.Equal("", await SortedAsync("tea9"));
        await Assert.ThrowsAsync<StorageConflictException>(() => CommitAsync(Put("b", """{"title":"tea"}"""), Put("c", "{}", expected: 7)));
        Assert.Equal("", await SortedAsync("tea"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("!!")]
    [InlineData("\"")]
    [InlineData("\"\" \"")]
    [InlineData("-tea")]
    [InlineData("-\"green tea\"")]
    [InlineData("*")]
    [InlineData("' OR 1=1 --")]
    [InlineData("\0")]
    public async Task A_text_that_names_nothing_is_refused_and_any_other_is_answered(string text)
    {
        await BooksAsync(("a", "tea", ""));

        try
        {
            Assert.Empty((await Index.SearchAsync(Request(text), CancellationToken.None)).Hits);
            Assert.Contains(text, c => char.IsLetterOrDigit(c));
        }
        catch (NexusException error)
        {
            Assert.Equal(ErrorCodes.FilterInvalid, error.Code);
        }

        Assert.Empty(await IdsAsync(Query() with { Search = text.Length == 0 ? "!" : text }));
    }

    [Fact]
    public async Task Rubbish_breaks_nothing()
    {
        await DeclareAsync([], ["title", "body"], "de");
        await CommitAsync(Put("a", """{"title":"tea","body":"green"}"""));
        var random = new Random(7);
        const string letters = "te a\"-*:(){}^'&|!<>\\%_$\0\n\u00e4\u00df\ud83d\ude00\ud800\u0301=,.;N OR AND NEAR NOT";
        for (var i = 0; i < 300; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 30)).Select(_ => letters[random.Next(letters.Length)]));
            try
            {
                await Index.SearchAsync(Request(text) with { Count = true }, CancellationToken.None);
            }
            catch (NexusException error)
            {
                Assert.Equal(ErrorCodes.FilterInvalid, error.Code);
            }

            await IdsAsync(Query() with { Search = text });
        }

        await Index.SearchAsync(Request(new string('w', 5000)), CancellationToken.None);
        await Index.SearchAsync(Request(string.Join(' ', Enumerable.Range(0, 500))), CancellationToken.None);
        await Index.SearchAsync(Request(new string('ÿ', 900)), CancellationToken.None);
    }

    [Fact]
    public async Task Long_texts_are_stored_and_found_by_their_beginning()
    {
        await DeclareAsync([], ["title", "body"], "en");
        var random = new Random(3);
        var body = "lighthouse " + string.Join(' ', Enumerable.Range(0, 200_000).Select(_ => random.Next(int.MaxValue).ToString("x", System.Globalization.CultureInfo.InvariantCulture))) + " " + new string('y', 3000);

        await CommitAsync(Put("a", JsonSerializer.Serialize(new { title = "tea", body })));
        await CommitAsync(Put("b", JsonSerializer.Serialize(new { title = string.Join(' ', Enumerable.Repeat("again", 50_000)) })));

        Assert.Equal(("a", "a", "b"), (await SortedAsync("lighthouses"), await SortedAsync("tea"), await SortedAsync("again")));
    }

    [Fact]
    public async Task A_table_without_search_fields_cannot_be_searched()
    {
        await CommitAsync(Put("a", "{}"));

        Assert.Equal(ErrorCodes.FilterInvalid, (await Assert.ThrowsAsync<NexusException>(() => Index.SearchAsync(Request("tea"), CancellationToken.None).AsTask())).Code);
    }

    private static SearchRequest Request(string text) => new() { Tenant = Tenant, Table = Table, Text = text };

    private Task BooksAsync(params (string Id, string Title, string Body)[] books) => BooksAsync(null, books);

    private async Task BooksAsync(string? language, params (string Id, string Title, string Body)[] books)
    {
        await DeclareAsync([], ["title", "body"], language);
        await CommitAsync([.. books.Select(b => Put(b.Id, JsonSerializer.Serialize(new { title = b.Title, body = b.Body })))]);
    }

    private async Task<ImmutableArray<string>> FoundAsync(string text) => [.. (await Index.SearchAsync(Request(text), CancellationToken.None)).Hits.Select(h => h.Record.Id)];

    private async Task<string> SortedAsync(string text) => string.Concat((await FoundAsync(text)).Order());
}
