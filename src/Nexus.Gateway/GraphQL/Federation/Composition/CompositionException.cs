namespace Nexus.Gateway.GraphQL.Federation.Composition;

/// <summary>Subgraphs do not make one schema. Every reason is told, each with the subgraphs that it is about.</summary>
internal sealed class CompositionException(IReadOnlyList<string> problems) : Exception(string.Join(" ", problems))
{
    /// <summary>One sentence a reason.</summary>
    public IReadOnlyList<string> Problems { get; } = problems;
}
