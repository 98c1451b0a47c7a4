using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Nexus.Gateway.Rest;

/// <summary>Reads filters: <c>filter[field][$gte]=5</c>, <c>filter[field]=5</c>, and the JSON form <c>filter={"total":{"$gte":5}}</c>.</summary>
internal static class FilterSyntax
{
    private const int MaxConditions = 100;
    private const string Operators = "$eq, $ne, $gt, $gte, $lt, $lte, $in, $prefix";

    /// <summary>The filter of a query string, or null when it has none; several conditions must all hold.</summary>
    public static Filter? Read(ResourceDescriptor resource, IQueryCollection query)
    {
        var parts = ImmutableArray.CreateBuilder<Filter>();
        foreach (var (key, values) in query)
        {
            if (!key.StartsWith("filter", StringComparison.Ordinal))
                continue;
            foreach (var value in values)
                parts.Add(key == "filter" ? FromJson(resource, value ?? "") : FromKey(resource, key, value ?? ""));
        }
        if (parts.Count > MaxConditions)
            throw Invalid($"A list may have {MaxConditions} conditions.");
        return parts.Count switch { 0 => null, 1 => parts[0], _ => new Filter.And(parts.ToImmutable()) };
    }

    private static Filter FromKey(ResourceDescriptor resource, string key, string text)
    {
        var names = key["filter".Length..];
        if (names is not ['[', .., ']'])
            throw Invalid($"{key} is not of the form filter[field][$op].");
        var parts = names[1..^1].Split("][");
        if (parts.Length > 2)
            throw Invalid($"{key} is not of the form filter[field][$op]; write nested fields with dots.");
        var path = parts[0];
        var field = FieldPaths.Get(resource, path);
        var name = parts.Length == 2 ? parts[1] : "$eq";
        return name == "$in"
            ? new Filter.In(path, [.. text.Split(',').Select(t => FieldPaths.Parse(field, path, t))])
            : new Filter.Compare(path, Operator(name), FieldPaths.Parse(field, path, text));
    }

    private static Filter FromJson(ResourceDescriptor resource, string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 16 });
            var budget = MaxConditions;
            return FromObject(resource, document.RootElement, ref budget);
        }
        catch (JsonException exception)
        {
            throw Invalid($"filter is not JSON (byte {exception.BytePositionInLine + 1}).");
        }
    }

    private static Filter FromObject(ResourceDescriptor resource, JsonElement json, ref int budget)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw Invalid("A filter is a JSON object such as {\"total\":{\"$gte\":5}}.");
        var parts = ImmutableArray.CreateBuilder<Filter>();
        foreach (var member in json.EnumerateObject())
        {
            if (--budget < 0)
                throw Invalid($"A filter may have {MaxConditions} conditions.");
            parts.Add(member.Name switch
            {
                "$and" => new Filter.And(Many(resource, member.Value, ref budget)),
                "$or" => new Filter.Or(Many(resource, member.Value, ref budget)),
                "$not" => new Filter.Not(FromObject(resource, member.Value, ref budget)),
                _ => OfField(resource, member),
            });
        }
        return parts.Count == 1 ? parts[0] : new Filter.And(parts.ToImmutable());
    }

    private static ImmutableArray<Filter> Many(ResourceDescriptor resource, JsonElement json, ref int budget)
    {
        if (json.ValueKind != JsonValueKind.Array)
            throw Invalid("$and and $or take an array of filters.");
        var parts = ImmutableArray.CreateBuilder<Filter>(json.GetArrayLength());
        foreach (var element in json.EnumerateArray())
            parts.Add(FromObject(resource, element, ref budget));
        return parts.ToImmutable();
    }

    private static Filter OfField(ResourceDescriptor resource, JsonProperty member)
    {
        _ = FieldPaths.Get(resource, member.Name);
        if (member.Value.ValueKind != JsonValueKind.Object)
            return new Filter.Compare(member.Name, FilterOperator.Equal, Scalar(member.Name, member.Value));
        var parts = member.Value.EnumerateObject().Select(o => OfOperator(member.Name, o)).ToImmutableArray();
        return parts.Length == 1 ? parts[0] : new Filter.And(parts);
    }

    private static Filter OfOperator(string path, JsonProperty condition) => condition.Name switch
    {
        "$in" when condition.Value.ValueKind == JsonValueKind.Array => new Filter.In(path, [.. condition.Value.EnumerateArray().Select(v => Scalar(path, v))]),
        "$in" => throw Invalid($"$in of {path} takes an array."),
        _ => new Filter.Compare(path, Operator(condition.Name), Scalar(path, condition.Value)),
    };

    private static JsonElement Scalar(string path, JsonElement value) =>
        value.ValueKind is JsonValueKind.Object or JsonValueKind.Array ? throw Invalid($"{path} can be compared with a single value only.") : value.Clone();

    private static FilterOperator Operator(string name) => name switch
    {
        "$eq" => FilterOperator.Equal,
        "$ne" => FilterOperator.NotEqual,
        "$gt" => FilterOperator.Greater,
        "$gte" => FilterOperator.GreaterOrEqual,
        "$lt" => FilterOperator.Less,
        "$lte" => FilterOperator.LessOrEqual,
        "$prefix" => FilterOperator.Prefix,
        _ => throw Invalid($"There is no operator {name}; there are {Operators}."),
    };

    private static NexusException Invalid(string detail) => new(ErrorCodes.FilterInvalid, detail);
}
