using System.Collections.Immutable;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Nexus;

/// <summary>The JSON form of filters: <c>{"status":"open","total":{"$gte":5},"$or":[{"a.b":1},{"c":{"$in":[1,2]}}]}</c>. Members of one object all hold; a scalar means <c>$eq</c>; an object without operators goes one name deeper.</summary>
public static class FilterJson
{
    /// <summary>Greatest length of the JSON text in bytes.</summary>
    public const int MaxBytes = 65_536;

    /// <summary>Greatest nesting.</summary>
    public const int MaxDepth = 16;

    /// <summary>Greatest number of comparisons.</summary>
    public const int MaxComparisons = 200;

    /// <summary>Greatest number of values of one <c>$in</c>.</summary>
    public const int MaxValues = 1000;

    /// <summary>Greatest length of a path.</summary>
    public const int MaxPath = 200;

    private const string Operators = "$eq, $ne, $gt, $gte, $lt, $lte, $in, $prefix, $decimal, $not, $and, $or";

    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Parses a filter.</summary>
    /// <exception cref="NexusException"><c>FILTER_INVALID</c>, naming the place and what is allowed there.</exception>
    public static Filter Parse(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return Parse(Encoding.UTF8.GetBytes(json));
    }

    /// <inheritdoc cref="Parse(string)"/>
    public static Filter Parse(ReadOnlyMemory<byte> json)
    {
        if (json.Length > MaxBytes)
            throw Invalid("", $"is {json.Length} bytes long; at most {MaxBytes} are allowed");
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = (MaxDepth * 2) + 2 });
            return Parse(document.RootElement);
        }
        catch (JsonException e)
        {
            throw new NexusException(ErrorCodes.FilterInvalid, $"The filter is not well-formed JSON, or is nested too deeply: {e.Message}", e);
        }
    }

    /// <inheritdoc cref="Parse(string)"/>
    public static Filter Parse(JsonElement json)
    {
        var count = 0;
        return ParseObject(json, prefix: "", place: "", depth: 1, ref count);
    }

    /// <summary>Parses the value side of one field, as in <c>filter[total][$gte]=5</c>: a scalar, or an object of operators.</summary>
    /// <exception cref="NexusException"><c>FILTER_INVALID</c>.</exception>
    public static Filter ParseField(string path, JsonElement value)
    {
        var count = 0;
        return ParseMember(CheckPath(path, "/" + path), value, "/" + path, 1, ref count);
    }

    /// <summary>Writes a filter in its JSON form; <see cref="Parse(string)"/> reads it back to an equivalent one.</summary>
    public static string Write(Filter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, WriterOptions))
            Write(writer, filter);
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    private static Filter ParseObject(JsonElement json, string prefix, string place, int depth, ref int count)
    {
        if (depth > MaxDepth)
            throw Invalid(place, $"is nested deeper than {MaxDepth} levels");
        if (json.ValueKind != JsonValueKind.Object)
            throw Invalid(place, $"must be an object, not {Describe(json)}");
        var parts = ImmutableArray.CreateBuilder<Filter>();
        foreach (var member in json.EnumerateObject())
        {
            var at = $"{place}/{member.Name}";
            parts.Add(member.Name switch
            {
                "$and" => new Filter.And(ParseList(member.Value, prefix, at, depth, ref count)),
                "$or" => new Filter.Or(ParseList(member.Value, prefix, at, depth, ref count)),
                "$not" => new Filter.Not(ParseObject(member.Value, prefix, at, depth + 1, ref count)),
                _ when member.Name.StartsWith('$') => throw Invalid(at, $"is not an operator that may stand here; name a field, or use $and, $or or $not. Operators are {Operators}"),
                _ => ParseMember(CheckPath(prefix.Length == 0 ? member.Name : $"{prefix}.{member.Name}", at), member.Value, at, depth, ref count),
            });
        }

        return parts.Count == 1 ? parts[0] : new Filter.And(parts.DrainToImmutable());
    }

    private static ImmutableArray<Filter> ParseList(JsonElement json, string prefix, string place, int depth, ref int count)
    {
        if (json.ValueKind != JsonValueKind.Array)
            throw Invalid(place, $"must be an array of filters, not {Describe(json)}");
        var parts = ImmutableArray.CreateBuilder<Filter>(json.GetArrayLength());
        foreach (var element in json.EnumerateArray())
            parts.Add(ParseObject(element, prefix, $"{place}/{parts.Count}", depth + 1, ref count));
        return parts.DrainToImmutable();
    }

    private static Filter ParseMember(string path, JsonElement value, string place, int depth, ref int count)
    {
        if (depth > MaxDepth)
            throw Invalid(place, $"is nested deeper than {MaxDepth} levels");
        if (value.ValueKind != JsonValueKind.Object)
            return new Filter.Compare(path, FilterOperator.Equal, Scalar(value, place, ref count));
        if (!value.EnumerateObject().MoveNext())
            throw Invalid(place, $"is empty; give a value or an operator. Operators are {Operators}");
        if (!value.EnumerateObject().Any(m => m.Name.StartsWith('$')))
            return ParseObject(value, path, place, depth + 1, ref count);

        var parts = ImmutableArray.CreateBuilder<Filter>();
        foreach (var member in value.EnumerateObject())
            parts.Add(ParseOperator(path, member.Name, member.Value, $"{place}/{member.Name}", depth, ref count));
        return parts.Count == 1 ? parts[0] : new Filter.And(parts.DrainToImmutable());
    }

    private static Filter ParseOperator(string path, string name, JsonElement value, string place, int depth, ref int count)
    {
        switch (name)
        {
            case "$in":
                if (value.ValueKind != JsonValueKind.Array)
                    throw Invalid(place, $"must be an array of values, not {Describe(value)}");
                if (value.GetArrayLength() > MaxValues)
                    throw Invalid(place, $"has {value.GetArrayLength()} values; at most {MaxValues} are allowed");
                var values = ImmutableArray.CreateBuilder<JsonElement>(value.GetArrayLength());
                var ignored = 0;
                foreach (var element in value.EnumerateArray())
                    values.Add(Scalar(element, $"{place}/{values.Count}", ref ignored, counted: false));
                Count(place, ref count);
                return new Filter.In(path, values.DrainToImmutable());
            case "$not":
                return new Filter.Not(ParseMember(path, value, place, depth + 1, ref count));
            case "$decimal":
                return Decimal(path, value, place, ref count);
            case "$prefix":
                if (value.ValueKind != JsonValueKind.String)
                    throw Invalid(place, $"must be text, not {Describe(value)}");
                return new Filter.Compare(path, FilterOperator.Prefix, Scalar(value, place, ref count));
            default:
                return new Filter.Compare(path, Comparison(name, place), Scalar(value, place, ref count));
        }
    }

    private static FilterOperator Comparison(string name, string place) => name switch
    {
        "$eq" => FilterOperator.Equal,
        "$ne" => FilterOperator.NotEqual,
        "$gt" => FilterOperator.Greater,
        "$gte" => FilterOperator.GreaterOrEqual,
        "$lt" => FilterOperator.Less,
        "$lte" => FilterOperator.LessOrEqual,
        _ => throw Invalid(place, $"is not an operator. Operators are {Operators}"),
    };

    private static Filter Decimal(string path, JsonElement value, string place, ref int count)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw Invalid(place, $"must be an object such as {{\"$gte\":\"12.30\"}}, not {Describe(value)}");
        var parts = ImmutableArray.CreateBuilder<Filter>();
        foreach (var member in value.EnumerateObject())
        {
            var text = member.Value.ValueKind == JsonValueKind.Number ? member.Value.GetRawText() : member.Value.ValueKind == JsonValueKind.String ? member.Value.GetString() : null;
            if (!DecimalText.TryRead(text, out var number))
                throw Invalid($"{place}/{member.Name}", "must be a decimal such as \"12.30\"");
            Count(place, ref count);
            parts.Add(new Filter.Number(path, Comparison(member.Name, $"{place}/{member.Name}"), number));
        }

        return parts.Count == 1 ? parts[0] : new Filter.And(parts.DrainToImmutable());
    }

    private static JsonElement Scalar(JsonElement value, string place, ref int count, bool counted = true)
    {
        if (value.ValueKind is JsonValueKind.Object or JsonValueKind.Array or JsonValueKind.Undefined)
            throw Invalid(place, $"must be text, a number, true, false or null, not {Describe(value)}");
        if (counted)
            Count(place, ref count);
        return value.Clone();
    }

    private static void Count(string place, ref int count)
    {
        if (++count > MaxComparisons)
            throw Invalid(place, $"is one comparison too many; at most {MaxComparisons} are allowed");
    }

    /// <summary>Names are those that every engine can address without quoting rules of its own: no quotes, brackets, backslashes or control characters.</summary>
    private static string CheckPath(string path, string place)
    {
        if (path.Length is 0 or > MaxPath)
            throw Invalid(place, $"must be a path of 1 to {MaxPath} characters");
        foreach (var part in path.Split('.'))
        {
            if (part.Length == 0)
                throw Invalid(place, $"is the path '{path}', which has an empty name");
            foreach (var c in part)
            {
                if (!char.IsLetterOrDigit(c) && c is not ('_' or '-' or '$'))
                    throw Invalid(place, $"is the path '{path}', which has the character '{c}'; names are made of letters, digits, '_', '-' and '$'");
            }
        }

        return path;
    }

    private static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "text",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        JsonValueKind.Undefined => "nothing",
        _ => "a boolean",
    };

    private static NexusException Invalid(string place, string what) =>
        new(ErrorCodes.FilterInvalid, $"The filter at {(place.Length == 0 ? "its root" : place)} {what}.");

    private static void Write(Utf8JsonWriter writer, Filter filter)
    {
        writer.WriteStartObject();
        switch (filter)
        {
            case Filter.Compare compare:
                writer.WriteStartObject(compare.Path);
                writer.WritePropertyName(Name(compare.Operator));
                compare.Value.WriteTo(writer);
                writer.WriteEndObject();
                break;
            case Filter.Number number:
                writer.WriteStartObject(number.Path);
                writer.WriteStartObject("$decimal");
                writer.WriteString(Name(number.Operator), number.Value.ToString(System.Globalization.CultureInfo.InvariantCulture));
                writer.WriteEndObject();
                writer.WriteEndObject();
                break;
            case Filter.In list:
                writer.WriteStartObject(list.Path);
                writer.WriteStartArray("$in");
                foreach (var value in list.Values)
                    value.WriteTo(writer);
                writer.WriteEndArray();
                writer.WriteEndObject();
                break;
            case Filter.And all:
                WriteList(writer, "$and", all.Parts);
                break;
            case Filter.Or any:
                WriteList(writer, "$or", any.Parts);
                break;
            case Filter.Not not:
                writer.WritePropertyName("$not");
                Write(writer, not.Part);
                break;
        }

        writer.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter writer, string name, ImmutableArray<Filter> parts)
    {
        writer.WriteStartArray(name);
        foreach (var part in parts)
            Write(writer, part);
        writer.WriteEndArray();
    }

    private static string Name(FilterOperator comparison) => comparison switch
    {
        FilterOperator.Equal => "$eq",
        FilterOperator.NotEqual => "$ne",
        FilterOperator.Greater => "$gt",
        FilterOperator.GreaterOrEqual => "$gte",
        FilterOperator.Less => "$lt",
        FilterOperator.LessOrEqual => "$lte",
        _ => "$prefix",
    };
}
