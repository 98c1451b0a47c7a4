using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace Nexus.Architecture.Tests;

/// <summary>The compiler itself refuses what BannedSymbols.txt lists. These tests are its negative controls: a misspelt line bans nothing and says nothing.</summary>
public sealed class BannedSymbolsTests
{
    private static readonly string[] Lists = ["BannedSymbols.txt", "plugins/BannedSymbols.txt"];

    [Fact]
    public void Every_banned_symbol_exists()
    {
        var compilation = Compilation("");

        Assert.All(Lists.SelectMany(Lines), line => Assert.NotNull(DocumentationCommentId.GetFirstSymbolForDeclarationId(line.Split(';')[0], compilation)));
    }

    [Fact]
    public void Every_banned_symbol_says_what_to_use_instead() =>
        Assert.All(Lists.SelectMany(Lines), line => Assert.True(line.Split(';') is [_, { Length: > 10 }], line));

    [Theory]
    [InlineData("DateTime.Now")]
    [InlineData("DateTime.UtcNow")]
    [InlineData("DateTime.Today")]
    [InlineData("DateTimeOffset.Now")]
    [InlineData("DateTimeOffset.UtcNow")]
    public async Task A_wall_clock_is_red(string clock) =>
        Assert.Equal(["RS0030"], await DiagnosticsAsync($"using System; class A {{ object B() => {clock}; }}"));

    [Theory]
    [InlineData("Thread.Sleep(1)")]
    [InlineData("Task.Delay(1).Wait()")]
    [InlineData("Task.WaitAll(Task.Delay(1), Task.Delay(2))")]
    public async Task A_blocked_thread_is_red(string wait) =>
        Assert.Equal(["RS0030"], await DiagnosticsAsync($"using System.Threading; using System.Threading.Tasks; class A {{ void B() => {wait}; }}"));

    [Theory]
    [InlineData("new System.Net.Http.HttpClient()")]
    [InlineData("new System.Threading.Timer(_ => { })")]
    public async Task What_a_plugin_must_ask_the_host_for_is_red_in_plugins_alone(string creation)
    {
        var code = $"class A {{ object B() => {creation}; }}";

        Assert.Equal(["RS0030"], (await DiagnosticsAsync(code, Lists)).Distinct());
        Assert.Empty(await DiagnosticsAsync(code));
    }

    private static IEnumerable<string> Lines(string list) => File.ReadLines(Path.Combine(Repository.Root, list)).Where(line => line.Length > 0);

    private static async Task<IEnumerable<string>> DiagnosticsAsync(string code, params string[] lists)
    {
        var type = Assembly.LoadFrom(Path.Combine(AppContext.BaseDirectory, "Microsoft.CodeAnalysis.CSharp.BannedApiAnalyzers.dll")).GetTypes()
            .Single(t => t.GetCustomAttribute<DiagnosticAnalyzerAttribute>() is not null && t.Name.Contains("SymbolIsBanned", StringComparison.Ordinal));
        var options = new AnalyzerOptions([.. (lists.Length == 0 ? Lists[..1] : lists).Select(list => new Text(Path.Combine(Repository.Root, list)))]);
        var found = await Compilation(code).WithAnalyzers([(DiagnosticAnalyzer)Activator.CreateInstance(type)!], options).GetAllDiagnosticsAsync();
        return found.Where(d => d.Severity >= DiagnosticSeverity.Warning).Select(d => d.Id);
    }

    private static CSharpCompilation Compilation(string code) => CSharpCompilation.Create(
        "sample",
        [CSharpSyntaxTree.ParseText(code)],
        ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path)),
        new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));

    private sealed class Text(string path) : AdditionalText
    {
        public override string Path => path;

        public override SourceText GetText(CancellationToken cancellationToken = default) => SourceText.From(File.ReadAllText(path));
    }
}
