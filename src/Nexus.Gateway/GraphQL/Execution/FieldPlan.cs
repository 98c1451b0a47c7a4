using System.Text.Json;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Execution;

/// <summary>One field of an answer: all selections of one response key on one object type. Made once for an operation, used for every object.</summary>
internal sealed class FieldPlan(string key, FieldType definition, Field first)
{
    private const int MaxPlaces = 20;
    private List<Field>? further;
    private ObjectType? lastType;
    private FieldPlan[]? lastFields;
    private Dictionary<ObjectType, FieldPlan[]>? others;
    private Arguments? arguments;
    private JsonEncodedText? name;
    private SourceLocation[]? places;

    /// <summary>Its key in the answer.</summary>
    public string Key { get; } = key;

    /// <summary>The field.</summary>
    public FieldType Definition { get; } = definition;

    /// <summary>Where it is first selected.</summary>
    public Field First { get; } = first;

    /// <summary>Its key, ready to be written.</summary>
    public JsonEncodedText Name => name ??= JsonEncodedText.Encode(Key);

    /// <summary>Where it is selected.</summary>
    public IEnumerable<Field> Nodes => further is null ? [First] : further.Prepend(First);

    /// <summary>The places of the first selections, found once for all errors of the field.</summary>
    public IReadOnlyList<SourceLocation> PlacesIn(DocumentNode document) =>
        places ??= [.. Nodes.Take(MaxPlaces).Select(node => SourceLocation.Of(document.Source, node.Start))];

    /// <summary>Adds one more selection while fields are gathered.</summary>
    public void Add(Field node) => (further ??= []).Add(node);

    /// <summary>The coerced arguments.</summary>
    /// <exception cref="GraphException">They are wrong.</exception>
    public Arguments ReadArguments(Dictionary<string, object?> variables) =>
        arguments ??= Definition.Arguments.Count == 0 ? Arguments.None : VariableValues.Read(Definition.Arguments, First.Arguments, Definition.ToString(), First.Start, variables);

    /// <summary>What is selected below it on a type.</summary>
    public FieldPlan[] Below(ObjectType type, Func<ObjectType, FieldPlan, FieldPlan[]> collect)
    {
        if (ReferenceEquals(type, lastType))
            return lastFields!;
        if (others is null || !others.TryGetValue(type, out var fields))
        {
            fields = collect(type, this);
            if (lastType is not null)
                (others ??= [])[type] = fields;
        }
        (lastType, lastFields) = (lastType ?? type, lastFields ?? fields);
        return fields;
    }
}

/// <summary>Gathers the fields of an object (section 6.3.2 of the specification, CollectFields), in the order of their first selection.</summary>
internal readonly struct FieldCollection(OperationRun run, ObjectType type)
{
    private const int Few = 8;
    private readonly List<FieldPlan> plans = [];
    private readonly List<string> visited = [];
    private readonly Dictionary<string, int> places = new(StringComparer.Ordinal);

    /// <summary>The gathered fields.</summary>
    public FieldPlan[] ToArray() => [.. plans];

    /// <summary>Adds what a selection set selects on the type.</summary>
    public void Add(SelectionSet set)
    {
        foreach (var selection in set.Selections)
        {
            if (selection.Directives.Length > 0 && !run.IsIncluded(selection))
                continue;
            switch (selection)
            {
                case Field field:
                    Add(field);
                    break;
                case InlineFragment fragment when run.Applies(fragment.Condition, type):
                    Add(fragment.Selections);
                    break;
                case FragmentSpread spread when !visited.Contains(spread.Name.Text):
                    if (!run.Fragments.TryGetValue(spread.Name.Text, out var named) || !run.Applies(named.Condition, type))
                        continue;
                    visited.Add(spread.Name.Text);
                    run.EnsureStack();
                    Add(named.Selections);
                    break;
            }
        }
    }

    private void Add(Field field)
    {
        var at = Find(field.ResponseKey);
        if (at >= 0)
        {
            plans[at].Add(field);
            return;
        }
        if (run.Schema.Find(type, field.Name.Text) is not { } definition)
            return;
        plans.Add(new FieldPlan(field.ResponseKey, definition, field));
        if (plans.Count <= Few)
            return;
        for (var i = places.Count; i < plans.Count; i++)
            places[plans[i].Key] = i;
    }

    private int Find(string key)
    {
        if (plans.Count > Few)
            return places.GetValueOrDefault(key, -1);
        for (var i = 0; i < plans.Count; i++)
        {
            if (plans[i].Key == key)
                return i;
        }
        return -1;
    }
}
