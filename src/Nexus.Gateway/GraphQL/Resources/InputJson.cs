using System.Buffers;
using System.Text.Json;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>Writes coerced input as the JSON that the resource pipeline reads.</summary>
internal static class InputJson
{
    /// <summary>The fields that were given, under their wire names.</summary>
    public static ReadOnlyMemory<byte> Write(IEnumerable<FieldDescriptor> fields, object? input, string? id = null)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer))
            WriteFields(json, fields, (Dictionary<string, object?>?)input ?? [], id);
        return buffer.WrittenMemory;
    }

    /// <summary>One value of a field as JSON.</summary>
    public static JsonElement Element(FieldDescriptor field, object? value)
    {
        var buffer = new ArrayBufferWriter<byte>(64);
        using (var json = new Utf8JsonWriter(buffer))
            Write(json, field, value);
        return JsonElement.Parse(buffer.WrittenSpan);
    }

    private static void WriteFields(Utf8JsonWriter json, IEnumerable<FieldDescriptor> fields, Dictionary<string, object?> input, string? id)
    {
        json.WriteStartObject();
        if (id is not null)
            json.WriteString("id", id);
        foreach (var field in fields)
        {
            if (!input.TryGetValue(GraphNames.Value(field), out var value))
                continue;
            json.WritePropertyName(field.Name);
            Write(json, field, value);
        }
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, FieldDescriptor field, object? value)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case string text: json.WriteStringValue(text); break;
            case bool yes: json.WriteBooleanValue(yes); break;
            case int number: json.WriteNumberValue(number); break;
            case long number: json.WriteNumberValue(number); break;
            case double number: json.WriteNumberValue(number); break;
            case JsonElement element: element.WriteTo(json); break;
            case object?[] list:
                json.WriteStartArray();
                foreach (var element in list)
                    Write(json, field.Element ?? field, element);
                json.WriteEndArray();
                break;
            case Dictionary<string, object?> { } money when field.Kind == FieldKind.Money:
                json.WriteStartObject();
                // Exact only as text.
                json.WriteString("amount", money["amount"] is JsonElement amount ? amount.ToString() : "");
                json.WriteString("currency", (string)money["currency"]!);
                json.WriteEndObject();
                break;
            case Dictionary<string, object?> group: WriteFields(json, field.Fields, group, null); break;
            default: throw new InvalidOperationException($"An input scalar read a {value.GetType()}.");
        }
    }
}
