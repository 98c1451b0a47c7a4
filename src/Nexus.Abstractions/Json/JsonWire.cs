using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using System.Xml;

namespace Nexus;

/// <summary>The wire form's rules for single values, shared by generated codecs and the reflection fallback.</summary>
public static class JsonWire
{
    private const int DecimalDigits = 28;

    /// <summary>How JSON is written: without white space, escaping only what JSON must escape.</summary>
    public static JsonWriterOptions WriterOptions { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>New serializer options of the wire form. Each owner keeps its own: options hold every type they have met, and equal options share what they hold, so these are equal to no others.</summary>
    public static JsonSerializerOptions CreateOptions() => new(JsonSerializerDefaults.Web)
    {
        PropertyNameCaseInsensitive = false,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
        Converters =
        {
            new JsonStringEnumConverter(namingPolicy: null, allowIntegerValues: false),
            new DecimalConverter(), new DurationConverter(), new MoneyConverter(), new RefConverterFactory(),
        },
    };

    /// <summary>Leaves out members that could not be read back: what is computed from others is not part of the wire form.</summary>
    internal static void LeaveOutComputed(JsonTypeInfo type)
    {
        if (type.Kind != JsonTypeInfoKind.Object)
            return;
        foreach (var property in type.Properties.Where(property => property.Set is null && property.AssociatedParameter is null))
            property.ShouldSerialize = static (_, _) => false;
    }

    /// <summary>Brings the reader onto the first token of the value if it stands before it.</summary>
    public static void Begin(ref Utf8JsonReader reader)
    {
        if (reader.TokenType is JsonTokenType.None or JsonTokenType.PropertyName && !reader.Read())
            throw new JsonException("A JSON value is missing.");
    }

    /// <summary>Checks the kind of the current token.</summary>
    /// <exception cref="JsonException">It is another.</exception>
    public static void Expect(ref Utf8JsonReader reader, JsonTokenType token)
    {
        if (reader.TokenType != token)
            throw Unexpected(ref reader, token switch
            {
                JsonTokenType.StartObject => "an object",
                JsonTokenType.StartArray => "an array",
                JsonTokenType.String => "a string",
                _ => token.ToString(),
            });
    }

    /// <summary>The error of a token that has the wrong kind.</summary>
    public static JsonException Unexpected(ref Utf8JsonReader reader, string expected) =>
        new($"Expected {expected}, found {Describe(ref reader)}.");

    /// <summary>Adds a member's name, or an index in brackets, in front of an error's path; errors of the reader become <see cref="JsonException"/>s.</summary>
    public static JsonException At(Exception error, string member)
    {
        var inner = (error as JsonException)?.Path;
        var path = (member.StartsWith('[') ? "$" : "$.") + member + (inner is { Length: > 1 } ? inner[1..] : "");
        var text = error is JsonException json && json.Data[nameof(JsonWire)] is string plain ? plain : error.Message;
        var located = new JsonException($"{path}: {text}", path, null, null, error);
        located.Data[nameof(JsonWire)] = text;
        return located;
    }

    /// <summary>Whether an exception is the input's fault and not the code's.</summary>
    public static bool IsInputError(Exception error) => error is JsonException or FormatException or InvalidOperationException or OverflowException;

    /// <summary>Reads a 64-bit number, given as a number or as text.</summary>
    public static long ReadInt64(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.Number when reader.TryGetInt64(out var value) => value,
        JsonTokenType.String when long.TryParse(reader.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) => value,
        _ => throw Unexpected(ref reader, "a whole number"),
    };

    /// <summary>Reads a whole number within bounds, given as a number or as text.</summary>
    public static long ReadInteger(ref Utf8JsonReader reader, long minimum, long maximum)
    {
        var value = ReadInt64(ref reader);
        return value >= minimum && value <= maximum ? value : throw new JsonException($"{value} is not between {minimum} and {maximum}.");
    }

    /// <summary>Reads an unsigned 64-bit number, given as a number or as text.</summary>
    public static ulong ReadUInt64(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.Number when reader.TryGetUInt64(out var value) => value,
        JsonTokenType.String when ulong.TryParse(reader.GetString(), NumberStyles.None, CultureInfo.InvariantCulture, out var value) => value,
        _ => throw Unexpected(ref reader, "a whole number that is not negative"),
    };

    /// <summary>Reads an IEEE 754 double, given as a number or as text.</summary>
    public static double ReadDouble(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.Number when reader.TryGetDouble(out var value) => value,
        JsonTokenType.String when double.TryParse(reader.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) => value,
        _ => throw Unexpected(ref reader, "a number"),
    };

    /// <summary>Reads an exact decimal, given as a number or as text; one with more than 28 significant digits is refused, not rounded.</summary>
    public static decimal ReadDecimal(ref Utf8JsonReader reader)
    {
        if (reader.TokenType is not (JsonTokenType.Number or JsonTokenType.String))
            throw Unexpected(ref reader, "a decimal number");
        var text = reader.TokenType == JsonTokenType.String
            ? reader.GetString()!
            : System.Text.Encoding.ASCII.GetString(reader.HasValueSequence ? System.Buffers.BuffersExtensions.ToArray(reader.ValueSequence) : reader.ValueSpan);
        if (SignificantDigits(text) > DecimalDigits)
            throw new JsonException($"{text} has more than {DecimalDigits} significant digits.");
        return decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw Unexpected(ref reader, "a decimal number");
    }

    /// <summary>Reads text; null for JSON null.</summary>
    public static string? ReadString(ref Utf8JsonReader reader) =>
        reader.TokenType is JsonTokenType.String or JsonTokenType.Null ? reader.GetString() : throw Unexpected(ref reader, "a string");

    /// <summary>Reads yes or no.</summary>
    public static bool ReadBoolean(ref Utf8JsonReader reader) =>
        reader.TokenType is JsonTokenType.True or JsonTokenType.False ? reader.GetBoolean() : throw Unexpected(ref reader, "true or false");

    /// <summary>Reads a UUID.</summary>
    public static Guid ReadGuid(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String && reader.TryGetGuid(out var value) ? value : throw Unexpected(ref reader, "a UUID");

    /// <summary>Reads an instant, RFC 3339.</summary>
    public static DateTimeOffset ReadInstant(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out var value) ? value : throw Unexpected(ref reader, "an instant such as 2026-03-01T12:00:00Z");

    /// <summary>Reads an instant, RFC 3339, as a <see cref="DateTime"/>.</summary>
    public static DateTime ReadDateTime(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String && reader.TryGetDateTime(out var value) ? value : throw Unexpected(ref reader, "an instant such as 2026-03-01T12:00:00Z");

    /// <summary>Reads one of an enum's member names, ignoring case.</summary>
    public static T ReadEnum<T>(ref Utf8JsonReader reader)
        where T : struct, Enum
    {
        if (reader.TokenType == JsonTokenType.String && reader.GetString() is { Length: > 0 } name && char.IsLetter(name[0]) && Enum.TryParse<T>(name, ignoreCase: true, out var value) && Enum.IsDefined(value))
            return value;
        throw Unexpected(ref reader, $"one of {string.Join(", ", Enum.GetNames<T>())}");
    }

    /// <summary>The error of a member that must be there and is not.</summary>
    public static JsonException Missing(string member) => At(new JsonException("The member is required."), member);

    /// <summary>Reads a duration: <c>[-][d.]hh:mm:ss[.fffffff]</c> or ISO 8601 (<c>PT1H30M</c>).</summary>
    public static TimeSpan ReadDuration(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.String);
        var text = reader.GetString()!;
        if (TimeSpan.TryParseExact(text, "c", CultureInfo.InvariantCulture, out var value))
            return value;
        if (text.AsSpan().TrimStart('-').StartsWith("P"))
            return XmlConvert.ToTimeSpan(text);
        throw new JsonException($"\"{text}\" is not a duration; write it as [d.]hh:mm:ss or ISO 8601, such as PT90M.");
    }

    /// <summary>Writes a duration as <c>[-][d.]hh:mm:ss[.fffffff]</c>.</summary>
    public static void WriteDuration(Utf8JsonWriter writer, TimeSpan value) => writer.WriteStringValue(value.ToString("c", CultureInfo.InvariantCulture));

    /// <summary>Reads a calendar date, <c>yyyy-MM-dd</c>.</summary>
    public static DateOnly ReadDate(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.String);
        return DateOnly.TryParseExact(reader.GetString(), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var value)
            ? value
            : throw new JsonException($"\"{reader.GetString()}\" is not a date; write it as yyyy-MM-dd.");
    }

    /// <summary>Writes a calendar date as <c>yyyy-MM-dd</c>.</summary>
    public static void WriteDate(Utf8JsonWriter writer, DateOnly value) => writer.WriteStringValue(value.ToString("O", CultureInfo.InvariantCulture));

    /// <summary>Reads a time of day, <c>HH:mm:ss[.fffffff]</c>; seconds may be left out.</summary>
    public static TimeOnly ReadTime(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.String);
        return TimeOnly.TryParse(reader.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.None, out var value)
            ? value
            : throw new JsonException($"\"{reader.GetString()}\" is not a time of day; write it as HH:mm:ss.");
    }

