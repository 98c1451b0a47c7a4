using Nexus.Gateway.GraphQL.Federation;

namespace Nexus.Gateway.GraphQL;

/// <summary>Section <c>graphql</c> of the configuration.</summary>
internal sealed class GraphQLOptions
{
    /// <summary>Whether it is served.</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>Path it is served at.</summary>
    public string Path { get; set; } = "/graphql";

    /// <summary>Whether the schema may be asked for.</summary>
    public bool Introspection { get; set; } = true;

    /// <summary>Whether the page for trying is served.</summary>
    public bool Explorer { get; set; } = true;

    /// <summary>Levels of fields of one operation, introspection aside.</summary>
    public int Depth { get; set; } = 15;

    /// <summary>Objects that one operation may ask for, lists counted by the length they ask for.</summary>
    public long Cost { get; set; } = 100_000;

    /// <summary>Tokens of one document.</summary>
    public int Tokens { get; set; } = 15_000;

    /// <summary>UTF-16 units of one document.</summary>
    public int Length { get; set; } = 100_000;

    /// <summary>Seconds after which an operation is given up.</summary>
    public double Seconds { get; set; } = 30;

    /// <summary>Folder of trusted documents, one operation a <c>.graphql</c> file, called by <c>documentId</c>; empty for none.</summary>
    public string Documents { get; set; } = "";

    /// <summary>Only trusted documents are executed.</summary>
    public bool TrustedOnly { get; set; }

    /// <summary>Operations that one socket may run at once.</summary>
    public int SocketOperations { get; set; } = 50;

    /// <summary>Seconds within which a socket must have begun with <c>connection_init</c>; then it is closed with 4408.</summary>
    public double SocketInitSeconds { get; set; } = 10;

    /// <summary>The node answers what a composing gateway asks of a subgraph.</summary>
    public bool Federation { get; set; }

    /// <summary>Subgraphs by name; the schema composed of them is served in place of the node's own. Empty for that.</summary>
    public IDictionary<string, SubgraphOptions> Subgraphs { get; } = new Dictionary<string, SubgraphOptions>(StringComparer.Ordinal);

    /// <summary>Seconds between two looks at the schemas of subgraphs.</summary>
    public double SubgraphSeconds { get; set; } = 10;
}
