using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;

namespace Nexus.Data.Resources;

/// <summary>Checks filters and sorts against a descriptor and brings their values to the stored form.</summary>
internal sealed class QueryCheck(ResourceDescriptor resource)
{
    private const FieldKind JsonInside = FieldKind.Json;

    private static readonly System.Buffers.SearchValues<char> NumberCharacters = System.Buffers.SearchValues.Create("+-0123456789.eE");

    /// <summary>The filter with canonical values.</summary>
    /// <exception cref="NexusException"><c>FILTER_INVALID</c>, naming the allowed fields, operators or form.</exception>
    public Filter Check(Filter filter) => filter switch
    {
        Filter.And all => new Filter.And([.. all.Parts.Select(Check)]),
        Filter.Or any => new Filter.Or([.. any.Parts.Select(Check)]),
        Filter.Not not => new Filter.Not(Check(not.Part)),
        Filter.In list when KindOf(list.Path) is var kind => list with { Values = [.. list.Values.Select(v => Value(list.Path, kind, v))] },
        Filter.Compare compare => Check(compare),
        _ => throw Invalid("The filter has a part that is not known."),
    };

    public ImmutableArray<SortKey> Check(ImmutableArray<SortKey> sort)
    {
        foreach (var key in sort.IsDefault ? [] : sort)
        {
            if (KindOf(key.Field) is FieldKind.List or FieldKind.Map or FieldKind.Group or FieldKind.Money or FieldKind.Duration)
            {
                throw Invalid($"`{key.Field}` has no order to sort by.");
            }
        }

        return sort.IsDefault ? [] : sort;
    }

    private Filter.Compare Check(Filter.Compare compare)
    {
        var kind = KindOf(compare.Path);
        bool equality = compare.Operator is FilterOperator.Equal or FilterOperator.NotEqual;
        bool allowed = equality || kind switch
        {
            FieldKind.Text or FieldKind.Multiline or JsonInside => true,
            FieldKind.Integer or FieldKind.Decimal or FieldKind.Real or FieldKind.Date or FieldKind.Time or FieldKind.Instant => compare.Operator != FilterOperator.Prefix,
            FieldKind.Choice => compare.Operator == FilterOperator.Prefix,
            FieldKind.Identifier => compare.Operator != FilterOperator.Prefix,
            _ => false,
        };
        if (!allowed)
        {
            string operators = kind switch
            {
                FieldKind.Choice => "$eq, $ne, $in, $prefix",
                FieldKind.Integer or FieldKind.Decimal or FieldKind.Real or FieldKind.Date or FieldKind.Time or FieldKind.Instant or FieldKind.Identifier => "$eq, $ne, $gt, $gte, $lt, $lte, $in",
                _ => "$eq, $ne, $in",
            };
            throw Invalid($"`{compare.Path}` is compared with {operators} only.");
        }

        return compare with { Value = compare.Operator == FilterOperator.Prefix ? compare.Value : Value(compare.Path, kind, compare.Value) };
    }

    private FieldKind KindOf(string path)
    {
        string[] segments = path.Split('.');
        if (segments.Length == 1 && PlatformKind(path) is { } own)
        {
            return own;
        }

        var fields = resource.Fields;
        FieldDescriptor? field = null;
        for (int i = 0; i < segments.Length; i++)
        {
            field = fields.FirstOrDefault(f => f.Name == segments[i] && !f.Secret);
            bool last = i == segments.Length - 1;
            switch (field?.Kind)
            {
                case null:
                    throw Invalid($"`{path}` is not a field of {resource.Name}; fields are {string.Join(", ", Names())}.{Spelling.Suggest(path, Names())}");
                case FieldKind.Group when !last:
                    fields = field.Fields;
                    break;
                case FieldKind.Json when !last:
                    return JsonInside;
                case FieldKind.Map when !last:
                    return i == segments.Length - 2 ? field.Element!.Kind : JsonInside;
                case FieldKind.Money when i == segments.Length - 2:
                    return segments[^1] is "amount" or "currency" ? FieldKind.Choice : throw Invalid($"`{path}`: money has amount and currency.");
                default:
                    if (!last)
                    {
                        throw Invalid($"`{path}`: `{field.Name}` has no parts.");
                    }

                    break;
            }
        }

        return field!.Kind;
    }

    private IEnumerable<string> Names() => resource.Fields.Where(f => !f.Secret).Select(f => f.Name).Concat(["id", "revision", "owner", "team", "createdAt", "updatedAt"]);

    private static FieldKind? PlatformKind(string name) => name switch
    {
        "id" => FieldKind.Identifier,
        "revision" => FieldKind.Integer,
        "owner" or "team" => FieldKind.Text,
        "createdAt" or "updatedAt" => FieldKind.Instant,
        _ => null,
    };

    // Query strings carry text only, so text that reads as the field's kind is taken as such.
    private static JsonElement Value(string path, FieldKind kind, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Null || kind == JsonInside)
        {
            return value;
        }

        string? text = value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        switch (kind)
        {
            case FieldKind.Integer or FieldKind.Decimal or FieldKind.Real:
                if (value.ValueKind == JsonValueKind.Number)
                {
                    return value;
                }

                return text is not null && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double real) && double.IsFinite(real) && !text.AsSpan().ContainsAnyExcept(NumberCharacters)
                    ? WireFormats.TryDecimal(text, out decimal exact) ? JsonSerializer.SerializeToElement(exact) : JsonSerializer.SerializeToElement(real)
                    : throw Invalid($"`{path}` is compared with numbers, not {value.GetRawText()}.");
            case FieldKind.Boolean:
                return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value
                    : text is "true" or "false" ? JsonSerializer.SerializeToElement(text == "true")
                    : throw Invalid($"`{path}` is compared with true or false, not {value.GetRawText()}.");
            case FieldKind.Text or FieldKind.Multiline or FieldKind.Choice:
                return text is not null ? value
                    : value.ValueKind == JsonValueKind.Number ? JsonSerializer.SerializeToElement(value.GetRawText())
                    : throw Invalid($"`{path}` is compared with text, not {value.GetRawText()}.");
            case FieldKind.List or FieldKind.Group or FieldKind.Map or FieldKind.Money:
                throw Invalid($"`{path}` is compared with null only; name a part of it with a dot.");
            default:
                return text is not null && FieldWriter.TryCanonical(kind, text, out string canonical)
                    ? JsonSerializer.SerializeToElement(canonical)
                    : throw Invalid($"`{path}` is compared with {FieldWriter.FormOf(kind)}, not {value.GetRawText()}.");
        }
    }

    private static NexusException Invalid(string message) => new(ErrorCodes.FilterInvalid, message);
}
