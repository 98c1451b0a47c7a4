using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Nexus.Analyzers;

/// <summary>A list that equals another with equal elements, so that the compiler's cache of generator steps works.</summary>
internal readonly struct Sequence<T>(ImmutableArray<T> items) : IEquatable<Sequence<T>>
    where T : IEquatable<T>
{
    public ImmutableArray<T> Items { get; } = items;

    public bool Equals(Sequence<T> other) => Items.SequenceEqual(other.Items);

    public override bool Equals(object? obj) => obj is Sequence<T> other && Equals(other);

    public override int GetHashCode() => Items.Aggregate(17, (hash, item) => unchecked((hash * 31) + item.GetHashCode()));
}

/// <summary>A piece of generated code for one type: what it is for and its text.</summary>
internal sealed class GeneratedPart(string typeName, string className, string text) : IEquatable<GeneratedPart>
{
    /// <summary>The type, fully qualified.</summary>
    public string TypeName { get; } = typeName;

    /// <summary>The generated class for it.</summary>
    public string ClassName { get; } = className;

    public string Text { get; } = text;

    public bool Equals(GeneratedPart? other) => other is not null && TypeName == other.TypeName && Text == other.Text;

    public override bool Equals(object? obj) => Equals(obj as GeneratedPart);

    public override int GetHashCode() => Text.GetHashCode();
}

/// <summary>A finding that holds no syntax tree, so that caching it keeps no old compilation in memory.</summary>
internal sealed class Finding : IEquatable<Finding>
{
    private readonly DiagnosticDescriptor _rule;
    private readonly string _path;
    private readonly TextSpan _span;
    private readonly LinePositionSpan _lines;
    private readonly string[] _arguments;

    public Finding(DiagnosticDescriptor rule, Location? location, params string[] arguments)
    {
        var lines = location?.GetLineSpan() ?? default;
        (_rule, _path, _span, _lines, _arguments) = (rule, lines.Path ?? "", location?.SourceSpan ?? default, lines.Span, arguments);
    }

    public Diagnostic ToDiagnostic() =>
        Diagnostic.Create(_rule, _path.Length == 0 && _span.IsEmpty ? Location.None : Location.Create(_path, _span, _lines), _arguments.Cast<object>().ToArray());

    public bool Equals(Finding? other) =>
        other is not null && _rule.Id == other._rule.Id && _path == other._path && _span == other._span && _arguments.SequenceEqual(other._arguments);

    public override bool Equals(object? obj) => Equals(obj as Finding);

    public override int GetHashCode() => unchecked((_rule.Id.GetHashCode() * 31) + _span.GetHashCode());
}

/// <summary>Names of types as generated code writes them.</summary>
internal static class Names
{
    private static readonly SymbolDisplayFormat Qualified = SymbolDisplayFormat.FullyQualifiedFormat
        .AddMiscellaneousOptions(SymbolDisplayMiscellaneousOptions.IncludeNullableReferenceTypeModifier);

    /// <summary>With <c>global::</c> and nullable marks.</summary>
    public static string Of(ITypeSymbol type) => type.ToDisplayString(Qualified);

    /// <summary>With <c>global::</c>, without nullable marks.</summary>
    public static string Plain(ITypeSymbol type) => type.WithNullableAnnotation(NullableAnnotation.None).ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);

    /// <summary>An identifier for a class made for the type: its full name with what an identifier cannot have replaced, underscores doubled so that no two types meet.</summary>
    public static string Identifier(ITypeSymbol type) =>
        Plain(type).Replace("global::", "").Replace("_", "__").Replace('.', '_').Replace("<", "_of_").Replace(">", "").Replace(", ", "_and_").Replace("@", "");

    /// <summary>A C# identifier, escaped where it is a keyword.</summary>
    public static string Escape(string name) =>
        Microsoft.CodeAnalysis.CSharp.SyntaxFacts.GetKeywordKind(name) != Microsoft.CodeAnalysis.CSharp.SyntaxKind.None ? "@" + name : name;

    /// <summary>A C# string literal.</summary>
    public static string Literal(string text) => Microsoft.CodeAnalysis.CSharp.SymbolDisplay.FormatLiteral(text, quote: true);

    /// <summary>Whether generated code at the top of the assembly may name the type.</summary>
    public static bool Reachable(ITypeSymbol type)
    {
        for (ISymbol? symbol = type; symbol is ITypeSymbol named; symbol = symbol.ContainingType)
        {
            if (named.DeclaredAccessibility is not (Accessibility.Public or Accessibility.Internal or Accessibility.ProtectedOrInternal) || named is INamedTypeSymbol { IsFileLocal: true })
                return false;
        }
        return true;
    }
}