    /// <summary>Writes a time of day as <c>HH:mm:ss</c>, with a fraction where it has one.</summary>
    public static void WriteTime(Utf8JsonWriter writer, TimeOnly value) =>
        writer.WriteStringValue(value.ToString(value.Ticks % TimeSpan.TicksPerSecond == 0 ? "HH:mm:ss" : "HH:mm:ss.fffffff", CultureInfo.InvariantCulture));

    /// <summary>Reads an amount with its currency; the amount may be text or a number.</summary>
    public static Money ReadMoney(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartObject);
        decimal? amount = null;
        string? currency = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("amount"u8))
            {
                reader.Read();
                amount = ReadDecimal(ref reader);
            }
            else if (reader.ValueTextEquals("currency"u8))
            {
                reader.Read();
                currency = reader.GetString();
            }
            else
            {
                reader.Skip();
            }
        }
        if (amount is null || currency is null)
            throw new JsonException("Money needs an amount and a currency: {\"amount\":\"12.30\",\"currency\":\"EUR\"}.");
        return new Money(amount.Value, currency);
    }

    /// <summary>Writes an amount with its currency, the amount as text so that no reader rounds it.</summary>
    public static void WriteMoney(Utf8JsonWriter writer, Money value)
    {
        writer.WriteStartObject();
        writer.WriteString("amount"u8, value.Amount.ToString(CultureInfo.InvariantCulture));
        writer.WriteString("currency"u8, value.Currency);
        writer.WriteEndObject();
    }

    private static string Describe(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.String => $"\"{reader.GetString()}\"",
        JsonTokenType.Number => System.Text.Encoding.ASCII.GetString(reader.HasValueSequence ? System.Buffers.BuffersExtensions.ToArray(reader.ValueSequence) : reader.ValueSpan),
        JsonTokenType.True => "true",
        JsonTokenType.False => "false",
        JsonTokenType.Null => "null",
        _ => "the end of the JSON",
    };

    private static int SignificantDigits(string text)
    {
        var mantissa = text.AsSpan();
        if (mantissa.IndexOfAny('e', 'E') is var exponent && exponent >= 0)
            mantissa = mantissa[..exponent];
        var digits = mantissa.TrimStart("-+0.");
        if (mantissa.Contains('.'))
            digits = digits.TrimEnd('0');
        return digits.Length - (digits.Contains('.') ? 1 : 0);
    }
}
