using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Nexus;

/// <summary>The codec of types that the generator did not see. Its options are its own: equal options share one cache of types, and a shared cache would keep plugins alive through each other.</summary>
internal sealed class ReflectionCodec<T> : JsonCodec<T>
{
    private readonly JsonTypeInfo<T> _type = (JsonTypeInfo<T>)CreateOptions().GetTypeInfo(typeof(T));

    public override void Write(Utf8JsonWriter writer, T? value) => JsonSerializer.Serialize(writer, value!, _type);

    public override T? Read(ref Utf8JsonReader reader) => JsonSerializer.Deserialize(ref reader, _type);

    private static JsonSerializerOptions CreateOptions()
    {
        var options = JsonWire.CreateOptions();
        options.TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { JsonWire.LeaveOutComputed } };
        return options;
    }
}
