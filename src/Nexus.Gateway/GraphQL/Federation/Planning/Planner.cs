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
        var elsewhere = new List<Elsewhere>();
        // The executor itself knows the type's name.
        foreach (var field in fields.Where(field => !ReferenceEquals(field.Definition, Introspection.TypeName)))
        {
            var owners = composed.Owners(type.Name, field.Definition.Name);
            Field[] Required(string owner) => composed.Required(owner, type.Name, field.Definition.Name);
            if (owners.Contains(subgraph) && Required(subgraph).Length == 0)
            {
                selection.Fields.Add(new SelectedField(field, Below(field, subgraph)));
                continue;
            }
            var known = elsewhere.Find(one => owners.Contains(one.Subgraph) && IsSame(one.Required, Required(one.Subgraph)));
            if (known is null)
            {
                var owner = owners.Where(one => composed.KeyBetween(type.Name, subgraph, one) is not null).MinBy(one => Required(one).Length)!;
                elsewhere.Add(known = new Elsewhere(owner, Required(owner), []));
            }
            known.Fields.Add(field);
        }
        foreach (var (other, required, rest) in elsewhere)
            new Route(composed, type, subgraph, selection).LeadTo(other, required, Plan(type, rest, other));
        return selection;
    }

    /// <summary>The selection at the end of a step: all of its fields are the subgraph's, and what they require is there.</summary>
    private ObjectSelection Plan(ObjectType type, List<FieldPlan> fields, string subgraph)
    {
        var selection = new ObjectSelection(type);
        foreach (var field in fields)
            selection.Fields.Add(new SelectedField(field, Below(field, subgraph)));
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

    private static bool IsSame(Field[] some, Field[] others) => some.Select(KeyFields.Print).SequenceEqual(others.Select(KeyFields.Print));

    /// <summary>Fields that another subgraph gives, when it is sent what they require.</summary>
    private sealed record Elsewhere(string Subgraph, Field[] Required, List<FieldPlan> Fields);
}
