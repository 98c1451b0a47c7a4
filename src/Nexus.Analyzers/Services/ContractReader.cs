using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Nexus.Analyzers.Services;

/// <summary>One method of a contract, ready to be written.</summary>
internal sealed class ContractMethod(IMethodSymbol symbol)
{
    public IMethodSymbol Symbol { get; } = symbol;

    public string Name => Symbol.Name;

    /// <summary>The result's type; null when there is none.</summary>
    public ITypeSymbol? Result => ((INamedTypeSymbol)Symbol.ReturnType).TypeArguments.FirstOrDefault();

    public bool IsValueTask => Symbol.ReturnType.Name == "ValueTask";

    public IEnumerable<IParameterSymbol> Arguments => Symbol.Parameters.Where(parameter => !IsToken(parameter.Type));

    /// <summary>The token's parameter as generated code names it, or <c>default</c>.</summary>
    public string Token => Symbol.Parameters.FirstOrDefault(parameter => IsToken(parameter.Type)) is { } token ? Names.Escape(token.Name) : "default";

    /// <summary>How the attributes of the method stand in the initializer of its policy; null without any.</summary>
    public string? Policy
    {
        get
        {
            var parts = Symbol.GetAttributes().Select(attribute => (Place: PolicyPlace(attribute), Attribute: attribute)).Where(part => part.Place is not null).Select(part => $"{part.Place} = {Made(part.Attribute)}").ToList();
            return parts.Count == 0 ? null : string.Join(", ", parts);
        }
    }

    private static string? PolicyPlace(AttributeData attribute) => attribute.AttributeClass?.ToDisplayString() switch
    {
        "Nexus.RetryAttribute" => "Retry",
        "Nexus.CircuitBreakerAttribute" => "Breaker",
        "Nexus.RateLimiterAttribute" => "Limit",
        _ => null,
    };

    private static string Made(AttributeData attribute)
    {
        var named = string.Join(", ", attribute.NamedArguments.Select(argument => $"{argument.Key} = {argument.Value.ToCSharpString()}"));
        return $"new {Names.Of(attribute.AttributeClass!)}({string.Join(", ", attribute.ConstructorArguments.Select(argument => argument.ToCSharpString()))}){(named.Length == 0 ? "" : $" {{ {named} }}")}";
    }

    public static bool IsToken(ITypeSymbol type) => type is { Name: "CancellationToken", ContainingNamespace: { Name: "Threading", ContainingNamespace.Name: "System" } };
}

/// <summary>Reads a contract and finds everything that is wrong with it at once.</summary>
internal static class ContractReader
{
    public static (ImmutableArray<ContractMethod> Methods, ImmutableArray<Finding> Findings) Read(INamedTypeSymbol contract)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        var methods = ImmutableArray.CreateBuilder<ContractMethod>();
        var name = contract.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat);
        if (contract.IsGenericType)
            findings.Add(new(ServiceRules.GenericContract, Place(contract), name));
        if (!Names.Reachable(contract))
            findings.Add(new(ServiceRules.OutOfReach, Place(contract), name));
        var members = contract.AllInterfaces.Insert(0, contract).SelectMany(type => type.GetMembers()).Where(member => member.IsAbstract).ToList();
        foreach (var member in members)
        {
            if (member is IPropertySymbol or IEventSymbol)
                findings.Add(new(ServiceRules.NotAMethod, Place(member), $"{name}.{member.Name}"));
            else if (member is IMethodSymbol { MethodKind: MethodKind.Ordinary } method)
                ReadMethod(name, method, methods, findings);
        }
        foreach (var overloads in methods.GroupBy(method => method.Name).Where(group => group.Count() > 1))
            findings.Add(new(ServiceRules.Overload, Place(overloads.Last().Symbol), $"{name}.{overloads.Key}"));
        return (methods.ToImmutable(), findings.ToImmutable());
    }

    private static void ReadMethod(string contract, IMethodSymbol method, ImmutableArray<ContractMethod>.Builder methods, ImmutableArray<Finding>.Builder findings)
    {
        var name = $"{contract}.{method.Name}";
        var before = findings.Count;
        if (method.IsStatic || !ReturnsTask(method.ReturnType))
            findings.Add(new(ServiceRules.NotAsync, Place(method), name, method.IsStatic ? "a value of a static member" : method.ReturnType.ToDisplayString()));
        if (method.IsGenericMethod)
            findings.Add(new(ServiceRules.GenericMethod, Place(method), name));
        foreach (var parameter in method.Parameters.Where(parameter => parameter.RefKind != RefKind.None))
            findings.Add(new(ServiceRules.ByReference, Place(parameter), name, parameter.Name));
        var tokens = method.Parameters.Where(parameter => ContractMethod.IsToken(parameter.Type)).ToList();
        if (tokens.Count > 1 || (tokens.Count == 1 && tokens[0].Ordinal != method.Parameters.Length - 1))
            findings.Add(new(ServiceRules.TokenPlace, Place(method), name));
        if (findings.Count > before)
            return;
        var read = new ContractMethod(method);
        foreach (var parameter in read.Arguments)
        {
            if (Serialisable.WhyNot(parameter.Type) is { } why)
                findings.Add(new(ServiceRules.NotSerialisable, Place(parameter), $"The parameter {parameter.Name} of {name}", why.Type, why.Reason));
        }
        if (read.Result is not null && Serialisable.WhyNot(read.Result) is { } whyResult)
            findings.Add(new(ServiceRules.NotSerialisable, Place(method), $"The result of {name}", whyResult.Type, whyResult.Reason));
        methods.Add(read);
    }

    private static bool ReturnsTask(ITypeSymbol type) =>
        type is INamedTypeSymbol { Name: "Task" or "ValueTask", ContainingNamespace: { Name: "Tasks", ContainingNamespace.Name: "Threading" } };

    private static Location? Place(ISymbol symbol) => symbol.Locations.FirstOrDefault(location => location.IsInSource);
}

