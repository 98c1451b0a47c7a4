using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;
using Nexus.Gateway.Grpc.Schema;

namespace Nexus.Gateway.Grpc.Wire;

/// <summary>Writes JSON of the platform as a message, by its type. Members that the type does not have are left out.</summary>
internal static class JsonToProto
{
    private const long GreatestExact = 1L << 53;

    /// <summary>Writes an object; the reader stands at its beginning and is left at its end.</summary>
    public static void Write(ProtoWriter to, ProtoMessage type, ref Utf8JsonReader json)
    {
        switch (type.Form)
        {
            case ProtoForm.Struct:
                WriteStruct(to, ref json);
                return;
            case ProtoForm.Value:
                WriteValue(to, ref json);
                return;
            case ProtoForm.ListValue:
                WriteListValue(to, ref json);
                return;
            case ProtoForm.Timestamp:
                WriteTimestamp(to, json.GetString()!);
                return;
            default:
                break;
        }
        if (json.TokenType != JsonTokenType.StartObject)
        {
            json.Skip();
            return;
        }
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var field = Find(type, ref json);
            json.Read();
            if (field is null || (json.TokenType == JsonTokenType.Null && (field.IsRepeated || field.Message is not { Form: ProtoForm.Value })))
                json.Skip();
            else if (field.IsMap)
                WriteMap(to, field, ref json);
            else if (field.IsRepeated && json.TokenType == JsonTokenType.StartArray)
                WriteList(to, field, ref json);
            else
                WriteField(to, field, ref json);
        }
    }

    /// <summary>Writes a JSON object as the fields of a <c>google.protobuf.Struct</c>.</summary>
    public static void WriteStruct(ProtoWriter to, ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 1000 });
        reader.Read();
        WriteStruct(to, ref reader);
    }

    private static ProtoField? Find(ProtoMessage type, ref Utf8JsonReader json)
    {
        foreach (var field in type.Fields)
        {
            if (json.ValueTextEquals(field.Utf8Name))
                return field;
        }
        return null;
    }

    private static void WriteList(ProtoWriter to, ProtoField field, ref Utf8JsonReader json)
    {
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (json.TokenType != JsonTokenType.Null || field.Message is { Form: ProtoForm.Value })
                WriteField(to, field, ref json);
        }
    }

    private static void WriteMap(ProtoWriter to, ProtoField field, ref Utf8JsonReader json)
    {
        var value = field.Message!.Find(2)!;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var entry = to.Begin(field.Number);
            to.Text(1, json.GetString()!);
            json.Read();
            if (json.TokenType != JsonTokenType.Null || value.Message is { Form: ProtoForm.Value })
                WriteField(to, value, ref json);
            to.End(entry);
        }
    }

    private static void WriteField(ProtoWriter to, ProtoField field, ref Utf8JsonReader json)
    {
        switch (field.Kind)
        {
            case ProtoKind.Message:
                var start = to.Begin(field.Number);
                Write(to, field.Message!, ref json);
                to.End(start);
                break;
            case ProtoKind.Enum when json.TokenType == JsonTokenType.String:
                var word = json.GetString();
                foreach (var value in field.Enum!.Values)
                {
                    if (value.Word == word)
                        to.Int64(field.Number, value.Number);
                }
                break;
            case ProtoKind.Bool when json.TokenType is JsonTokenType.True or JsonTokenType.False:
                to.Bool(field.Number, json.GetBoolean());
                break;
            case ProtoKind.Double when json.TokenType == JsonTokenType.Number:
                to.Double(field.Number, json.GetDouble());
                break;
            case ProtoKind.Int64 or ProtoKind.Int32 when json.TokenType == JsonTokenType.Number && json.TryGetInt64(out var whole):
                to.Int64(field.Number, whole);
                break;
            case ProtoKind.Bytes when json.TokenType == JsonTokenType.String:
                to.Bytes(field.Number, json.GetBytesFromBase64());
                break;
            case ProtoKind.Text:
                WriteText(to, field.Number, ref json);
                break;
            default:
                json.Skip();
                break;
        }
    }

    /// <summary>Text; a number keeps all of its digits.</summary>
    private static void WriteText(ProtoWriter to, int number, ref Utf8JsonReader json)
    {
        if (json.TokenType == JsonTokenType.String && !json.ValueIsEscaped)
            to.Bytes(number, json.ValueSpan);
        else if (json.TokenType == JsonTokenType.String)
            to.Text(number, json.GetString()!);
        else if (json.TokenType == JsonTokenType.Number)
            to.Bytes(number, json.ValueSpan);
        else
            json.Skip();
    }

    private static void WriteStruct(ProtoWriter to, ref Utf8JsonReader json)
    {
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var entry = to.Begin(1);
            if (json.ValueIsEscaped)
                to.Text(1, json.GetString()!);
            else
                to.Bytes(1, json.ValueSpan);
            json.Read();
            var value = to.Begin(2);
            WriteValue(to, ref json);
            to.End(value);
            to.End(entry);
        }
    }

    private static void WriteValue(ProtoWriter to, ref Utf8JsonReader json)
    {
        switch (json.TokenType)
        {
            case JsonTokenType.Null:
                to.Int64(1, 0);
                break;
            case JsonTokenType.True or JsonTokenType.False:
                to.Bool(4, json.GetBoolean());
                break;
            case JsonTokenType.String:
                WriteText(to, 3, ref json);
                break;
            case JsonTokenType.Number when IsExact(json.ValueSpan, out var number):
                to.Double(2, number);
                break;
            case JsonTokenType.Number:
                to.Bytes(3, json.ValueSpan);
                break;
            case JsonTokenType.StartObject:
                var inner = to.Begin(5);
                WriteStruct(to, ref json);
                to.End(inner);
                break;
            default:
                var list = to.Begin(6);
                WriteListValue(to, ref json);
                to.End(list);
                break;
        }
    }

    private static void WriteListValue(ProtoWriter to, ref Utf8JsonReader json)
    {
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            var value = to.Begin(1);
            WriteValue(to, ref json);
            to.End(value);
        }
    }

    /// <summary>Whether a double says the same number. What it cannot hold leaves as text: no digit is lost in silence.</summary>
    private static bool IsExact(ReadOnlySpan<byte> text, out double number)
    {
        if (Utf8Parser.TryParse(text, out long whole, out var used) && used == text.Length)
        {
            number = whole;
            return whole is > -GreatestExact and < GreatestExact;
        }
        return double.TryParse(text, CultureInfo.InvariantCulture, out number) && double.IsFinite(number)
            && decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var exact) && decimal.TryParse(number.ToString("R", CultureInfo.InvariantCulture), NumberStyles.Float, CultureInfo.InvariantCulture, out var back) && exact == back;
    }

    private static void WriteTimestamp(ProtoWriter to, string text)
    {
        if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant))
            return;
        var ticks = instant.UtcTicks - DateTimeOffset.UnixEpoch.Ticks;
        var seconds = Math.DivRem(ticks, TimeSpan.TicksPerSecond, out var rest);
        // Nanoseconds count forward, also before 1970.
        (seconds, rest) = rest < 0 ? (seconds - 1, rest + TimeSpan.TicksPerSecond) : (seconds, rest);
        if (seconds != 0)
            to.Int64(1, seconds);
        if (rest != 0)
            to.Int64(2, rest * 100);
    }
}
