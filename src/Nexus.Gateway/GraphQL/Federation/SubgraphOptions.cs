namespace Nexus.Gateway.GraphQL.Federation;

/// <summary>One subgraph of a composed schema; <c>graphql.subgraphs.{name}</c>.</summary>
internal sealed class SubgraphOptions
{
    /// <summary>Address that it answers operations at.</summary>
    public string Url { get; set; } = "";

    /// <summary>Seconds until a request to it is given up.</summary>
    public double TimeoutSeconds { get; set; } = 10;

    /// <summary>Bytes that one answer of it may have.</summary>
    public long AnswerBytes { get; set; } = 16 * 1024 * 1024;

    /// <summary>Requests to it that are under way at once; further ones wait.</summary>
    public int Requests { get; set; } = 64;
}
