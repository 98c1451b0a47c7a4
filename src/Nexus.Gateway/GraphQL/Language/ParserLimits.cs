namespace Nexus.Gateway.GraphQL.Language;

/// <summary>How large a document may be. Parsing, validating and executing cost no more than these allow.</summary>
/// <param name="Length">UTF-16 units of the source.</param>
/// <param name="Tokens">Tokens.</param>
/// <param name="Depth">Levels of nesting of selections, values and types.</param>
internal sealed record ParserLimits(int Length = 100_000, int Tokens = 15_000, int Depth = 200)
{
    /// <summary>The limits of a node whose operator set none.</summary>
    public static ParserLimits Default { get; } = new();
}
