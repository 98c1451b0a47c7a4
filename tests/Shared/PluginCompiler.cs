using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Nexus.Tests.Shared;

/// <summary>Compiles plugins from C# source into plugin folders. Reflection paths are on purpose: no source generator of the SDK runs here.</summary>
internal static class PluginCompiler
{
    private const string Usings = """
        global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq;
        global using System.Threading; global using System.Threading.Tasks; global using Microsoft.AspNetCore.Builder;
        global using Microsoft.AspNetCore.Http; global using Microsoft.AspNetCore.Mvc; global using Microsoft.AspNetCore.Routing;
        global using Microsoft.Extensions.DependencyInjection; global using Microsoft.Extensions.Logging; global using Nexus;
        """;

    private static readonly ImmutableArray<MetadataReference> Platform =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Where(p => Path.GetFileName(p) is var n && (n.StartsWith("System.", StringComparison.Ordinal) || n.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal) || n.StartsWith("Microsoft.Extensions", StringComparison.Ordinal) || n.StartsWith("Microsoft.Net.Http", StringComparison.Ordinal) || n is "netstandard.dll" or "mscorlib.dll" or "Nexus.Abstractions.dll")).Select(p => MetadataReference.CreateFromFile(p))];

    /// <summary>Writes an assembly and returns its path.</summary>
    public static string Compile(string folder, string name, string source, params string[] references) => Compile(folder, name, source, [], references);

    private static string Compile(string folder, string name, string source, ISourceGenerator[] generators, string[] references)
    {
        Directory.CreateDirectory(folder);
        var options = new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release, nullableContextOptions: NullableContextOptions.Enable);
        Compilation compilation = CSharpCompilation.Create(name, [CSharpSyntaxTree.ParseText(Usings), CSharpSyntaxTree.ParseText(source)], [.. Platform, .. references.Select(r => MetadataReference.CreateFromFile(r))], options);
        if (generators.Length > 0)
        {
            CSharpGeneratorDriver.Create(generators, parseOptions: CSharpParseOptions.Default).RunGeneratorsAndUpdateCompilation(compilation, out compilation, out _);
        }

        var path = Path.Combine(folder, name + ".dll");
        var result = compilation.Emit(path);
        if (!result.Success)
        {
            throw new InvalidOperationException(string.Join(Environment.NewLine, result.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error)));
        }

        return path;
    }

    /// <summary>Makes a plugin folder: <c>manifest.json</c> and the entry assembly <c>Plugin.dll</c>.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="id">Plugin id.</param>
    /// <param name="version">Version.</param>
    /// <param name="source">C# source with one plugin class.</param>
    /// <param name="manifest">Changes the manifest before it is written.</param>
    /// <param name="references">Assemblies to compile against; copied beside the plugin.</param>
    public static string Plugin(string folder, string id, string version, string source, Action<JsonObject>? manifest = null, params string[] references)
    {
        Compile(folder, "Plugin", source, references);
        foreach (var reference in references)
        {
            File.Copy(reference, Path.Combine(folder, Path.GetFileName(reference)), overwrite: true);
        }

        WriteManifest(folder, id, version, manifest);
        return folder;
    }

    /// <summary>Makes a plugin folder as a build with the given source generators does.</summary>
    public static string Plugin(string folder, string id, string version, string source, ISourceGenerator[] generators)
    {
        Compile(folder, "Plugin", source, generators, []);
        WriteManifest(folder, id, version);
        return folder;
    }

    /// <summary>Writes <c>manifest.json</c> alone.</summary>
    public static void WriteManifest(string folder, string id, string version, Action<JsonObject>? change = null)
    {
        Directory.CreateDirectory(folder);
        var manifest = new JsonObject { ["name"] = id, ["version"] = version, ["category"] = "custom", ["description"] = "A plugin of a test.", ["entry"] = "Plugin.dll" };
        change?.Invoke(manifest);
        File.WriteAllText(Path.Combine(folder, "manifest.json"), manifest.ToJsonString());
    }

    /// <summary>A plugin whose one route <c>/</c> answers a text.</summary>
    public static string Answering(string text, string more = "", string interfaces = "", string members = "") => $$"""
        public sealed class ThePlugin : IPlugin{{interfaces}}
        {
            public void Configure(IPluginBuilder plugin)
            {
                plugin.MapEndpoints(routes => routes.MapGet("/", () => "{{text}}"));
                {{more}}
            }
            {{members}}
        }
        """;
}