/// <summary>Tells why a type cannot cross a process as JSON.</summary>
internal static class Serialisable
{
    /// <summary>The offending type and the reason, or null when there is none to be seen. Goes into the properties of types of the compilation.</summary>
    public static (string Type, string Reason)? WhyNot(ITypeSymbol type) => WhyNot(type, new HashSet<ITypeSymbol>(SymbolEqualityComparer.Default));

    private static (string Type, string Reason)? WhyNot(ITypeSymbol type, HashSet<ITypeSymbol> seen)
    {
        if (!seen.Add(type))
            return null;
        if (type is IArrayTypeSymbol array)
            return WhyNot(array.ElementType, seen);
        if (Reason(type) is { } reason)
            return (type.ToDisplayString(), reason);
        if (type is not INamedTypeSymbol named)
            return null;
        foreach (var argument in named.TypeArguments)
        {
            // The T of Ref<T> is named only, never written.
            if (named.Name != "Ref" && WhyNot(argument, seen) is { } inner)
                return inner;
        }
        if (named.Locations.All(location => !location.IsInSource) || named.TypeKind == TypeKind.Enum)
            return null;
        return named.GetMembers().OfType<IPropertySymbol>()
            .Where(property => property is { DeclaredAccessibility: Accessibility.Public, IsStatic: false, IsIndexer: false } && !property.GetAttributes().Any(attribute => attribute.AttributeClass?.Name == "JsonIgnoreAttribute"))
            .Select(property => WhyNot(property.Type, seen)).FirstOrDefault(found => found is not null);
    }

    private static string? Reason(ITypeSymbol type)
    {
        if (type.TypeKind == TypeKind.Delegate)
            return "a delegate is code, not data";
        if (type.TypeKind is TypeKind.Pointer or TypeKind.FunctionPointer || type.IsRefLikeType)
            return "it points into this process's memory";
        if (type.TypeKind == TypeKind.Dynamic || type.SpecialType == SpecialType.System_Object)
            return "its form is not known";
        if (type.TypeKind == TypeKind.TypeParameter)
            return "its form is not known";
        if (type.TypeKind == TypeKind.Interface && !type.AllInterfaces.Any(i => i.SpecialType == SpecialType.System_Collections_IEnumerable) && type.SpecialType != SpecialType.System_Collections_IEnumerable)
            return "an interface has no form of its own";
        if (type.ToDisplayString().StartsWith("System.Collections.Generic.IAsyncEnumerable", System.StringComparison.Ordinal))
            return "a stream outlives the call; return a page";
        for (var up = type; up is not null; up = up.BaseType)
        {
            if (up.ToDisplayString() is "System.IO.Stream" or "System.Type" or "System.Exception" or "System.Threading.Tasks.Task" or "System.Linq.Expressions.Expression")
                return $"a {up.Name} cannot be written as JSON";
        }
        return null;
    }
}
