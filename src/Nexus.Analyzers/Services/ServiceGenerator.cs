using System;
using System.Collections.Immutable;
using System.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Nexus.Analyzers.Services;

/// <summary>Makes a proxy and a dispatcher for each <c>[ServiceContract]</c> interface, beside it in its assembly.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class ServiceGenerator : IIncrementalGenerator
{
    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var contracts = context.SyntaxProvider.ForAttributeWithMetadataName(
            "Nexus.ServiceContractAttribute",
            static (node, _) => node is InterfaceDeclarationSyntax,
            static (source, _) => Read((INamedTypeSymbol)source.TargetSymbol, source.Attributes[0]));
        context.RegisterSourceOutput(contracts, static (output, contract) =>
        {
            foreach (var finding in contract.Findings.Items)
                output.ReportDiagnostic(finding.ToDiagnostic());
        });
        context.RegisterSourceOutput(contracts.Select(static (contract, _) => contract.Part).Collect(), static (output, parts) =>
        {
            var whole = parts.Where(part => part is not null).Select(part => part!).GroupBy(part => part.TypeName).Select(group => group.First()).OrderBy(part => part.TypeName, StringComparer.Ordinal).ToList();
            if (whole.Count > 0)
                output.AddSource("Nexus.Services.g.cs", ServiceSource.WriteFile(whole));
        });
    }

    private static (GeneratedPart? Part, Sequence<Finding> Findings) Read(INamedTypeSymbol contract, AttributeData attribute)
    {
        var (methods, findings) = ContractReader.Read(contract);
        var name = attribute.NamedArguments.FirstOrDefault(argument => argument.Key == "Name").Value.Value as string ?? contract.ToDisplayString();
        return (findings.IsEmpty ? ServiceSource.Write(contract, name, methods) : null, new(findings));
    }
}
