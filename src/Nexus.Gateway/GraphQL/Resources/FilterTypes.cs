using System.Collections.Immutable;
using System.Text.Json;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>Inputs that say which records are meant and in which order: <c>{total: {gte: 5}, or: […]}</c>.</summary>
internal sealed class FilterTypes(RecordTypes types)
{
    private const int MaxConditions = 100;
    private static readonly FieldDescriptor[] Platform =
    [
        new() { Name = "revision", Kind = FieldKind.Integer },
        new() { Name = "owner", Kind = FieldKind.Text, Nullable = true },
        new() { Name = "team", Kind = FieldKind.Text, Nullable = true },
        new() { Name = "createdAt", Kind = FieldKind.Instant },
        new() { Name = "updatedAt", Kind = FieldKind.Instant },
    ];

    private readonly Dictionary<string, InputType> comparisons = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (InputType Filter, InputType? Sort)> made = new(StringComparer.Ordinal);

    /// <summary>The filter and the sort key of a resource.</summary>
    public (InputType Filter, InputType? Sort) For(BoundResource resource)
    {
        if (made.TryGetValue(resource.TypeName, out var known))
            return known;
        var filter = new InputType(resource.TypeName + "Filter", "Conditions that must all hold.");
        filter.TryAdd(new InputField("and", filter.NonNull.List) { Description = "All of these hold." });
        filter.TryAdd(new InputField("or", filter.NonNull.List) { Description = "At least one of these holds." });
        filter.TryAdd(new InputField("not", filter) { Description = "This does not hold." });
        foreach (var field in Fields(resource))
        {
            if (Comparison(field, resource.TypeName) is { } comparison)
                filter.TryAdd(new InputField(GraphNames.Value(field), comparison));
        }
        var words = Fields(resource).Where(field => field.Kind is not (FieldKind.List or FieldKind.Map or FieldKind.Group or FieldKind.Duration or FieldKind.Json))
            .Select(field => new EnumMember(GraphNames.Value(field), field.Name)).DistinctBy(member => member.Name);
        var sort = new InputType(resource.TypeName + "Sort", "One key of an order; ties are broken by id.");
        sort.TryAdd(new InputField("field", new EnumType(resource.TypeName + "SortField", words).NonNull) { Description = "What is compared." });
        sort.TryAdd(new InputField("descending", Scalars.Boolean.NonNull) { Default = new BooleanValue(0, false), Description = "Greatest first." });
        return made[resource.TypeName] = (filter, sort);
    }

    /// <summary>A filter as the pipeline reads it; null for all.</summary>
    /// <exception cref="NexusException"><c>FILTER_INVALID</c>: it has too many conditions.</exception>
    public Filter? Read(BoundResource resource, object? input)
    {
        var left = MaxConditions;
        return input is null ? null : Read(Fields(resource), (Dictionary<string, object?>)input, ref left);
    }

    /// <summary>An order as the pipeline reads it.</summary>
    public static ImmutableArray<SortKey> ReadSort(object? input) =>
        input is not object?[] keys ? [] : [.. keys.Cast<Dictionary<string, object?>>().Select(key => new SortKey((string)key["field"]!, (bool)key["descending"]!))];

    private FieldDescriptor[] Fields(BoundResource resource) => [new() { Name = "id", Kind = resource.Descriptor.IdKind }, .. Platform, .. resource.Descriptor.Fields.Where(types.IsShown)];

    private static Filter Read(FieldDescriptor[] fields, Dictionary<string, object?> input, ref int left)
    {
        var parts = ImmutableArray.CreateBuilder<Filter>();
        foreach (var (name, value) in input)
        {
            if (--left < 0)
                throw new NexusException(ErrorCodes.FilterInvalid, $"A filter may have {MaxConditions} conditions.");
            if (value is null)
                continue;
            if (name is "and" or "or" && value is object?[] nested)
            {
                var inner = ImmutableArray.CreateBuilder<Filter>();
                foreach (var one in nested)
                    inner.Add(Read(fields, (Dictionary<string, object?>)one!, ref left));
                parts.Add(name == "and" ? new Filter.And(inner.ToImmutable()) : new Filter.Or(inner.ToImmutable()));
            }
            else if (name == "not")
            {
                parts.Add(new Filter.Not(Read(fields, (Dictionary<string, object?>)value, ref left)));
            }
            else
            {
                var field = Array.Find(fields, field => GraphNames.Value(field) == name)!;
                parts.AddRange(ReadComparison(field, (Dictionary<string, object?>)value));
            }
        }
        return parts.Count == 1 ? parts[0] : new Filter.And(parts.ToImmutable());
    }

