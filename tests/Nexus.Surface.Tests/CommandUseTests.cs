using System.CommandLine;
using Nexus.Cli;

namespace Nexus.Surface.Tests;

public sealed class CommandUseTests
{
    public static TheoryData<string> Leaves => [.. Paths(Root.Build(), "")];

    [Theory]
    [MemberData(nameof(Leaves))]
    public async Task A_wrong_use_of_a_command_is_an_error_with_a_usage_line(string path)
    {
        // Commands that hand settings on leave it to the host to refuse them; too many words are wrong everywhere else.
        var call = Root.Build().Parse($"{path} --url a --url b c d e f g h");
        var (output, errors) = (new StringWriter(), new StringWriter());
        if (call.CommandResult.Command.TreatUnmatchedTokensAsErrors is false) return;

        var exitCode = await call.InvokeAsync(new InvocationConfiguration { Output = output, Error = errors, EnableDefaultExceptionHandler = false });

        Assert.NotEmpty(call.Errors);
        Assert.NotEqual(0, exitCode);
        Assert.Contains($"nexus {path}".Replace("nexus ", "", StringComparison.Ordinal), output.ToString(), StringComparison.Ordinal);
        Assert.Contains("Usage:", output.ToString(), StringComparison.Ordinal);
        Assert.NotEqual("", errors.ToString());
    }

    [Theory]
    [MemberData(nameof(Leaves))]
    public async Task Every_command_has_help(string path)
    {
        var output = new StringWriter();

        var exitCode = await Root.Build().Parse($"{path} --help").InvokeAsync(new InvocationConfiguration { Output = output });

        Assert.Equal(0, exitCode);
        Assert.Contains("Description:", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("--json", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_error_code_is_explained_with_its_cause_and_cure()
    {
        foreach (var entry in ErrorCodes.All)
        {
            Assert.Matches("^[A-Z][A-Z0-9_]+$", entry.Code);
            Assert.InRange(entry.Status, 400, 599);
            Assert.All([entry.Title, entry.Cause, entry.Remedy], text => Assert.True(text.Length > 5 && char.IsUpper(text.TrimStart('`', '\'')[0]) | text[0] is '`' or '\'', $"{entry.Code}: {text}"));
            Assert.All([entry.Cause, entry.Remedy], text => Assert.EndsWith(".", text, StringComparison.Ordinal));
            Assert.NotEqual(entry.Cause, entry.Remedy);
            Assert.Equal(0, await Root.Build().Parse($"explain {entry.Code.ToLowerInvariant()} --json").InvokeAsync());
        }
    }

    [Fact]
    public void Every_command_that_the_guide_shows_is_one()
    {
        var guide = Path.Combine(Guide.SnippetTests.Root, "docs", "guide");
        var shown = Directory.EnumerateFiles(guide, "*.md").SelectMany(File.ReadLines).Where(l => l.StartsWith("nexus ", StringComparison.Ordinal)).Select(l => l.Split('#', '&')[0].Trim()["nexus ".Length..]).ToList();

        Assert.InRange(shown.Count, 10, 500);
        Assert.All(shown, line => Assert.True(Root.Build().Parse(line, Root.Parsing) is { Errors.Count: 0, UnmatchedTokens.Count: 0 }, line));
    }

    private static IEnumerable<string> Paths(Command command, string path)
    {
        if (command.Subcommands.Count == 0) yield return path.Trim();
        foreach (var inner in command.Subcommands.SelectMany(c => Paths(c, $"{path} {c.Name}"))) yield return inner;
    }
}
