using System.Buffers;
using System.Reflection;
using System.Text.Json;

namespace Nexus;

/// <summary>Reads and writes the wire form of one type: camelCase names of the members that can be read back, enum members by their declared names, exact decimals, <c>[d.]hh:mm:ss</c> durations, ids for <see cref="Ref{T}"/>. Immutable and thread-safe.</summary>
/// <typeparam name="T">The type.</typeparam>
public abstract class JsonCodec<T>
{
    /// <summary>Writes one value; null as JSON null.</summary>
    public abstract void Write(Utf8JsonWriter writer, T? value);

    /// <summary>Reads one value. The reader stands before it or on its first token, and on its last token after.</summary>
    /// <exception cref="JsonException">The JSON does not have the form of <typeparamref name="T"/>; the path names the member.</exception>
    public abstract T? Read(ref Utf8JsonReader reader);

    /// <summary>Writes a <see cref="Resource"/> without the members that the platform sets; false, and nothing is written, when this codec cannot tell them apart.</summary>
    public virtual bool TryWriteFields(Utf8JsonWriter writer, T value) => false;

    /// <summary>The value as UTF-8 JSON.</summary>
    public byte[] Serialize(T? value)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer, JsonWire.WriterOptions))
            Write(writer, value);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The value of a complete UTF-8 JSON text.</summary>
    /// <exception cref="JsonException">The text is not JSON, has more than one value, or does not have the form of <typeparamref name="T"/>.</exception>
    public T? Deserialize(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        var value = Read(ref reader);
        if (reader.Read())
            throw new JsonException("Nothing may follow the JSON value.");
        return value;
    }
}

/// <summary>Finds the codec of a type.</summary>
public static class JsonCodec
{
    /// <summary>The codec that the source generator made for <typeparamref name="T"/> in its own assembly; else one that works by reflection and has the same wire form. The first call for a type looks it up, later ones cost a static read.</summary>
    public static JsonCodec<T> For<T>() => Found<T>.Codec;

    /// <summary>Statics of a generic over a collectible type belong to that type's load context, so this cache holds no plugin.</summary>
    private static class Found<T>
    {
        internal static readonly JsonCodec<T> Codec =
            typeof(T).Assembly.GetCustomAttribute<GeneratedCodecsAttribute>()?.Find(typeof(T)) as JsonCodec<T> ?? new ReflectionCodec<T>();
    }
}

/// <summary>The codecs that the source generator made in an assembly. Written by the generator alone.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
public abstract class GeneratedCodecsAttribute : Attribute
{
    /// <summary>The <see cref="JsonCodec{T}"/> of a type of the assembly, or null.</summary>
    public abstract object? Find(Type type);
}
