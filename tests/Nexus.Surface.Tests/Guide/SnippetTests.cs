using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Nexus.Surface.Tests.Guide;

/// <summary>Code in the documents is code that is compiled and run: <c>&lt;!-- snippet: path#Member --&gt;</c> names a file, or a type or method of it, and the block below must be its text. <c>./nexus accept</c> rewrites the blocks.</summary>
public sealed partial class SnippetTests
{
    internal static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", ".."));

    public static TheoryData<string> Documents => [.. Directory.EnumerateFiles(Path.Combine(Root, "docs", "guide"), "*.md").Append(Path.Combine(Root, "README.md")).Select(f => Path.GetRelativePath(Root, f))];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_snippet_is_the_text_of_its_source(string document)
    {
        var file = Path.Combine(Root, document);
        var text = File.ReadAllText(file).ReplaceLineEndings("\n");

        var actual = Snippet().Replace(text, found => $"{found.Groups["mark"].Value}\n```{found.Groups["language"].Value}\n{Source(found.Groups["path"].Value, found.Groups["member"].Value)}\n```");

        if (Environment.GetEnvironmentVariable("NEXUS_ACCEPT") == "1") File.WriteAllText(file, actual);
        else Assert.Equal(actual, text);
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_block_of_csharp_has_a_source(string document)
    {
        var text = Snippet().Replace(File.ReadAllText(Path.Combine(Root, document)).ReplaceLineEndings("\n"), "");

        Assert.DoesNotContain("```csharp", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_snippet_that_differs_is_found()
    {
        const string text = "<!-- snippet: samples/orders/OrdersPlugin.cs#OrderStatus -->\n```csharp\npublic enum OrderStatus { }\n```";
        var found = Snippet().Match(text);

        Assert.NotEqual("public enum OrderStatus { }", Source(found.Groups["path"].Value, found.Groups["member"].Value));
    }

    private static string Source(string path, string member)
    {
        var text = File.ReadAllText(Path.Combine(Root, path)).ReplaceLineEndings("\n");
        if (member.Length == 0) return text.TrimEnd();
        var declaration = CSharpSyntaxTree.ParseText(text).GetRoot().DescendantNodes().OfType<MemberDeclarationSyntax>().FirstOrDefault(m => Name(m) == member)
            ?? throw new InvalidOperationException($"{path} has no type or method {member}.");
        var lines = text[(text.LastIndexOf('\n', Math.Max(0, declaration.SpanStart - 1)) + 1)..declaration.Span.End].Split('\n');
        var indent = lines[0].Length - lines[0].TrimStart().Length;
        return new StringBuilder().AppendJoin('\n', lines.Select(l => l.Length >= indent ? l[indent..] : l)).ToString();
    }

    private static string? Name(MemberDeclarationSyntax member) => member switch
    {
        BaseTypeDeclarationSyntax type => type.Identifier.Text,
        MethodDeclarationSyntax method => method.Identifier.Text,
        _ => null,
    };

    private static string Here([CallerFilePath] string path = "") => path;

    [GeneratedRegex(@"(?<mark><!-- snippet: (?<path>[^#\s]+)(#(?<member>\w+))? -->)\n```(?<language>\w*)\n(?<code>.*?)\n```", RegexOptions.Singleline)]
    private static partial Regex Snippet();
}
