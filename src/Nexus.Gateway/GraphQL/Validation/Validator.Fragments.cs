using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Validation;

/// <content>What goes across fragments: cycles, use, variables, subscriptions, depth of introspection.</content>
internal sealed partial class Validator
{
    private const int MaxFragmentWork = 50_000;
    private const int MaxIntrospectionDepth = 3;
    private int work;

    private List<FragmentSpread> SpreadsIn(SelectionSet set)
    {
        if (spreads.TryGetValue(set, out var known))
            return known;
        var found = spreads[set] = [];
        var waiting = new Stack<SelectionSet>([set]);
        while (waiting.TryPop(out var one))
        {
            foreach (var selection in one.Selections)
            {
                if (selection is FragmentSpread spread)
                    found.Add(spread);
                else if ((selection as Field)?.Selections is { } below)
                    waiting.Push(below);
                else if (selection is InlineFragment inline)
                    waiting.Push(inline.Selections);
            }
        }
        return found;
    }

    private void Spend(int cost)
    {
        work += cost;
        if (work > MaxFragmentWork)
            throw new TooComplexException();
    }

    private void CheckCycles()
    {
        var visited = new HashSet<string>(StringComparer.Ordinal);
        var places = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var fragment in document.Definitions.OfType<FragmentDefinition>())
            Detect(fragment, visited, places, []);
    }

    private void Detect(FragmentDefinition fragment, HashSet<string> visited, Dictionary<string, int> places, List<FragmentSpread> path)
    {
        EnsureStack();
        if (!visited.Add(fragment.Name.Text))
            return;
        places[fragment.Name.Text] = path.Count;
        foreach (var spread in SpreadsIn(fragment.Selections))
        {
            Spend(1);
            path.Add(spread);
            if (places.TryGetValue(spread.Name.Text, out var place))
            {
                var cycle = path.GetRange(place, path.Count - place);
                var via = string.Join(", ", cycle.SkipLast(1).Take(MaxPlaces).Select(one => $"\"{one.Name.Text}\""));
                Report($"Cannot spread fragment \"{spread.Name.Text}\" within itself{(via.Length > 0 ? $" via {via}." : ".")}", [.. cycle.Select(one => one.Start)]);
            }
            else if (fragments.TryGetValue(spread.Name.Text, out var next))
            {
                Detect(next, visited, places, path);
            }
            path.RemoveAt(path.Count - 1);
        }
        places.Remove(fragment.Name.Text);
    }

    /// <summary>The fragments that operations reach, each once.</summary>
    private List<FragmentDefinition> Reached(IEnumerable<OperationDefinition> operations)
    {
        var found = new List<FragmentDefinition>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var waiting = new Queue<FragmentSpread>(operations.SelectMany(operation => SpreadsIn(operation.Selections)));
        while (waiting.TryDequeue(out var spread))
        {
            Spend(1);
            if (!names.Add(spread.Name.Text) || !fragments.TryGetValue(spread.Name.Text, out var fragment))
                continue;
            found.Add(fragment);
            foreach (var further in SpreadsIn(fragment.Selections))
                waiting.Enqueue(further);
        }
        return found;
    }

    private void CheckUnusedFragments()
    {
        if (fragments.Count == 0)
            return;
        var used = Reached(document.Definitions.OfType<OperationDefinition>()).Select(fragment => fragment.Name.Text).ToHashSet(StringComparer.Ordinal);
        foreach (var fragment in document.Definitions.OfType<FragmentDefinition>().Where(fragment => !used.Contains(fragment.Name.Text)))
            Report($"Fragment \"{fragment.Name.Text}\" is never used.", fragment.Start);
    }

    private void CheckVariables(OperationDefinition operation)
    {
        var declared = new Dictionary<string, VariableDefinition>(StringComparer.Ordinal);
        foreach (var variable in operation.Variables)
            declared[variable.Variable.Name.Text] = variable;
        var used = new HashSet<string>(StringComparer.Ordinal);
        foreach (var use in uses[operation].Concat(Reached([operation]).SelectMany(fragment => uses[fragment])))
        {
            Spend(1);
            var name = use.Variable.Name.Text;
            used.Add(name);
            if (!declared.TryGetValue(name, out var variable))
                Report(operation.Name is { } known ? $"Variable \"${name}\" is not defined by operation \"{known.Text}\"." : $"Variable \"${name}\" is not defined.", use.Variable.Start, operation.Start);
            else
                CheckPosition(variable, use);
        }
        foreach (var variable in operation.Variables.Where(variable => !used.Contains(variable.Variable.Name.Text)))
        {
            var name = variable.Variable.Name.Text;
            Report(operation.Name is { } known ? $"Variable \"${name}\" is never used in operation \"{known.Text}\"." : $"Variable \"${name}\" is never used.", variable.Start);
        }
    }

    private void CheckPosition(VariableDefinition variable, VariableUse use)
    {
        if (use.Type is null || schema.Resolve(variable.Type) is not { } type)
            return;
        if (!IsAllowed(type, variable.DefaultValue, use))
            Report($"Variable \"${variable.Variable.Name.Text}\" of type \"{type}\" used in position expecting type \"{use.Type}\".", variable.Start, use.Variable.Start);
        if (use.Parent is { IsOneOf: true } && !type.IsNonNull)
            Report($"Variable \"${variable.Variable.Name.Text}\" is of type \"{type}\" but must be non-nullable to be used for OneOf Input Object \"{use.Parent}\".", variable.Start, use.Variable.Start);
    }

    private bool IsAllowed(GraphType type, ValueNode? defaultValue, VariableUse use)
    {
        if (!use.Type!.IsNonNull || type.IsNonNull)
            return schema.Fits(type, use.Type);
        return (use.HasDefault || defaultValue is not (null or NullValue)) && schema.Fits(type, use.Type.Nullable);
    }

    private void CheckSubscription(OperationDefinition operation, ObjectType root)
    {
        var subject = operation.Name is { } name ? $"Subscription \"{name.Text}\"" : "Anonymous Subscription";
        var fields = new List<Field>();
        var conditional = new List<int>();
        Gather(operation.Selections, root, fields, conditional, new(StringComparer.Ordinal));
        if (conditional.Count > 0)
        {
            Report($"{subject} must not use `@skip` or `@include` directives in the top level selection.", [.. conditional]);
            return;
        }
        var groups = fields.GroupBy(field => field.ResponseKey, StringComparer.Ordinal).ToList();
        if (groups.Count == 0)
            Report($"{subject} must select one top level field.", operation.Selections.Start);
        if (groups.Count > 1)
            Report($"{subject} must select only one top level field.", [.. groups.Skip(1).SelectMany(group => group).Select(field => field.Start)]);
        foreach (var group in groups.Where(group => group.First().Name.Text.StartsWith("__", StringComparison.Ordinal)))
            Report($"{subject} must not select an introspection top level field.", [.. group.Select(field => field.Start)]);
    }

    private void Gather(SelectionSet set, ObjectType root, List<Field> fields, List<int> conditional, HashSet<string> visited)
    {
        EnsureStack();
        foreach (var selection in set.Selections)
        {
            Spend(1);
            var condition = Array.Find(selection.Directives, directive => directive.Name.Text == "skip") ?? Array.Find(selection.Directives, directive => directive.Name.Text == "include");
            if (condition is not null)
                conditional.Add(condition.Start);
            else if (selection is Field field)
                fields.Add(field);
            else if (selection is InlineFragment inline && Applies(inline.Condition, root))
                Gather(inline.Selections, root, fields, conditional, visited);
            else if (selection is FragmentSpread spread && fragments.TryGetValue(spread.Name.Text, out var fragment) && Applies(fragment.Condition, root) && visited.Add(spread.Name.Text))
                Gather(fragment.Selections, root, fields, conditional, visited);
        }
    }

    private bool Applies(NamedTypeNode? condition, ObjectType type) =>
        condition is null || condition.Name == type.Name || (schema.Find(condition.Name) is { } wide && schema.IsSubtype(wide, type));

    /// <summary>Lists of introspection lead to each other, so that an answer grows with the power of the depth.</summary>
    private void CheckIntrospectionDepth(Field field)
    {
        if (IsTooDeep(field, 0, new(StringComparer.Ordinal)))
            Report("Maximum introspection depth exceeded", field.Start);
    }

    private bool IsTooDeep(Selection selection, int depth, Dictionary<string, int> visited)
    {
        EnsureStack();
        Spend(1);
        var set = selection switch { Field field => field.Selections, InlineFragment inline => inline.Selections, _ => null };
        if (selection is FragmentSpread spread)
        {
            if (!fragments.TryGetValue(spread.Name.Text, out var fragment) || (visited.TryGetValue(spread.Name.Text, out var seen) && seen >= depth))
                return false;
            visited[spread.Name.Text] = depth;
            set = fragment.Selections;
        }
        if (selection is Field { Name.Text: "fields" or "interfaces" or "possibleTypes" or "inputFields" } && ++depth >= MaxIntrospectionDepth)
            return true;
        foreach (var inner in set?.Selections ?? [])
        {
            if (IsTooDeep(inner, depth, visited))
                return true;
        }
        return false;
    }
}
