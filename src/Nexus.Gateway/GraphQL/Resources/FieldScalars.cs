using System.Globalization;
using System.Text.Json;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>Scalars of field kinds that the specification has none for. They leave as they are stored.</summary>
internal static class FieldScalars
{
    /// <summary>A whole number of 64 bits.</summary>
    public static ScalarType Long { get; } = new("Long", "A whole number of 64 bits.")
    {
        SpecifiedBy = "https://www.rfc-editor.org/rfc/rfc8259#section-6",
        ReadLiteral = value => value is IntValue number && long.TryParse(number.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole : throw Refuse("Long", "a whole number of 64 bits", Printer.Print(value)),
        ReadValue = value => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var whole) ? whole : throw Refuse("Long", "a whole number of 64 bits", Inspection.Of(value)),
        Write = value => value,
    };

    /// <summary>An exact decimal.</summary>
    public static ScalarType Decimal { get; } = new("Decimal", "An exact decimal of up to 28 digits, as a number or as text such as \"12.30\".")
    {
        SpecifiedBy = "https://www.rfc-editor.org/rfc/rfc8259#section-6",
        ReadLiteral = value => value switch
        {
            IntValue number => Json(number.Text),
            FloatValue number => Json(number.Text),
            StringValue text when IsDecimal(text.Text) => JsonSerializer.SerializeToElement(text.Text),
            _ => throw Refuse("Decimal", "a decimal", Printer.Print(value)),
        },
        ReadValue = value => value.ValueKind == JsonValueKind.Number || (value.ValueKind == JsonValueKind.String && IsDecimal(value.GetString()!)) ? value : throw Refuse("Decimal", "a decimal", Inspection.Of(value)),
        Write = value => value,
    };

    /// <summary>A calendar date.</summary>
    public static ScalarType Date { get; } = Text("Date", "A calendar date such as 2030-01-31.", "https://www.rfc-editor.org/rfc/rfc3339#section-5.6", text => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _));

    /// <summary>A time of day.</summary>
    public static ScalarType Time { get; } = Text("Time", "A time of day such as 17:30:00.", "https://www.rfc-editor.org/rfc/rfc3339#section-5.6", text => TimeOnly.TryParse(text, CultureInfo.InvariantCulture, out _));

    /// <summary>An instant.</summary>
    public static ScalarType DateTime { get; } = Text("DateTime", "An instant such as 2030-01-31T17:30:00Z.", "https://www.rfc-editor.org/rfc/rfc3339#section-5.6", text => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out _));

    /// <summary>A length of time.</summary>
    public static ScalarType Duration { get; } = Text("Duration", "A length of time: an ISO 8601 duration or [d.]hh:mm:ss.", "https://www.rfc-editor.org/rfc/rfc3339#appendix-A", text => text.Length > 0);

    /// <summary>A UUID.</summary>
    public static ScalarType Uuid { get; } = Text("UUID", "A UUID.", "https://www.rfc-editor.org/rfc/rfc9562", text => Guid.TryParse(text, out _));

    /// <summary>Any JSON.</summary>
    public static ScalarType Any { get; } = new("JSON", "Any JSON value.")
    {
        SpecifiedBy = "https://www.rfc-editor.org/rfc/rfc8259",
        ReadLiteral = value => Json(value),
        ReadValue = value => value,
        Write = value => value,
    };

    private static ScalarType Text(string name, string description, string specification, Func<string, bool> isValid) => new(name, description)
    {
        SpecifiedBy = specification,
        ReadLiteral = value => value is StringValue text && isValid(text.Text) ? text.Text : throw Refuse(name, description, Printer.Print(value)),
        ReadValue = value => value.ValueKind == JsonValueKind.String && isValid(value.GetString()!) ? value.GetString() : throw Refuse(name, description, Inspection.Of(value)),
        Write = value => value,
    };

    private static bool IsDecimal(string text) => decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out _);

    private static ScalarException Refuse(string scalar, string form, string found) => new($"{scalar} is {form.TrimEnd('.')}, found: {found}.");

    private static JsonElement Json(string text) => JsonElement.Parse(text);

    private static JsonElement Json(ValueNode value)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
            Write(json, value);
        return JsonElement.Parse(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter json, ValueNode value)
    {
        switch (value)
        {
            case IntValue number: json.WriteRawValue(number.Text); break;
            case FloatValue number: json.WriteRawValue(number.Text); break;
            case StringValue text: json.WriteStringValue(text.Text); break;
            case BooleanValue answer: json.WriteBooleanValue(answer.Value); break;
            case EnumValue word: json.WriteStringValue(word.Name); break;
            case ListValue list:
                json.WriteStartArray();
                foreach (var element in list.Elements)
                    Write(json, element);
                json.WriteEndArray();
                break;
            case ObjectValue fields:
                json.WriteStartObject();
                foreach (var field in fields.Fields)
                {
                    json.WritePropertyName(field.Name.Text);
                    Write(json, field.Value);
                }
                json.WriteEndObject();
                break;
            default: json.WriteNullValue(); break;
        }
    }
}
