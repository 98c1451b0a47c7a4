using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Federation.Composition;

/// <summary>One schema of several subgraphs, and which of them gives what. Immutable and thread-safe.</summary>
/// <param name="schema">The schema.</param>
/// <param name="subgraphs">The subgraphs by name.</param>
/// <param name="owners">Names of the subgraphs that give a field, by the field's coordinate.</param>
internal sealed class ComposedSchema(Schema schema, IReadOnlyDictionary<string, SubgraphDocument> subgraphs, IReadOnlyDictionary<string, string[]> owners)
{
    /// <summary>The schema.</summary>
    public Schema Schema { get; } = schema;

    /// <summary>The subgraphs that give a field.</summary>
    public string[] Owners(string type, string field) => owners.GetValueOrDefault($"{type}.{field}", []);

    /// <summary>Whether objects of a type may stand for a wider one in a subgraph.</summary>
    public bool Has(string subgraph, string wide, string narrow) => subgraphs[subgraph].Has(wide, narrow);

    /// <summary>The key of a type that one subgraph gives and by which the other finds it; null when there is none.</summary>
    public KeyFields? KeyBetween(string type, string from, string to) => KeyBetween(subgraphs, type, from, to);

    /// <inheritdoc cref="KeyBetween(string, string, string)"/>
    public static KeyFields? KeyBetween(IReadOnlyDictionary<string, SubgraphDocument> subgraphs, string type, string from, string to) =>
        subgraphs[from].Types.TryGetValue(type, out var known) && subgraphs[to].Types.TryGetValue(type, out var wanted)
            ? wanted.Keys.Find(key => key.IsResolvable && Array.TrueForAll(key.Fields, field => known.Gives(field.Name.Text)))
            : null;
}
