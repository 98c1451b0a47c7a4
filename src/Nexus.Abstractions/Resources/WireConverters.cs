using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Nexus;

/// <summary>Puts a <see cref="Ref{T}"/> on the wire as its id.</summary>
internal sealed class RefConverterFactory : JsonConverterFactory
{
    public override bool CanConvert(Type typeToConvert) =>
        typeToConvert.IsGenericType && typeToConvert.GetGenericTypeDefinition() == typeof(Ref<>);

    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(RefConverter<>).MakeGenericType(typeToConvert.GetGenericArguments()))!;

    private sealed class RefConverter<T> : JsonConverter<Ref<T>>
        where T : Resource
    {
        public override Ref<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetGuid());

        public override void Write(Utf8JsonWriter writer, Ref<T> value, JsonSerializerOptions options) => writer.WriteStringValue(value.Id);
    }
}

/// <summary>Puts <see cref="Money"/> on the wire as <c>{"amount":"12.30","currency":"EUR"}</c>.</summary>
internal sealed class MoneyConverter : JsonConverter<Money>
{
    public override Money Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("Money is an object with amount and currency.");
        }

        decimal amount = 0;
        string currency = "";
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("amount"u8))
            {
                reader.Read();
                amount = reader.TokenType == JsonTokenType.String
                    ? decimal.Parse(reader.GetString()!, NumberStyles.Float, CultureInfo.InvariantCulture)
                    : reader.GetDecimal();
            }
            else if (reader.ValueTextEquals("currency"u8))
            {
                reader.Read();
                currency = reader.GetString() ?? "";
            }
            else
            {
                reader.Skip();
            }
        }

        return new(amount, currency);
    }

    public override void Write(Utf8JsonWriter writer, Money value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        writer.WriteString("amount"u8, value.Amount.ToString(CultureInfo.InvariantCulture));
        writer.WriteString("currency"u8, value.Currency);
        writer.WriteEndObject();
    }
}
