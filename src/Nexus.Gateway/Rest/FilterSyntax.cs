using System.Collections.Immutable;
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

    /// <summary>The filter of a JSON form.</summary>
    public static Filter FromJson(ResourceDescriptor resource, string text)
    {
        var filter = FilterJson.Parse(text);
        CheckPaths(resource, filter);
        return filter;
    }

    private static void CheckPaths(ResourceDescriptor resource, Filter filter)
    {
        switch (filter)
        {
            case Filter.Compare compare:
                _ = FieldPaths.Get(resource, compare.Path);
                break;
            case Filter.Number number:
                _ = FieldPaths.Get(resource, number.Path);
                break;
            case Filter.In list:
                _ = FieldPaths.Get(resource, list.Path);
                break;
            case Filter.And all:
                all.Parts.ToList().ForEach(part => CheckPaths(resource, part));
                break;
            case Filter.Or any:
                any.Parts.ToList().ForEach(part => CheckPaths(resource, part));
                break;
            case Filter.Not not:
                CheckPaths(resource, not.Part);
                break;
        }
    }

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
