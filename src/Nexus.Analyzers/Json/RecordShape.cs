using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;

namespace Nexus.Analyzers.Json;

/// <summary>A member of the wire form.</summary>
internal sealed class RecordMember(IPropertySymbol property, IParameterSymbol? parameter, string jsonName)
{
    public IPropertySymbol Property { get; } = property;

    /// <summary>The constructor's parameter that sets it, or null.</summary>
    public IParameterSymbol? Parameter { get; } = parameter;

    public string JsonName { get; } = jsonName;

    /// <summary>Set by the platform: a member of <c>Nexus.Resource</c>.</summary>
    public bool IsPlatform => Property.ContainingType.ToDisplayString() == "Nexus.Resource";
}

/// <summary>How a type is built and what is written of it, or why no codec can be generated for it.</summary>
internal sealed class RecordShape
{
    private RecordShape(INamedTypeSymbol type, IMethodSymbol constructor, ImmutableArray<RecordMember> members) =>
        (Type, Constructor, Members) = (type, constructor, members);

    public INamedTypeSymbol Type { get; }

    public IMethodSymbol Constructor { get; }

    public ImmutableArray<RecordMember> Members { get; }

    /// <summary>Reads a type; <paramref name="whyNot"/> says what stands in the way when the result is null.</summary>
    public static RecordShape? Read(ITypeSymbol candidate, IAssemblySymbol assembly, out string whyNot)
    {
        whyNot = "";
        if (candidate is not INamedTypeSymbol { TypeKind: TypeKind.Class or TypeKind.Struct } type || !SymbolEqualityComparer.Default.Equals(type.ContainingAssembly, assembly))
            whyNot = "it is no record or class of this assembly";
        else if (type.IsAbstract || type.IsStatic || type.IsRefLikeType)
            whyNot = "it is abstract, static or a ref struct";
        else if (type.IsGenericType || Outer(type).Any(outer => outer.IsGenericType))
            whyNot = "it is generic";
        else if (!Names.Reachable(type))
            whyNot = "it is private, protected or file-local; make it internal";
        else if (type.AllInterfaces.Any(i => i.SpecialType == SpecialType.System_Collections_IEnumerable))
            whyNot = "it is a collection of its own";
        else if (Bases(type).SelectMany(b => b.GetAttributes()).FirstOrDefault(IsJsonAttribute) is { } attribute)
            whyNot = $"it has [{attribute.AttributeClass!.Name}]";
        else if (ChooseConstructor(type) is not { } constructor)
            whyNot = "it has several public constructors and none without parameters";
        else
            return Read(type, constructor, ref whyNot);
        return null;
    }

    private static RecordShape? Read(INamedTypeSymbol type, IMethodSymbol constructor, ref string whyNot)
    {
        var members = ImmutableArray.CreateBuilder<RecordMember>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var levels = Bases(type).ToList();
        var properties = levels.SelectMany(level => level.GetMembers().OfType<IPropertySymbol>())
            .Where(property => property is { IsStatic: false, IsIndexer: false, DeclaredAccessibility: Accessibility.Public, GetMethod.DeclaredAccessibility: Accessibility.Public } && seen.Add(property.Name)).ToList();
        foreach (var property in properties.OrderBy(property => -levels.FindIndex(level => SymbolEqualityComparer.Default.Equals(level, property.ContainingType))))
        {
            var parameter = constructor.Parameters.FirstOrDefault(p => string.Equals(p.Name, property.Name, StringComparison.OrdinalIgnoreCase) && SymbolEqualityComparer.Default.Equals(p.Type, property.Type));
            var attributes = property.GetAttributes().Where(IsJsonAttribute).ToList();
            if (attributes.Any(a => a.AttributeClass!.Name == "JsonIgnoreAttribute" && a.NamedArguments.IsEmpty) && parameter is null && !property.IsRequired)
                continue;
            if (attributes.FirstOrDefault(a => a.AttributeClass!.Name != "JsonPropertyNameAttribute") is { } odd)
            {
                whyNot = $"its member {property.Name} has [{odd.AttributeClass!.Name}]";
                return null;
            }
            var settable = property.SetMethod?.DeclaredAccessibility == Accessibility.Public;
            if (settable && parameter is null && property.ContainingType.IsGenericType)
            {
                whyNot = $"its member {property.Name} comes from a generic base";
                return null;
            }
            if (settable || parameter is not null)
                members.Add(new(property, parameter, attributes.FirstOrDefault()?.ConstructorArguments[0].Value as string ?? CamelCase(property.Name)));
        }
        if (constructor.Parameters.FirstOrDefault(p => members.All(m => !SymbolEqualityComparer.Default.Equals(m.Parameter, p))) is { } unbound)
        {
            whyNot = $"the constructor's parameter {unbound.Name} has no property of its name and type";
            return null;
        }
        return new(type, constructor, members.ToImmutable());
    }

    /// <summary>The rule of <c>JsonNamingPolicy.CamelCase</c>: a leading run of capitals is lowered, but for the last before a small letter.</summary>
    private static string CamelCase(string name)
    {
        var letters = name.ToCharArray();
        for (var i = 0; i < letters.Length && char.IsUpper(letters[i]); i++)
        {
            if (i > 0 && i + 1 < letters.Length && !char.IsUpper(letters[i + 1]))
                break;
            letters[i] = char.ToLowerInvariant(letters[i]);
        }
        return new(letters);
    }

    private static IMethodSymbol? ChooseConstructor(INamedTypeSymbol type)
    {
        var open = type.InstanceConstructors.Where(c => c.DeclaredAccessibility == Accessibility.Public && !c.GetAttributes().Any(IsJsonAttribute)).ToList();
        var declared = open.Where(c => !c.IsImplicitlyDeclared).ToList();
        if (type.IsValueType)
            return declared.Count == 1 ? declared[0] : open.FirstOrDefault(c => c.Parameters.IsEmpty);
        return open.FirstOrDefault(c => c.Parameters.IsEmpty) ?? (open.Count == 1 ? open[0] : null);
    }

    private static bool IsJsonAttribute(AttributeData attribute) =>
        attribute.AttributeClass?.ContainingNamespace?.ToDisplayString() == "System.Text.Json.Serialization";

    private static IEnumerable<INamedTypeSymbol> Bases(INamedTypeSymbol type)
    {
        for (var up = type; up is not null && up.SpecialType is not (SpecialType.System_Object or SpecialType.System_ValueType); up = up.BaseType)
            yield return up;
    }

    private static IEnumerable<INamedTypeSymbol> Outer(INamedTypeSymbol type)
    {
        for (var outer = type.ContainingType; outer is not null; outer = outer.ContainingType)
            yield return outer;
    }
}
