using Nexus.Gateway.GraphQL.Language;
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

    /// <summary>What a subgraph needs to be sent to give a field; empty for nothing.</summary>
    public Field[] Required(string subgraph, string type, string field) => Required(subgraphs, subgraph, type, field);

    /// <inheritdoc cref="Required(string, string, string)"/>
    public static Field[] Required(IReadOnlyDictionary<string, SubgraphDocument> subgraphs, string subgraph, string type, string field) =>
        subgraphs[subgraph].Types.TryGetValue(type, out var known) && known.Fields.TryGetValue(field, out var declared) ? declared.Requires : [];

    /// <summary>The subgraphs that give a field with all that is selected below it; those first that need nothing for it.</summary>
    public string[] Givers(string type, Field field) => Givers(subgraphs, owners, type, field);

    /// <inheritdoc cref="Givers(string, Field)"/>
    public static string[] Givers(IReadOnlyDictionary<string, SubgraphDocument> subgraphs, IReadOnlyDictionary<string, string[]> owners, string type, Field field)
    {
        return [.. Owners(type, field.Name.Text).Where(one => IsWhole(one, type, field)).OrderBy(one => Required(subgraphs, one, type, field.Name.Text).Length > 0)];

        string[] Owners(string of, string name) => owners.GetValueOrDefault($"{of}.{name}", []);

        bool IsWhole(string subgraph, string of, Field one)
        {
            if (one.Selections is not { } below)
                return true;
            var inner = subgraphs[subgraph].NameOf(TypeNodes.Named(subgraphs[subgraph].Types[of].Fields[one.Name.Text].Declaration.Type));
            return below.Selections.OfType<Field>().All(part => Owners(inner, part.Name.Text).Contains(subgraph) && Required(subgraphs, subgraph, inner, part.Name.Text).Length == 0 && IsWhole(subgraph, inner, part));
        }
    }

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
