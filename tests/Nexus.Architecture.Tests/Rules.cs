using System.Collections.Frozen;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Nexus.Architecture.Tests;

/// <summary>The caps of the house as functions from code to violations, so that each can be fed a violation.</summary>
internal static class Rules
{
    private static readonly FrozenDictionary<string, string[]> AllowedReferences = new Dictionary<string, string[]>
    {
        ["Nexus.Abstractions"] = [],
        ["Nexus.Analyzers"] = [],
        ["Nexus.Diagnostics"] = ["Nexus.Abstractions"],
        ["Nexus.Kernel"] = ["Nexus.Abstractions"],
        ["Nexus.Data"] = ["Nexus.Abstractions"],
        ["Nexus.Gateway"] = ["Nexus.Abstractions"],
        ["Nexus.Console"] = ["Nexus.Abstractions"],
        ["Nexus.Cli"] = ["Nexus.Abstractions"],
        ["Nexus.Testing"] = ["Nexus.Abstractions", "Nexus.Kernel", "Nexus.Data", "Nexus.Gateway"],
        ["Nexus.Host"] = ["Nexus.Abstractions", "Nexus.Kernel", "Nexus.Data", "Nexus.Gateway", "Nexus.Console", "Nexus.Diagnostics"],
    }.ToFrozenDictionary();

    private static readonly string[] BannedSuffixes =
        ["Manager", "Service", "Helper", "Helpers", "Util", "Utils", "Base", "Common", "Impl", "Wrapper", "Data", "Info", "Item", "Dto", "Processor", "Engine"];

    private static readonly string[] Surfaces = ["src/Nexus.Gateway/GraphQL/", "src/Nexus.Gateway/Grpc/", "src/Nexus.Gateway/Live/", "src/Nexus.Gateway/Tools/"];

    private static readonly FrozenSet<string> Stores = ["IStorage", "IStorageEngine", "IBlobEngine", "IBlobStore", "IDocuments", "ISqlDatabase", "IBlobs", "IEventStore", "IEventHistory", "IEventLog", "ITenantStore"];

    // Named by the design itself or by the vocabulary of section 3 ("Engine: an external system behind a port").
    private static readonly FrozenSet<string> NamedByTheDesign = ["IStorageEngine", "IBlobEngine", "SqliteEngine", "MemoryEngine", "EventContext"];

    public static IEnumerable<string> ForbiddenReferences(Project project)
    {
        if (AllowedReferences.TryGetValue(project.Name, out var allowed))
            return project.References.Where(r => !allowed.Contains(r)).Select(r => $"{project.Name} may not reference {r}");
        if (project.Path.Contains("/plugins/", StringComparison.Ordinal) && !project.Path.Contains("/tests/", StringComparison.Ordinal))
            return project.References.Where(r => r != "Nexus.Abstractions" && !r.EndsWith(".Contracts", StringComparison.Ordinal)).Select(r => $"plugin {project.Name} may not reference {r}");
        if (project.Path.Contains("/src/", StringComparison.Ordinal))
            return [$"{project.Name} is not in the table of rooms"];
        return [];
    }

    public static IEnumerable<string> LongFiles(SourceFile file) =>
        Lines(file.Text) is > 600 and var lines ? [$"{file.Relative} has {lines} lines; the cap is 600"] : [];

    public static IEnumerable<string> LongMethods(SourceFile file) =>
        from method in file.Syntax.DescendantNodes().OfType<BaseMethodDeclarationSyntax>()
        let span = method.SyntaxTree.GetLineSpan(method.Span)
        let lines = span.EndLinePosition.Line - span.StartLinePosition.Line + 1
        where lines > 80
        select $"{file.Relative}({span.StartLinePosition.Line + 1}) has a method of {lines} lines; the cap is 80";

    public static IEnumerable<string> LongConstructors(SourceFile file) =>
        (from type in file.Types.OfType<TypeDeclarationSyntax>()
         where type is ClassDeclarationSyntax && type.ParameterList?.Parameters.Count > 8
         select $"{file.Relative}: {type.Identifier} takes {type.ParameterList!.Parameters.Count} constructor parameters; the cap is 8")
        .Concat(from constructor in file.Syntax.DescendantNodes().OfType<ConstructorDeclarationSyntax>()
                where constructor.ParameterList.Parameters.Count > 8
                select $"{file.Relative}: {constructor.Identifier} takes {constructor.ParameterList.Parameters.Count} constructor parameters; the cap is 8");

    public static IEnumerable<string> BannedNames(SourceFile file) =>
        from type in file.Types
        let name = type.Identifier.Text
        let suffix = BannedSuffixes.FirstOrDefault(s => name.EndsWith(s, StringComparison.Ordinal))
        where suffix is not null && !NamedByTheDesign.Contains(name)
        select $"{file.Relative}: {name} ends in {suffix}, which says nothing";

    public static IEnumerable<string> WideInterfaces(SourceFile file) =>
        from type in file.Types.OfType<InterfaceDeclarationSyntax>()
        let members = type.Members.Count(m => m is not FieldDeclarationSyntax)
        where members > 5
        select $"{file.Relative}: {type.Identifier} has {members} members; the cap is 5";

    public static IEnumerable<string> FloatingMoney(SourceFile file) =>
        !file.Relative.StartsWith("plugins/finance/", StringComparison.Ordinal) ? [] :
        from type in file.Syntax.DescendantNodes().OfType<PredefinedTypeSyntax>()
        where type.Keyword.IsKind(SyntaxKind.DoubleKeyword) || type.Keyword.IsKind(SyntaxKind.FloatKeyword)
        select $"{file.Relative}({type.GetLocation().GetLineSpan().StartLinePosition.Line + 1}) uses {type}; money is exact";

    /// <summary>Surfaces reach records through the one pipeline, where permission, validation, limits, audit and events are applied; one that reads a store goes round them.</summary>
    public static IEnumerable<string> SurfacesWithStore(SourceFile file) =>
        !Surfaces.Any(folder => file.Relative.StartsWith(folder, StringComparison.Ordinal)) ? [] :
        from name in file.Syntax.DescendantNodes().OfType<IdentifierNameSyntax>()
        where Stores.Contains(name.Identifier.Text)
        select $"{file.Relative}({name.GetLocation().GetLineSpan().StartLinePosition.Line + 1}) uses {name}; a surface goes through IResourceOperations";

    /// <summary>A page of the console that sends to an address of its own making; records and plugins' parts, whose addresses are known at run time only, have the client's untyped half.</summary>
    public static IEnumerable<string> UntypedCalls(string file, string text) =>
        file.StartsWith("api/", StringComparison.Ordinal) || file.StartsWith("contributed/", StringComparison.Ordinal)
            ? []
            : text.Split('\n').Where(line => line.Contains("api/http'", StringComparison.Ordinal) && Regex.IsMatch(line, @"\bsend\b") || Regex.IsMatch(line, @"\bfetch\(\s*['`""]")).Select(line => $"{file}: {line.Trim()}; api/client.ts has the platform's operations with their types");

    public static bool IsSealedOrStatic(ClassDeclarationSyntax type) =>
        type.Modifiers.Any(SyntaxKind.SealedKeyword) || type.Modifiers.Any(SyntaxKind.StaticKeyword) || type.Modifiers.Any(SyntaxKind.AbstractKeyword);

    public static bool IsPublic(BaseTypeDeclarationSyntax type) => type.Modifiers.Any(SyntaxKind.PublicKeyword);

    private static int Lines(string text) => text.AsSpan().TrimEnd('\n').Count('\n') + 1;
}