    private static IEnumerable<Filter> ReadComparison(FieldDescriptor field, Dictionary<string, object?> comparison)
    {
        foreach (var (name, value) in comparison)
        {
            if (name == "in" && value is object?[] values)
                yield return new Filter.In(field.Name, [.. values.Select(one => Scalar(field, one))]);
            else if (field.Kind == FieldKind.Group && value is Dictionary<string, object?> within && field.Fields.FirstOrDefault(f => GraphNames.Value(f) == name) is { } member)
                foreach (var inner in ReadComparison(member with { Name = $"{field.Name}.{member.Name}" }, within))
                    yield return inner;
            else if (name is "amount" or "currency" && value is Dictionary<string, object?> part)
                foreach (var inner in ReadComparison(new FieldDescriptor { Name = $"{field.Name}.{name}", Kind = name == "amount" ? FieldKind.Decimal : FieldKind.Text }, part))
                    yield return inner;
            else if (Operator(name) is { } comparing && (value is not null || comparing is FilterOperator.Equal or FilterOperator.NotEqual))
                yield return new Filter.Compare(field.Name, comparing, Scalar(field, value));
        }
    }

    /// <summary>A value as filters hold it; money is its amount and its currency.</summary>
    private static JsonElement Scalar(FieldDescriptor field, object? value) =>
        field.Kind == FieldKind.Money && value is Dictionary<string, object?> money
            ? JsonSerializer.SerializeToElement($"{money["amount"]} {money["currency"]}")
            : InputJson.Element(field, value);

    /// <summary>Comparisons of a group's fields, by the group's own type; null when none can be compared.</summary>
    private InputType? Members(FieldDescriptor group, string name)
    {
        if (comparisons.TryGetValue(name + "Filter", out var known))
            return known;
        var filter = new InputType(name + "Filter", "Conditions that must all hold.");
        foreach (var field in group.Fields.Where(types.IsShown))
        {
            if (Comparison(field, name) is { } comparison)
                filter.TryAdd(new InputField(GraphNames.Value(field), comparison));
        }
        return filter.Fields.Count == 0 ? null : comparisons[name + "Filter"] = filter;
    }

    private static FilterOperator? Operator(string name) => name switch
    {
        "eq" => FilterOperator.Equal,
        "ne" => FilterOperator.NotEqual,
        "gt" => FilterOperator.Greater,
        "gte" => FilterOperator.GreaterOrEqual,
        "lt" => FilterOperator.Less,
        "lte" => FilterOperator.LessOrEqual,
        "prefix" => FilterOperator.Prefix,
        _ => null,
    };

    private InputType? Comparison(FieldDescriptor field, string owner)
    {
        var (isOrdered, hasPrefix) = field.Kind switch
        {
            FieldKind.Text or FieldKind.Multiline => (true, true),
            FieldKind.Integer or FieldKind.Decimal or FieldKind.Real or FieldKind.Date or FieldKind.Time or FieldKind.Instant or FieldKind.Identifier or FieldKind.Money => (true, false),
            _ => (false, false),
        };
        if (field.Kind == FieldKind.Group)
            return Members(field, owner + GraphNames.Pascal(field.Name));
        if (field.Kind is FieldKind.List or FieldKind.Map or FieldKind.Json or FieldKind.Duration)
            return null;
        var type = types.Input(field, owner);
        var name = (field.Kind == FieldKind.Money ? "Money" : type.Named.Name) + "Filter";
        if (comparisons.TryGetValue(name, out var known))
            return known;
        var comparison = comparisons[name] = new InputType(name, "Comparisons that must all hold.");
        foreach (var word in isOrdered ? ["eq", "ne", "gt", "gte", "lt", "lte"] : new[] { "eq", "ne" })
            comparison.TryAdd(new InputField(word, type));
        comparison.TryAdd(new InputField("in", type.NonNull.List));
        if (hasPrefix)
            comparison.TryAdd(new InputField("prefix", Scalars.String) { Description = "Text that starts so." });
        if (field.Kind == FieldKind.Money)
        {
            comparison.TryAdd(new InputField("amount", Comparison(new FieldDescriptor { Name = "amount", Kind = FieldKind.Decimal }, owner)!) { Description = "The amount alone, in any currency." });
            comparison.TryAdd(new InputField("currency", Comparison(new FieldDescriptor { Name = "currency", Kind = FieldKind.Text }, owner)!) { Description = "The currency alone." });
        }
        return comparison;
    }
}
