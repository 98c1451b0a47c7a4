using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;
using Nexus.Gateway.Grpc.Schema;

namespace Nexus.Gateway.Grpc.Wire;

/// <summary>Reads a message, by its type, as JSON of the platform. Fields that the type does not have are passed over.</summary>
internal static class ProtoToJson
{
    private const int MaxDepth = 60;

    // Nobody sees this form: the pipeline reads it.
    private static readonly JsonWriterOptions Form = new() { SkipValidation = true, MaxDepth = 1000, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The message as UTF-8 JSON.</summary>
    /// <exception cref="ProtoException">It is no message of the type.</exception>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c>: an enum has no such value.</exception>
    public static ReadOnlyMemory<byte> Read(ProtoMessage type, ReadOnlySpan<byte> message)
    {
        var buffer = new ArrayBufferWriter<byte>(Math.Max(64, message.Length * 2));
        using (var json = new Utf8JsonWriter(buffer, Form))
            Write(json, type, message, "", 0);
        return buffer.WrittenMemory;
    }

    private static void Write(Utf8JsonWriter json, ProtoMessage type, ReadOnlySpan<byte> message, string path, int depth)
    {
        if (depth > MaxDepth)
            throw new ProtoException("it is nested too deeply");
        switch (type.Form)
        {
            case ProtoForm.Struct: WriteStruct(json, type, message, path, depth); break;
            case ProtoForm.Value: WriteValue(json, type, message, path, depth); break;
            case ProtoForm.ListValue: WriteListValue(json, type, message, path, depth); break;
            case ProtoForm.Timestamp: WriteTimestamp(json, message); break;
            default: WriteObject(json, type, message, path, depth); break;
        }
    }

    private static void WriteObject(Utf8JsonWriter json, ProtoMessage type, ReadOnlySpan<byte> message, string path, int depth)
    {
        var places = Places(type, message);
        json.WriteStartObject();
        foreach (var field in type.Fields)
        {
            if (!places.TryGetValue(field.Number, out var found) || (field.Kind == ProtoKind.Enum && !field.IsRepeated && IsUnset(field, message[found[^1]])))
                continue;
            json.WritePropertyName(field.JsonName);
            var at = $"{path}/{field.JsonName}";
            if (field.IsMap)
                WriteMap(json, field, message, found, at, depth);
            else if (field.IsRepeated)
                WriteList(json, field, message, found, at, depth);
            else if (field.Kind == ProtoKind.Message && found.Count > 1)
                // Parts of one message that came apart are one message; joined, they read as one.
                Write(json, field.Message!, Join(message, found), at, depth + 1);
            else
                WriteField(json, field, message[found[^1]], at, depth);
        }
        json.WriteEndObject();
    }

    /// <summary>Where the values of each known field lie, numbers included in their layout's own bytes.</summary>
    private static Dictionary<int, List<Range>> Places(ProtoMessage type, ReadOnlySpan<byte> message)
    {
        var places = new Dictionary<int, List<Range>>();
        var reader = new ProtoReader(message);
        while (reader.TryReadTag(out var number, out var wire))
        {
            var field = type.Find(number);
            var expected = field?.Kind switch { null => wire, ProtoKind.Double => WireType.Fixed64, ProtoKind.Text or ProtoKind.Bytes or ProtoKind.Message => WireType.Bytes, _ => WireType.Varint };
            if (wire != expected && !(wire == WireType.Bytes && field is { IsRepeated: true }))
                throw new ProtoException($"the field {type.FullName}.{field!.Name} has another kind");
            var start = reader.Position;
            if (field is null)
            {
                reader.Skip(number, wire);
                continue;
            }
            if (!places.TryGetValue(number, out var found))
                places[number] = found = [];
            if (wire == WireType.Bytes)
            {
                var value = reader.Bytes();
                start = reader.Position - value.Length;
                if (expected != WireType.Bytes)
                {
                    Unpack(value, expected, start, found);
                    continue;
                }
            }
            else
            {
                reader.Skip(number, wire);
            }
            found.Add(start..reader.Position);
        }
        return places;
    }

    private static void Unpack(ReadOnlySpan<byte> packed, WireType wire, int offset, List<Range> found)
    {
        var reader = new ProtoReader(packed);
        while (reader.Position < packed.Length)
        {
            var start = reader.Position;
            reader.Skip(0, wire);
            found.Add((offset + start)..(offset + reader.Position));
        }
    }

    private static byte[] Join(ReadOnlySpan<byte> message, List<Range> parts)
    {
        var joined = new ArrayBufferWriter<byte>();
        foreach (var part in parts)
            joined.Write(message[part]);
        return joined.WrittenSpan.ToArray();
    }

    private static void WriteList(Utf8JsonWriter json, ProtoField field, ReadOnlySpan<byte> message, List<Range> found, string path, int depth)
    {
        json.WriteStartArray();
        for (var i = 0; i < found.Count; i++)
            WriteField(json, field, message[found[i]], $"{path}/{i}", depth);
        json.WriteEndArray();
    }

    private static void WriteMap(Utf8JsonWriter json, ProtoField field, ReadOnlySpan<byte> message, List<Range> found, string path, int depth)
    {
        var value = field.Message!.Find(2)!;
        json.WriteStartObject();
        foreach (var range in found)
        {
            var entry = message[range];
            var places = Places(field.Message, entry);
            var key = places.TryGetValue(1, out var keys) ? Text(entry[keys[^1]]) : [];
            json.WritePropertyName(key);
            if (places.TryGetValue(2, out var values))
                WriteField(json, value, entry[values[^1]], path, depth);
            else
                WriteNothing(json, value, path, depth);
        }
        json.WriteEndObject();
    }

    private static void WriteField(Utf8JsonWriter json, ProtoField field, ReadOnlySpan<byte> value, string path, int depth)
    {
        var reader = new ProtoReader(value);
        switch (field.Kind)
        {
            case ProtoKind.Message: Write(json, field.Message!, value, path, depth + 1); break;
            case ProtoKind.Text: json.WriteStringValue(Text(value)); break;
            case ProtoKind.Bytes: json.WriteBase64StringValue(value); break;
            case ProtoKind.Bool: json.WriteBooleanValue(reader.Varint() != 0); break;
            case ProtoKind.Double: WriteNumber(json, BitConverter.UInt64BitsToDouble(reader.Fixed64())); break;
            case ProtoKind.Int32: json.WriteNumberValue((int)reader.Varint()); break;
            case ProtoKind.Int64: json.WriteNumberValue((long)reader.Varint()); break;
            default: WriteEnum(json, field.Enum!, (int)reader.Varint(), path); break;
        }
    }

    /// <summary>A value of a map that was left out is its kind's zero.</summary>
    private static void WriteNothing(Utf8JsonWriter json, ProtoField field, string path, int depth)
    {
        if (field.Kind is ProtoKind.Message or ProtoKind.Text or ProtoKind.Bytes)
            WriteField(json, field, [], path, depth);
        else
            WriteField(json, field, field.Kind == ProtoKind.Double ? stackalloc byte[8] : stackalloc byte[1], path, depth);
    }

    private static bool IsUnset(ProtoField field, ReadOnlySpan<byte> value) => new ProtoReader(value).Varint() is 0 && field.Enum!.Values.Exists(one => one is { Number: 0, Word: null });

    private static void WriteEnum(Utf8JsonWriter json, ProtoEnum type, int number, string path)
    {
        foreach (var value in type.Values)
        {
            if (value.Number == number && value.Word is { } word)
            {
                json.WriteStringValue(word);
                return;
            }
        }
        var words = string.Join(", ", type.Values.Where(v => v.Word is not null).Select(v => v.Name));
        throw new NexusException(ErrorCodes.ValidationError, $"{type.FullName} has no value {number}.") { Errors = [new FieldError(path, "choice", $"{type.FullName} has no value {number}; it has {words}.")] };
    }

    private static void WriteNumber(Utf8JsonWriter json, double number)
    {
        if (!double.IsFinite(number))
            throw new NexusException(ErrorCodes.BadRequest, "A number is neither infinite nor no number.");
        if (number == Math.Floor(number) && Math.Abs(number) < 1L << 53)
            json.WriteNumberValue((long)number);
        else
            json.WriteNumberValue(number);
    }

    private static ReadOnlySpan<byte> Text(ReadOnlySpan<byte> value) => Utf8.IsValid(value) ? value : throw new ProtoException("a text is not UTF-8");

    private static void WriteStruct(Utf8JsonWriter json, ProtoMessage type, ReadOnlySpan<byte> message, string path, int depth)
    {
        if (Places(type, message).TryGetValue(1, out var found))
        {
            WriteMap(json, type.Find(1)!, message, found, path, depth);
            return;
        }
        json.WriteStartObject();
        json.WriteEndObject();
    }

    private static void WriteListValue(Utf8JsonWriter json, ProtoMessage type, ReadOnlySpan<byte> message, string path, int depth) =>
        WriteList(json, type.Find(1)!, message, Places(type, message).GetValueOrDefault(1) ?? [], path, depth);

    private static void WriteValue(Utf8JsonWriter json, ProtoMessage type, ReadOnlySpan<byte> message, string path, int depth)
    {
        // Of several kinds the last one counts, as in every oneof.
        var (last, field) = (default(Range), (ProtoField?)null);
        foreach (var (number, found) in Places(type, message))
        {
            if (field is null || found[^1].Start.Value > last.Start.Value)
                (last, field) = (found[^1], type.Find(number));
        }
        if (field is null || field.Number == 1)
            json.WriteNullValue();
        else
            WriteField(json, field, message[last], path, depth);
    }

    private static void WriteTimestamp(Utf8JsonWriter json, ReadOnlySpan<byte> message)
    {
        var (seconds, nanos) = (0L, 0L);
        var reader = new ProtoReader(message);
        while (reader.TryReadTag(out var number, out var wire))
        {
            if (number == 1 && wire == WireType.Varint)
                seconds = (long)reader.Varint();
            else if (number == 2 && wire == WireType.Varint)
                nanos = (long)reader.Varint();
            else
                reader.Skip(number, wire);
        }
        if (seconds is < -62_135_596_800 or > 253_402_300_799 || nanos is < 0 or > 999_999_999)
            throw new NexusException(ErrorCodes.BadRequest, "An instant lies between the years 1 and 9999, and its nanoseconds are 0 to 999999999.");
        json.WriteStringValue(DateTimeOffset.UnixEpoch.AddTicks((seconds * TimeSpan.TicksPerSecond) + (nanos / 100)).UtcDateTime);
    }
}
