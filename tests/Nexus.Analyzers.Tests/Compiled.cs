using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using Nexus.Analyzers.Json;
using Nexus.Analyzers.Services;

namespace Nexus.Analyzers.Tests;

/// <summary>Source compiled in memory with Nexus's generators, as a plugin's build does it.</summary>
internal sealed class Compiled
{
    private const string Usings = """
        global using System; global using System.Collections.Generic; global using System.Collections.Immutable; global using System.Linq;
        global using System.Threading; global using System.Threading.Tasks; global using Nexus;
        """;

    private static readonly ImmutableArray<MetadataReference> Platform =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(path => !Path.GetFileName(path).StartsWith("xunit", StringComparison.Ordinal)).Select(path => MetadataReference.CreateFromFile(path)),
    ];

    private readonly Lazy<byte[]> _image;

    private Compiled(Compilation compilation, ImmutableArray<Diagnostic> generated)
    {
        (Compilation, Generated) = (compilation, generated);
        _image = new(Emit);
    }

    public Compilation Compilation { get; }

    /// <summary>What the generators reported.</summary>
    public ImmutableArray<Diagnostic> Generated { get; }

    public byte[] Image => _image.Value;

    /// <summary>As a build without the Nexus package does it.</summary>
    public static Compiled Plain(string source) => From(source, "Plain", generators: []);

    public static Compiled From(string source, string name = "Probe", params Compiled[] references) =>
        From(source, name, [new ServiceGenerator(), new CodecGenerator()], references);

    private static Compiled From(string source, string name, IIncrementalGenerator[] generators, params Compiled[] references)
    {
        var parse = CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Latest);
        var compilation = CSharpCompilation.Create(
            name,
            [CSharpSyntaxTree.ParseText(Usings, parse, "Usings.cs"), CSharpSyntaxTree.ParseText(source, parse, name + ".cs")],
            Platform.AddRange(references.Select(reference => MetadataReference.CreateFromImage(reference.Image))),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable, optimizationLevel: OptimizationLevel.Release));
        GeneratorDriver driver = CSharpGeneratorDriver.Create(generators.Select(generator => generator.AsSourceGenerator()), parseOptions: parse);
        driver.RunGeneratorsAndUpdateCompilation(compilation, out var whole, out var diagnostics);
        return new(whole, diagnostics);
    }

    /// <summary>What an analyzer reports.</summary>
    public async Task<ImmutableArray<Diagnostic>> AnalyzeAsync(DiagnosticAnalyzer analyzer, string? manifest = null)
    {
        Assert.DoesNotContain(Compilation.GetDiagnostics(), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        AdditionalText[] files = manifest is null ? [] : [new Manifest(manifest)];
        return await Compilation.WithAnalyzers([analyzer], new AnalyzerOptions([.. files])).GetAnalyzerDiagnosticsAsync();
    }

    /// <summary>Loads it into a collectible context of its own.</summary>
    public Assembly Load(params Assembly[] references)
    {
        var context = new AssemblyLoadContext(Compilation.AssemblyName, isCollectible: true);
        context.Resolving += (_, wanted) => references.FirstOrDefault(reference => reference.GetName().Name == wanted.Name);
        return context.LoadFromStream(new MemoryStream(Image));
    }

    private byte[] Emit()
    {
        using var image = new MemoryStream();
        var result = Compilation.Emit(image);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)));
        return image.ToArray();
    }

    private sealed class Manifest(string text) : AdditionalText
    {
        public override string Path => "manifest.json";

        public override SourceText GetText(CancellationToken cancellationToken = default) => SourceText.From(text);
    }
}
