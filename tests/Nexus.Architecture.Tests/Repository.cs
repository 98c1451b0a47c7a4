using System.Runtime.CompilerServices;
using System.Xml.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Nexus.Architecture.Tests;

/// <summary>The source tree as data: projects with their references, files with their syntax.</summary>
internal static class Repository
{
    public static string Root { get; } = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "..", ".."));

    private static string Here([CallerFilePath] string path = "") => path;

    public static IReadOnlyList<Project> Projects { get; } = [.. Files("*.csproj").Select(Project.Read)];

    public static IReadOnlyList<SourceFile> Sources { get; } = [.. Files("*.cs").Where(IsProduct).Select(SourceFile.Read)];

    public static IEnumerable<string> Files(string pattern) =>
        new[] { "src", "plugins", "samples", "tests", "bench" }
            .Select(folder => Path.Combine(Root, folder))
            .Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, pattern, SearchOption.AllDirectories))
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);

    private static bool IsProduct(string path) => path.Contains("/src/", StringComparison.Ordinal) || path.Contains("/plugins/", StringComparison.Ordinal) && !path.Contains("/tests/", StringComparison.Ordinal);
}

/// <summary>One project file.</summary>
internal sealed record Project(string Path, string Name, IReadOnlyList<string> References, IReadOnlyList<string> Packages)
{
    public static Project Read(string path)
    {
        var xml = XDocument.Load(path);
        return new Project(
            path,
            System.IO.Path.GetFileNameWithoutExtension(path),
            [.. xml.Descendants("ProjectReference").Where(r => (string?)r.Attribute("OutputItemType") != "Analyzer" && (string?)r.Attribute("ReferenceOutputAssembly") != "false").Select(r => System.IO.Path.GetFileNameWithoutExtension(((string)r.Attribute("Include")!).Replace('\\', '/')))],
            [.. xml.Descendants("PackageReference").Select(r => (string)r.Attribute("Include")!)]);
    }
}

/// <summary>One source file with its syntax tree.</summary>
internal sealed record SourceFile(string Path, string Text, CompilationUnitSyntax Syntax)
{
    public string Relative => System.IO.Path.GetRelativePath(Repository.Root, Path);

    public string Room => Relative.Split('/') is ["src", var room, ..] ? room : Relative.Split('/')[0];

    public static SourceFile Read(string path) => Parse(path, File.ReadAllText(path));

    public static SourceFile Parse(string path, string text) =>
        new(path, text, (CompilationUnitSyntax)CSharpSyntaxTree.ParseText(text, new CSharpParseOptions(LanguageVersion.Latest, DocumentationMode.None)).GetRoot());

    public IEnumerable<BaseTypeDeclarationSyntax> Types => Syntax.DescendantNodes().OfType<BaseTypeDeclarationSyntax>();
}
