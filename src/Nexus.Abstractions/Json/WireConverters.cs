using System.Text.Json;
using System.Text.Json.Serialization;

namespace Nexus;

/// <summary>Exact decimals for the reflection fallback.</summary>
internal sealed class DecimalConverter : JsonConverter<decimal>
{
    public override decimal Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => JsonWire.ReadDecimal(ref reader);

    public override void Write(Utf8JsonWriter writer, decimal value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
}

/// <summary>Durations for the reflection fallback.</summary>
internal sealed class DurationConverter : JsonConverter<TimeSpan>
{
    public override TimeSpan Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => JsonWire.ReadDuration(ref reader);

    public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options) => JsonWire.WriteDuration(writer, value);
}

/// <summary>Amounts, for every serializer that meets a <see cref="Money"/>.</summary>
internal sealed class MoneyConverter : JsonConverter<Money>
{
    public override Money Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => JsonWire.ReadMoney(ref reader);

    public override void Write(Utf8JsonWriter writer, Money value, JsonSerializerOptions options) => JsonWire.WriteMoney(writer, value);
}

/// <summary>References, for every serializer that meets a <see cref="Ref{T}"/>.</summary>
internal sealed class RefConverterFactory : JsonConverterFactory
{
    public override bool CanConvert(Type typeToConvert) => typeToConvert.IsGenericType && typeToConvert.GetGenericTypeDefinition() == typeof(Ref<>);

    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(RefConverter<>).MakeGenericType(typeToConvert.GetGenericArguments()))!;

    private sealed class RefConverter<T> : JsonConverter<Ref<T>>
        where T : Resource
    {
        public override Ref<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetGuid());

        public override void Write(Utf8JsonWriter writer, Ref<T> value, JsonSerializerOptions options) => writer.WriteStringValue(value.Id);
    }
}
