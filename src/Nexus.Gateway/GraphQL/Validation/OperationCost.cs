using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Validation;

/// <summary>
/// What an operation may cost at most: each object it asks for counts one, lists count by the length they ask for, each change ten. Fragments are
/// counted once and remembered, so that counting is linear in the document.
/// </summary>
internal sealed class OperationCost(Schema schema, Dictionary<string, FragmentDefinition> fragments, Dictionary<string, object?> variables)
{
    private const int ChangeCost = 10;
    private readonly Dictionary<(string, string), (long Cost, int Depth)> known = [];

    /// <summary>Cost and depth of an operation.</summary>
    public (long Cost, int Depth) Of(OperationDefinition operation)
    {
        var root = schema.Root(operation.Kind)!;
        var (cost, depth) = Of(operation.Selections, root);
        return operation.Kind == OperationKind.Mutation ? (Sum(cost, operation.Selections.Selections.Length * ChangeCost), depth) : (cost, depth);
    }

    private (long Cost, int Depth) Of(SelectionSet set, NamedType parent)
    {
        var (cost, depth) = (0L, 0);
        foreach (var selection in set.Selections)
        {
            var one = selection switch
            {
                Field field => Of(field, parent),
                InlineFragment inline => Of(inline.Selections, inline.Condition is { } condition ? schema.Find(condition.Name)! : parent),
                FragmentSpread spread => Of(fragments[spread.Name.Text]),
                _ => (0L, 0),
            };
            (cost, depth) = (Sum(cost, one.Item1), Math.Max(depth, one.Item2));
        }
        return (cost, depth);
    }

    private (long, int) Of(FragmentDefinition fragment)
    {
        if (!System.Runtime.CompilerServices.RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new TooComplexException();
        var key = (fragment.Name.Text, fragment.Condition.Name);
        if (!known.TryGetValue(key, out var cost))
            known[key] = cost = Of(fragment.Selections, schema.Find(fragment.Condition.Name)!);
        return cost;
    }

    private (long, int) Of(Field field, NamedType parent)
    {
        if (field.Name.Text.StartsWith("__", StringComparison.Ordinal) || schema.Find(parent, field.Name.Text) is not { } definition)
            return (0, 0);
        if (field.Selections is not { } set)
            return (0, 1);
        var (cost, depth) = Of(set, definition.Type.Named);
        return (Product(Sum(cost, 1), Times(field, definition)), depth + 1);
    }

    private int Times(Field field, FieldType definition)
    {
        if (definition.Repeats is not { } repeats)
            return 1;
        try
        {
            return repeats(VariableValues.Read(definition.Arguments, field.Arguments, definition.ToString(), field.Start, variables));
        }
        catch (Exception exception) when (exception is GraphException or NexusException)
        {
            // Execution says what is wrong with the arguments, and loads nothing.
            return 1;
        }
    }

    private static long Sum(long a, long b) => a > long.MaxValue - b ? long.MaxValue : a + b;

    private static long Product(long a, long b) => b != 0 && a > long.MaxValue / b ? long.MaxValue : a * b;
}
