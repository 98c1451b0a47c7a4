using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Federation.Composition;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Federation.Planning;

/// <summary>
/// Tells which subgraph is asked for which field of an operation. Fragments, <c>@skip</c> and <c>@include</c> are resolved here, so that a subgraph gets neither. A field stays with the
/// subgraph that gave its object where that one has it; the others are gathered by subgraph.
/// </summary>
internal sealed class Planner(ComposedSchema composed, OperationRun run)
{
    private const int MaxFields = 20_000;
    private int planned;

    /// <summary>The fields of the root that subgraphs give, each with the one that is asked for it.</summary>
    public List<(string Subgraph, SelectedField Field)> Plan(ObjectType root, SelectionSet set)
    {
        var collection = new FieldCollection(run, root);
        collection.Add(set);
        var chosen = new List<string>();
        var fields = new List<(string, SelectedField)>();
        foreach (var field in collection.ToArray().Where(field => !field.Definition.Name.StartsWith("__", StringComparison.Ordinal)))
        {
            var owners = composed.Owners(root.Name, field.Definition.Name);
            var owner = owners.FirstOrDefault(chosen.Contains) ?? owners[0];
            chosen.Add(owner);
            fields.Add((owner, new SelectedField(field, Below(field, owner))));
        }
        return fields;
    }

    private ObjectSelection Plan(ObjectType type, FieldPlan[] fields, string subgraph)
    {
        run.EnsureStack();
        if ((planned += fields.Length) > MaxFields)
            throw new GraphException($"With its fragments the operation selects more than {MaxFields} fields.");
        var selection = new ObjectSelection(type);
        var elsewhere = new List<(string Subgraph, List<FieldPlan> Fields)>();
        // The executor itself knows the type's name.
        foreach (var field in fields.Where(field => !ReferenceEquals(field.Definition, Introspection.TypeName)))
        {
            var owners = composed.Owners(type.Name, field.Definition.Name);
            if (owners.Contains(subgraph))
            {
                selection.Fields.Add(new SelectedField(field, Below(field, subgraph)));
                continue;
            }
            var known = elsewhere.Find(one => owners.Contains(one.Subgraph)).Fields;
            if (known is null)
                elsewhere.Add((owners.First(owner => composed.KeyBetween(type.Name, subgraph, owner) is not null), known = []));
            known.Add(field);
        }
        foreach (var (other, rest) in elsewhere)
            selection.Hops.Add(new Hop(other, composed.KeyBetween(type.Name, subgraph, other)!, Plan(type, [.. rest], other)));
        return selection;
    }

    private Selections? Below(FieldPlan field, string subgraph)
    {
        var named = field.Definition.Type.Named;
        if (named.IsLeaf)
            return null;
        var below = new Selections(named, new Dictionary<string, ObjectSelection>(StringComparer.Ordinal));
        foreach (var type in named is ObjectType single ? [single] : composed.Schema.Possible(named).Where(type => composed.Has(subgraph, named.Name, type.Name)))
        {
            var collection = new FieldCollection(run, type);
            foreach (var node in field.Nodes)
            {
                if (node.Selections is { } set)
                    collection.Add(set);
            }
            below.ByType[type.Name] = Plan(type, collection.ToArray(), subgraph);
        }
        return below;
    }
}
