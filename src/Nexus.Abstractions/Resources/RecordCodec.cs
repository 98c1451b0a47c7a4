using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Nexus;

/// <summary>Turns records of one resource into JSON and back. Lives in the plugin's own provider, so that no host object keeps a plugin type.</summary>
/// <typeparam name="T">The record type.</typeparam>
/// <param name="resource">Name of the resource.</param>
public sealed class RecordCodec<T>(string resource)
    where T : Resource
{
    private readonly Lazy<JsonSerializerOptions> options = new(RecordJson.CreateOptions);

    /// <summary>Name of the resource that <typeparamref name="T"/> is declared as.</summary>
    public string Resource { get; } = resource;

    /// <summary>The declared fields of a record as UTF-8 JSON; the platform's own fields are left out.</summary>
    public ReadOnlyMemory<byte> Write(T record)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer, JsonWire.WriterOptions))
        {
            if (!JsonCodec.For<T>().TryWriteFields(writer, record))
            {
                JsonSerializer.Serialize(writer, record, options.Value);
            }
        }

        return buffer.WrittenMemory;
    }

    /// <summary>Reads the wire form, platform fields included.</summary>
    /// <exception cref="JsonException">The JSON is not such a record.</exception>
    public T Read(ReadOnlyMemory<byte> json) => Read<T>(json);

    internal TValue Read<TValue>(ReadOnlyMemory<byte> json) =>
        JsonCodec.For<TValue>().Deserialize(json.Span) ?? throw new JsonException($"{typeof(TValue).Name} of {Resource} is null.");
}

/// <summary>How CLR records meet the wire form.</summary>
internal static class RecordJson
{
    public static JsonSerializerOptions CreateOptions()
    {
        var options = JsonWire.CreateOptions();
        options.TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { KeepDeclaredFields } };
        return options;
    }

    // The platform writes its own fields, and computed properties are not stored: a record's JSON is its declared fields.
    private static void KeepDeclaredFields(JsonTypeInfo type)
    {
        if (type.Kind != JsonTypeInfoKind.Object)
        {
            return;
        }

        foreach (var property in type.Properties)
        {
            bool platform = property.AttributeProvider is System.Reflection.PropertyInfo info && info.DeclaringType == typeof(Resource);
            if (platform || (property.Set is null && property.AssociatedParameter is null))
            {
                property.ShouldSerialize = static (_, _) => false;
            }
        }
    }
}
