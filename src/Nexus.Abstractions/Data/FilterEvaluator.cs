using System.Text.Json;

namespace Nexus;

/// <summary>Evaluates filters in memory; the reference for every engine's translation.</summary>
public static class FilterEvaluator
{
    /// <summary>Whether a JSON value satisfies a filter; a null filter is always satisfied.</summary>
    public static bool Matches(Filter? filter, JsonElement value) => filter is null || Matches(filter, path => JsonScalar.At(value, path));

    /// <summary>Whether UTF-8 JSON satisfies a filter; a null filter is always satisfied.</summary>
    /// <exception cref="JsonException">The bytes are not JSON.</exception>
    public static bool Matches(Filter? filter, ReadOnlyMemory<byte> json)
    {
        if (filter is null)
            return true;
        using var document = JsonDocument.Parse(json);
        return Matches(filter, document.RootElement);
    }

    /// <summary>Whether the values that <paramref name="resolve"/> gives for paths satisfy a filter.</summary>
    public static bool Matches(Filter filter, Func<string, JsonScalar> resolve)
    {
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentNullException.ThrowIfNull(resolve);
        return filter switch
        {
            Filter.Compare compare => Holds(compare.Operator, resolve(compare.Path), JsonScalar.From(compare.Value)),
            Filter.Number number => Holds(number.Operator, resolve(number.Path), number.Value),
            Filter.In list => IsOneOf(resolve(list.Path), list),
            Filter.And all => all.Parts.All(part => Matches(part, resolve)),
            Filter.Or any => any.Parts.Any(part => Matches(part, resolve)),
            Filter.Not not => !Matches(not.Part, resolve),
            _ => throw new NexusException(ErrorCodes.FilterInvalid, $"Filters of type {filter.GetType().Name} are not known."),
        };
    }

    private static bool IsOneOf(JsonScalar value, Filter.In list)
    {
        foreach (var candidate in list.Values)
        {
            if (value.Matches(JsonScalar.From(candidate)))
                return true;
        }

        return false;
    }

    private static bool Holds(FilterOperator comparison, JsonScalar value, decimal operand) =>
        value.Value is string text && DecimalText.TryRead(text, out var number) && comparison switch
        {
            FilterOperator.Equal => number == operand,
            FilterOperator.NotEqual => number != operand,
            FilterOperator.Greater => number > operand,
            FilterOperator.GreaterOrEqual => number >= operand,
            FilterOperator.Less => number < operand,
            FilterOperator.LessOrEqual => number <= operand,
            _ => false,
        };

    private static bool Holds(FilterOperator comparison, JsonScalar value, JsonScalar operand) => comparison switch
    {
        FilterOperator.Equal => value.Matches(operand),
        FilterOperator.NotEqual => !value.Matches(operand),
        FilterOperator.Greater => value.TryCompare(operand) > 0,
        FilterOperator.GreaterOrEqual => value.TryCompare(operand) >= 0,
        FilterOperator.Less => value.TryCompare(operand) < 0,
        FilterOperator.LessOrEqual => value.TryCompare(operand) <= 0,
        FilterOperator.Prefix => value.Value is string text && operand.Value is string start && text.StartsWith(start, StringComparison.Ordinal),
        _ => throw new NexusException(ErrorCodes.FilterInvalid, $"Comparison {comparison} is not known."),
    };
}
