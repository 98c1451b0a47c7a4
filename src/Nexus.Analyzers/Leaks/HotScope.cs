using System;
using System.Linq;
using System.Text.RegularExpressions;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Nexus.Analyzers.Leaks;

/// <summary>Tells whether a compilation is the code of a hot plugin: its manifest says so or says nothing; without a manifest, it has a plugin class and is no test.</summary>
internal static class HotScope
{
    private static readonly Regex Isolation = new("\"isolation\"\\s*:\\s*\"(\\w+)\"", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
    private static readonly Regex Core = new("\"category\"\\s*:\\s*\"core\"", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));

    public static bool Covers(Compilation compilation, AnalyzerOptions options, CancellationToken cancellation)
    {
        if (compilation.GetTypeByMetadataName("Nexus.IPlugin") is not { } plugin)
            return false;
        var manifest = options.AdditionalFiles.FirstOrDefault(file => file.Path.EndsWith("manifest.json", StringComparison.Ordinal))?.GetText(cancellation)?.ToString();
        if (manifest is not null)
            return Isolation.Match(manifest) is { Success: true } isolation ? isolation.Groups[1].Value == "hot" : !Core.IsMatch(manifest);
        return !compilation.ReferencedAssemblyNames.Any(name => name.Name.StartsWith("xunit", StringComparison.Ordinal))
            && HasPlugin(compilation.Assembly.GlobalNamespace, plugin, cancellation);
    }

    private static bool HasPlugin(INamespaceOrTypeSymbol place, INamedTypeSymbol plugin, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return place.GetMembers().OfType<INamespaceOrTypeSymbol>().Any(member =>
            (member is INamedTypeSymbol type && type.AllInterfaces.Contains(plugin, SymbolEqualityComparer.Default)) || HasPlugin(member, plugin, cancellation));
    }
}
