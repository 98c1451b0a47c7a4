using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Text;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Nexus.Analyzers.Services;

namespace Nexus.Analyzers.Json;

/// <summary>Makes codecs for the records that a plugin stores, publishes, handles, takes as options or passes to services, and for all public records of a contract assembly.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class CodecGenerator : IIncrementalGenerator
{
    private static readonly HashSet<string> Verbs = new(StringComparer.Ordinal)
    {
        "AddResource", "Action", "On", "PublishAsync", "Publish", "RequestAsync", "AnswerAsync", "Answer", "AddOptions", "AddTask", "EnqueueAsync", "AddTool", "For", "Input",
    };

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var used = context.SyntaxProvider.CreateSyntaxProvider(
            static (node, _) => node is InvocationExpressionSyntax call && Verbs.Contains(NameOf(call)),
            static (source, cancellation) => OfCall(source, cancellation));
        var contracts = context.SyntaxProvider.ForAttributeWithMetadataName(
            "Nexus.ServiceContractAttribute",
            static (node, _) => node is InterfaceDeclarationSyntax,
            static (source, _) => Make(OfContract((INamedTypeSymbol)source.TargetSymbol), source.SemanticModel.Compilation.Assembly, null));
        var shared = context.SyntaxProvider.CreateSyntaxProvider(
            static (node, _) => node is RecordDeclarationSyntax,
            static (source, cancellation) => OfContractAssembly(source, cancellation));
        var all = used.Collect().Combine(contracts.Collect()).Combine(shared.Collect())
            .Select(static (found, _) => found.Left.Left.AddRange(found.Left.Right).AddRange(found.Right));
        context.RegisterSourceOutput(used, static (output, made) =>
        {
            foreach (var finding in made.Findings.Items)
                output.ReportDiagnostic(finding.ToDiagnostic());
        });
        context.RegisterSourceOutput(all.Select(static (made, _) => Distinct(made)), static (output, parts) =>
        {
            if (!parts.Items.IsEmpty)
                output.AddSource("Nexus.Codecs.g.cs", WriteFile(parts.Items));
        });
    }

    private static string NameOf(InvocationExpressionSyntax call) => call.Expression switch
    {
        MemberAccessExpressionSyntax member => member.Name.Identifier.ValueText,
        SimpleNameSyntax name => name.Identifier.ValueText,
        MemberBindingExpressionSyntax binding => binding.Name.Identifier.ValueText,
        _ => "",
    };

    private static (Sequence<GeneratedPart> Parts, Sequence<Finding> Findings) OfCall(GeneratorSyntaxContext source, CancellationToken cancellation)
    {
        if (source.SemanticModel.GetSymbolInfo(source.Node, cancellation).Symbol is not IMethodSymbol { ContainingAssembly.Name: "Nexus.Abstractions" } method)
            return (new([]), new([]));
        var types = method.TypeArguments.Concat(method.ContainingType.TypeArguments).Where(type => type.TypeKind != TypeKind.TypeParameter);
        return Make(types, source.SemanticModel.Compilation.Assembly, source.Node.GetLocation());
    }

    private static IEnumerable<ITypeSymbol> OfContract(INamedTypeSymbol contract) =>
        ContractReader.Read(contract).Methods.SelectMany(method => method.Arguments.Select(parameter => parameter.Type).Concat(method.Result is null ? [] : [method.Result]));

    private static (Sequence<GeneratedPart> Parts, Sequence<Finding> Findings) OfContractAssembly(GeneratorSyntaxContext source, CancellationToken cancellation)
    {
        var assembly = source.SemanticModel.Compilation.Assembly;
        var isContract = assembly.GetAttributes().Any(attribute => attribute.AttributeClass?.ToDisplayString() == "Nexus.ContractAssemblyAttribute");
        return isContract && source.SemanticModel.GetDeclaredSymbol(source.Node, cancellation) is INamedTypeSymbol { DeclaredAccessibility: Accessibility.Public } type
            ? Make([type], assembly, null)
            : (new([]), new([]));
    }

    /// <summary>Codecs of the types and of all that they are made of.</summary>
    private static (Sequence<GeneratedPart> Parts, Sequence<Finding> Findings) Make(IEnumerable<ITypeSymbol> types, IAssemblySymbol assembly, Location? place)
    {
        var parts = ImmutableArray.CreateBuilder<GeneratedPart>();
        var findings = ImmutableArray.CreateBuilder<Finding>();
        var waiting = new Queue<INamedTypeSymbol>();
        foreach (var type in types.SelectMany(Unwrap))
        {
            if (RecordShape.Read(type, assembly, out var whyNot) is { } root)
                waiting.Enqueue(root.Type);
            else if (place is not null && SymbolEqualityComparer.Default.Equals(type.ContainingAssembly, assembly) && type.TypeKind is TypeKind.Class or TypeKind.Struct)
                findings.Add(new(CodecRules.ByReflection, place, type.ToDisplayString(), whyNot));
        }
        var seen = new HashSet<INamedTypeSymbol>(SymbolEqualityComparer.Default);
        while (waiting.Count > 0)
        {
            if (waiting.Dequeue() is not { } next || !seen.Add(next))
                continue;
            var writer = new CodecWriter(RecordShape.Read(next, assembly, out _)!, assembly);
            parts.Add(writer.Write());
            writer.Met.ForEach(waiting.Enqueue);
        }
        return (new(parts.ToImmutable()), new(findings.ToImmutable()));
    }

    private static IEnumerable<ITypeSymbol> Unwrap(ITypeSymbol type) => type switch
    {
        IArrayTypeSymbol array => Unwrap(array.ElementType),
        INamedTypeSymbol { IsGenericType: true } named when !named.IsReferenceType || named.ContainingNamespace.ToDisplayString().StartsWith("System", StringComparison.Ordinal) => named.TypeArguments.SelectMany(Unwrap),
        _ => [type],
    };

    private static Sequence<GeneratedPart> Distinct(ImmutableArray<(Sequence<GeneratedPart> Parts, Sequence<Finding> Findings)> made) =>
        new([.. made.SelectMany(one => one.Parts.Items).GroupBy(part => part.TypeName).Select(group => group.First()).OrderBy(part => part.TypeName, StringComparer.Ordinal)]);

    private static string WriteFile(ImmutableArray<GeneratedPart> parts)
    {
        var text = new StringBuilder("""
            // <auto-generated/>
            #nullable disable
            #pragma warning disable CS1591, CS0612, CS0618, CS0219
            [assembly: global::Nexus.Generated.Codecs]

            namespace Nexus.Generated
            {
                internal sealed class CodecsAttribute : global::Nexus.GeneratedCodecsAttribute
                {
                    public override object Find(global::System.Type type)
                    {

            """);
        foreach (var part in parts)
            text.Append($"            if (type == typeof({part.TypeName})) return {part.ClassName}.Instance;\n");
        text.Append("            return null;\n        }\n    }\n\n");
        foreach (var part in parts)
            text.Append(part.Text);
        return text.Append("}\n").ToString();
    }
}
