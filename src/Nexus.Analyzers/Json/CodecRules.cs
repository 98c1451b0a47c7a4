using Microsoft.CodeAnalysis;

namespace Nexus.Analyzers.Json;

/// <summary>What the codec generator tells the author.</summary>
internal static class CodecRules
{
    public static readonly DiagnosticDescriptor ByReflection = new(
        "NX1101", "The type is read and written by reflection",
        "{0} gets no generated codec: {1}. It works by reflection, which is slower and keeps caches that must be swept when the plugin is unloaded.",
        "Nexus.Json", DiagnosticSeverity.Info, isEnabledByDefault: true);
}
