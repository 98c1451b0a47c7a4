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
        Filter.In list when MoneyPart(list.Path) is { } part => new Filter.Or([.. list.Values.Select(v => Money(list.Path, part, FilterOperator.Equal, v))]),
        Filter.Compare compare when MoneyPart(compare.Path) is { } part => Money(compare.Path, part, compare.Operator, compare.Value),
        Filter.In list when KindOf(list.Path) is var kind => list with { Values = [.. list.Values.Select(v => Value(list.Path, kind, v))] },
        Filter.Compare compare => Check(compare),
        Filter.Number number when MoneyPart(number.Path) is "amount" || KindOf(number.Path) is FieldKind.Text or JsonInside => number,
        Filter.Number number => throw Invalid($"`{number.Path}` holds no decimals as text; compare it without $decimal."),
        _ => throw Invalid("The filter has a part that is not known."),
    };

    public ImmutableArray<SortKey> Check(ImmutableArray<SortKey> sort)
    {
        var keys = ImmutableArray.CreateBuilder<SortKey>();
        foreach (var key in sort.IsDefault ? [] : sort)
        {
            if (MoneyPart(key.Field) is { } part)
            {
                // Amounts of two currencies have no order between them, so the currency comes first.
                if (part.Length == 0)
                {
                    keys.Add(key with { Field = key.Field + ".currency" });
                }

                keys.Add(key with { Field = part.Length == 0 ? key.Field + ".amount" : key.Field, Decimal = true });
                continue;
            }

            keys.Add(KindOf(key.Field) is not (FieldKind.List or FieldKind.Map or FieldKind.Group or FieldKind.Duration) ? key : throw Invalid($"`{key.Field}` has no order to sort by."));
        }

        return keys.DrainToImmutable();
    }

    /// <summary>Empty when the path is money, <c>amount</c> when it is the amount of it, else null.</summary>
    private string? MoneyPart(string path) =>
        KindOf(path) == FieldKind.Money ? ""
        : path.EndsWith(".amount", StringComparison.Ordinal) && IsMoney(path[..^".amount".Length]) ? "amount"
        : null;

    private bool IsMoney(string path)
    {
        try
        {
            return KindOf(path) == FieldKind.Money;
        }
        catch (NexusException)
        {
            // A part of another field that happens to be called amount.
            return false;
        }
    }

    /// <summary>Money compares within its currency: <c>12.30 EUR</c> is neither above nor below any amount of dollars. An amount alone compares by its number.</summary>
    private static Filter Money(string path, string part, FilterOperator comparison, JsonElement value)
    {
        string text = value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!,
            JsonValueKind.Number => value.GetRawText(),
            _ => "",
        };
        if (part.Length > 0)
        {
            return comparison != FilterOperator.Prefix && DecimalText.TryRead(text, out decimal number)
                ? new Filter.Number(path, comparison, number)
                : throw Invalid($"`{path}` is compared with a decimal such as 12.30 by $eq, $ne, $gt, $gte, $lt, $lte, $in, not {value.GetRawText()}.");
        }

        if (value.ValueKind == JsonValueKind.Null && (comparison is FilterOperator.Equal or FilterOperator.NotEqual))
        {
            return new Filter.Compare(path + ".currency", comparison, value);
        }

        string[] words = text.Split(' ');
        if (comparison == FilterOperator.Prefix || words.Length != 2 || !DecimalText.TryRead(words[0], out decimal amount) || words[1].Length == 0)
        {
            throw Invalid($"`{path}` is compared with an amount and its currency, such as `12.30 EUR`, by $eq, $ne, $gt, $gte, $lt, $lte, $in, not {value.GetRawText()}.");
        }

        var same = new Filter.Compare(path + ".currency", FilterOperator.Equal, JsonSerializer.SerializeToElement(words[1]));
        return comparison == FilterOperator.NotEqual
            ? new Filter.Not(new Filter.And([same, new Filter.Number(path + ".amount", FilterOperator.Equal, amount)]))
            : new Filter.And([same, new Filter.Number(path + ".amount", comparison, amount)]);
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

        // What a view refers to may be a view, whose ids are texts.
        return field!.Kind == FieldKind.Reference && resource.View is not null ? FieldKind.Text : field.Kind;
    }

    private IEnumerable<string> Names() => resource.Fields.Where(f => !f.Secret).Select(f => f.Name).Concat(["id", "revision", "owner", "team", "createdAt", "updatedAt"]);

    private FieldKind? PlatformKind(string name) => name switch
    {
        "id" => resource.IdKind,
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
