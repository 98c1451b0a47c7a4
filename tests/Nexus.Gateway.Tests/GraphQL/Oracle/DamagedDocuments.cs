using System.Globalization;
using System.Text.Json;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;
using Nexus.Gateway.Tests.Fakes;
using Nexus.Gateway.GraphQL.Validation;

namespace Nexus.Gateway.Tests.GraphQL.Oracle;

/// <summary>Whatever a document is damaged to, it is refused or executed; nothing else is thrown and nothing hangs. <c>NEXUS_GRAPHQL_DAMAGED</c> sets how many.</summary>
public sealed class DamagedDocuments
{
    private static readonly Schema Schema = SdlSchema.Build(OracleCase.Resource("schema.graphql"));
    private static readonly JsonElement Root = JsonElement.Parse(OracleCase.Resource("root.json"));

    [Fact]
    public async Task Crash_nothing()
    {
        var count = int.Parse(Environment.GetEnvironmentVariable("NEXUS_GRAPHQL_DAMAGED") ?? "20000", CultureInfo.InvariantCulture);
        var corpus = OracleCase.Resource("corpus.graphql").Split("\n###").Select(part => part[(part.IndexOf('\n', StringComparison.Ordinal) + 1)..]).ToArray();
        var made = new Documents(20260102);
        var random = new Random(20260103);
        var ends = new int[3];
        for (var i = 0; i < count; i++)
        {
            var source = made.Damage(random.Next(2) == 0 ? corpus[random.Next(corpus.Length)] : made.Next().Source);
            var answer = await new OracleCase(source, """{"a":1,"int":2}""").AnswerAsync(Schema, Root);
            ends[answer.ContainsKey("syntax") ? 0 : answer.ContainsKey("invalid") ? 1 : 2]++;
        }

        // Each way out is taken often: a generator that makes only nonsense would prove nothing.
        Assert.All(ends, end => Assert.True(end > count / 100, string.Join(' ', ends)));
    }

    [Theory]
    [InlineData("{ a", "{ a ", "", "}", 100_000)]
    [InlineData("{ a(b: ", "[", "", "]", 100_000)]
    [InlineData("{ a(b: ", "{c: ", "", "}", 50_000)]
    [InlineData("query($a: ", "[", "Int", "]", 100_000)]
    [InlineData("{ ", "... { ", "a", "}", 50_000)]
    public void Too_deep_a_nesting_is_a_syntax_error(string start, string open, string middle, string close, int times)
    {
        var source = start + string.Concat(Enumerable.Repeat(open, times)) + middle + string.Concat(Enumerable.Repeat(close, times));

        var refused = Assert.Throws<SyntaxException>(() => Parser.Parse(source, new ParserLimits(int.MaxValue, int.MaxValue)));

        Assert.Contains("is nested more than 200 levels deep", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Too_many_tokens_and_too_long_a_source_are_syntax_errors()
    {
        var wide = "{" + string.Concat(Enumerable.Repeat(" a", 20_000)) + " }";

        Assert.Equal("Syntax Error: Document contains more than 15000 tokens. Parsing aborted.", Assert.Throws<SyntaxException>(() => Parser.Parse(wide)).Message);
        Assert.Equal("Syntax Error: Document has more than 100 UTF-16 units.", Assert.Throws<SyntaxException>(() => Parser.Parse(wide, new ParserLimits(100))).Message);
    }

    [Theory]
    [InlineData("same")]
    [InlineData("nested")]
    [InlineData("chain")]
    [InlineData("web")]
    [InlineData("conflicts")]
    [InlineData("cycles")]
    [InlineData("arguments")]
    public void Documents_made_to_be_slow_are_checked_within_a_second(string kind)
    {
        var source = kind switch
        {
            "same" => "{ me {" + string.Concat(Enumerable.Repeat(" id", 14_000)) + " } }",
            "nested" => "{" + string.Concat(Enumerable.Repeat(" deep { a { leaf } }", 1_600)) + " }",
            "chain" => "{ deep { ...F0 } }" + string.Concat(Enumerable.Range(0, 1_400).Select(i => $" fragment F{i} on Deep {{ leaf ...F{i + 1} }}")) + " fragment F1400 on Deep { leaf }",
            "web" => "{ deep {" + string.Concat(Enumerable.Range(0, 100).Select(i => $" ...F{i}")) + " } }" + string.Concat(Enumerable.Range(0, 100).Select(i => $" fragment F{i} on Deep {{" + string.Concat(Enumerable.Range(0, 60).Select(j => $" ...F{(i + j + 1) % 100}")) + " a { leaf } }")),
            "cycles" => "{ deep { ...F0 } }" + string.Concat(Enumerable.Range(0, 1_000).Select(i => $" fragment F{i} on Deep {{ {new string(' ', 60)}...F0 ...F{(i + 1) % 1_000} }}")),
            "arguments" => "{ echo(" + string.Concat(Enumerable.Repeat("int: 1, ", 3_500)) + ") }",
            _ => "{ deep {" + string.Concat(Enumerable.Range(0, 3_000).Select(i => i % 2 == 0 ? " x: leaf" : " x: fault")) + " } }",
        };
        var document = Parser.Parse(source);
        var limit = TimeSpan.FromSeconds(1);

        Assert.InRange(Fastest.Of(limit, () => Assert.All(Validator.Validate(Schema, document, Suggestions.Told), error => Assert.InRange(error.Locations.Count, 0, 50))), TimeSpan.Zero, limit);
    }
}
