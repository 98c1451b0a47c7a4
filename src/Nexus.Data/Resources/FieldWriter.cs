using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Nexus.Data.Resources;

/// <summary>A reference that a record makes, to be checked before it is stored.</summary>
internal readonly record struct FoundReference(string Target, string Id, string Pointer);

/// <summary>Validates values against their fields and writes them in canonical form, in one walk. Not thread-safe; one an input.</summary>
internal sealed class FieldWriter(Utf8JsonWriter output, FieldErrors errors)
{
    private const int MaxJsonDepth = 32;
    private const int MaxElements = 10_000;
    private const int MaxMapKey = 200;

    private List<FoundReference>? references;

    public List<FoundReference>? References => references;

    /// <summary>Writes the value that the reader stands on. After an error a null is written, as the output is thrown away.</summary>
    /// <param name="field">The field.</param>
    /// <param name="source">The bytes that <paramref name="reader"/> reads.</param>
    /// <param name="reader">Stands on the value's first token, and on its last after.</param>
    public void Write(FieldShape field, ReadOnlySpan<byte> source, ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            // A read-only field is null until the plugin's own code sets it.
            if (!field.Declared.Nullable && !field.Declared.ReadOnly && field.Declared.Kind != FieldKind.Json)
            {
                errors.Add("required", "may not be null.");
            }

            output.WriteNullValue();
            return;
        }

        switch (field.Declared.Kind)
        {
            case FieldKind.Text or FieldKind.Multiline:
                WriteText(field, ref reader);
                break;
            case FieldKind.Integer:
                WriteInteger(field, ref reader);
                break;
            case FieldKind.Decimal:
                WriteDecimal(field, ref reader);
                break;
            case FieldKind.Real:
                WriteReal(field, ref reader);
                break;
            case FieldKind.Boolean:
                WriteBoolean(ref reader);
                break;
            case FieldKind.Choice:
                WriteChoice(field, ref reader);
                break;
            case FieldKind.Money:
                WriteMoney(field, ref reader);
                break;
            case FieldKind.List:
                WriteList(field, source, ref reader);
                break;
            case FieldKind.Group:
                WriteGroup(field, source, ref reader);
                break;
            case FieldKind.Map:
                WriteMap(field, source, ref reader);
                break;
            case FieldKind.Json:
                WriteJson(ref reader);
                break;
            default:
                WriteFormatted(field, ref reader);
                break;
        }
    }

    /// <summary>Writes what a create without the field stores: its default, null, or an error when a value is required.</summary>
    public void WriteAbsent(FieldShape field)
    {
        if (field.Default is { } value)
        {
            // Defaults go through the same walk, so that an instant or a decimal of a default is canonical too.
            var reader = new Utf8JsonReader(value);
            reader.Read();
            Write(field, value, ref reader);
            return;
        }

        if (field.Declared.Required)
        {
            errors.Add("required", "is required.");
        }

        output.WriteNullValue();
    }

    private void Refuse(string code, string message, ref Utf8JsonReader reader)
    {
        errors.Add(code, message);
        reader.Skip();
        output.WriteNullValue();
    }

    private void WriteText(FieldShape field, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            Refuse("type", "must be text.", ref reader);
            return;
        }

        // UTF-16 length is at most the UTF-8 length, so short plain text needs neither decoding nor counting.
        var declared = field.Declared;
        bool plain = !reader.ValueIsEscaped && field.Pattern is null;
        if (plain && reader.ValueSpan.Length <= (declared.MaxLength ?? int.MaxValue) && reader.ValueSpan.Length >= (declared.MinLength ?? 0) * 3)
        {
            output.WriteStringValue(reader.ValueSpan);
            return;
        }

        if (WireFormats.TextOf(ref reader) is not { } text)
        {
            errors.Add("format", "has characters that are not Unicode text.");
            output.WriteNullValue();
            return;
        }

        CheckLength(declared, text.Length, "characters");
        if (field.Pattern is { } pattern && !Matches(pattern, text))
        {
            errors.Add("pattern", $"must match the pattern {declared.Pattern}.");
        }

        output.WriteStringValue(text);
    }

    private static bool Matches(Regex pattern, string text)
    {
        try
        {
            return pattern.IsMatch(text);
        }
        catch (RegexMatchTimeoutException)
        {
            return false;
        }
    }

    private void CheckLength(FieldDescriptor field, int length, string unit)
    {
        if (length > field.MaxLength)
        {
            errors.Add("max_length", $"has {length} {unit}; at most {field.MaxLength} are allowed.");
        }
        else if (length < field.MinLength)
        {
            errors.Add("min_length", $"has {length} {unit}; at least {field.MinLength} are needed.");
        }
    }

    private void WriteInteger(FieldShape field, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.Number)
        {
            Refuse("type", "must be a whole number.", ref reader);
            return;
        }

        if (!reader.TryGetInt64(out long value))
        {
            bool number = reader.TryGetDecimal(out decimal large);
            if (!number || large != decimal.Truncate(large))
            {
                Refuse("type", number ? "must be a whole number." : "must be a whole number of 64 bits.", ref reader);
                return;
            }

            if (large is > long.MaxValue or < long.MinValue)
            {
                Refuse(large > 0 ? "maximum" : "minimum", large > 0 ? $"must be at most {field.Declared.Maximum ?? long.MaxValue}." : $"must be at least {field.Declared.Minimum ?? long.MinValue}.", ref reader);
                return;
            }

            value = (long)large;
        }

        CheckRange(field.Declared, value);
        output.WriteNumberValue(value);
    }

    private void CheckRange(FieldDescriptor field, decimal value)
    {
        if (value > field.Maximum)
        {
            errors.Add("maximum", string.Create(CultureInfo.InvariantCulture, $"must be at most {field.Maximum}."));
        }
        else if (value < field.Minimum)
        {
            errors.Add("minimum", string.Create(CultureInfo.InvariantCulture, $"must be at least {field.Minimum}."));
        }
    }

    private void WriteDecimal(FieldShape field, ref Utf8JsonReader reader)
    {
        if (reader.TokenType is not (JsonTokenType.Number or JsonTokenType.String) || !TryDecimal(ref reader, out decimal value))
        {
            Refuse("type", "must be a decimal number of at most 28 digits.", ref reader);
            return;
        }

        CheckRange(field.Declared, value);
        output.WriteNumberValue(value);
    }

    private static bool TryDecimal(ref Utf8JsonReader reader, out decimal value)
    {
        Span<char> text = stackalloc char[80];
        value = 0;
        return reader.ValueSpan.Length <= text.Length && !reader.ValueIsEscaped && Ascii.IsValid(reader.ValueSpan)
            && WireFormats.TryDecimal(text[..Encoding.ASCII.GetChars(reader.ValueSpan, text)], out value);
    }

    private void WriteReal(FieldShape field, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.Number || !reader.TryGetDouble(out double value) || !double.IsFinite(value))
        {
            Refuse("type", "must be a finite number.", ref reader);
            return;
        }

        if (value > (double?)field.Declared.Maximum)
        {
            errors.Add("maximum", string.Create(CultureInfo.InvariantCulture, $"must be at most {field.Declared.Maximum}."));
        }
        else if (value < (double?)field.Declared.Minimum)
        {
            errors.Add("minimum", string.Create(CultureInfo.InvariantCulture, $"must be at least {field.Declared.Minimum}."));
        }

        output.WriteNumberValue(value);
    }

    private void WriteBoolean(ref Utf8JsonReader reader)
    {
        if (reader.TokenType is JsonTokenType.True or JsonTokenType.False)
        {
            output.WriteBooleanValue(reader.TokenType == JsonTokenType.True);
        }
        else
        {
            Refuse("type", "must be true or false.", ref reader);
        }
    }

    private void WriteChoice(FieldShape field, ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.String && !reader.ValueIsEscaped)
        {
            foreach (byte[] choice in field.Choices)
            {
                if (reader.ValueSpan.SequenceEqual(choice))
                {
                    output.WriteStringValue(choice);
                    return;
                }
            }
        }

        string word = reader.TokenType == JsonTokenType.String ? WireFormats.TextOf(ref reader) ?? "" : "";
        if (field.Declared.Choices.Contains(word))
        {
            output.WriteStringValue(word);
            return;
        }

        Refuse(reader.TokenType == JsonTokenType.String ? "choice" : "type", $"must be one of {string.Join(", ", field.Declared.Choices)}.{Spelling.Suggest(word, field.Declared.Choices)}", ref reader);
    }

    private void WriteFormatted(FieldShape field, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            Refuse("type", $"must be text of the form {FormOf(field.Declared.Kind)}.", ref reader);
            return;
        }

        if (WireFormats.TextOf(ref reader) is not { } text || !TryCanonical(field.Declared.Kind, text, out string canonical))
        {
            Refuse("format", $"must be of the form {FormOf(field.Declared.Kind)}.", ref reader);
            return;
        }

        if (field.Declared is { Kind: FieldKind.Reference, Target: { } target })
        {
            (references ??= []).Add(new(target, canonical, errors.Pointer()));
        }

        output.WriteStringValue(canonical);
    }

    /// <summary>Brings the text of a date, time, instant, duration, identifier or reference to its one form.</summary>
    public static bool TryCanonical(FieldKind kind, string text, out string canonical)
    {
        canonical = text;
        switch (kind)
        {
            case FieldKind.Date:
                return DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _);
            case FieldKind.Time:
                bool time = TimeOnly.TryParseExact(text, ["HH:mm:ss.FFFFFFF", "HH:mm"], CultureInfo.InvariantCulture, DateTimeStyles.None, out var clock);
                canonical = clock.ToString(WireFormats.Time, CultureInfo.InvariantCulture);
                return time;
            case FieldKind.Instant:
                return WireFormats.TryInstant(text, out canonical);
            case FieldKind.Duration:
                return WireFormats.TryDuration(text, out canonical);
            default:
                bool id = Guid.TryParseExact(text, "D", out var guid);
                canonical = guid.ToString("D");
                return id;
        }
    }

    public static string FormOf(FieldKind kind) => kind switch
    {
        FieldKind.Date => "yyyy-MM-dd",
        FieldKind.Time => "HH:mm:ss",
        FieldKind.Instant => "2026-01-31T12:00:00Z, with an offset",
        FieldKind.Duration => "[d.]hh:mm:ss or ISO 8601, such as PT90M",
        _ => "a UUID, 8-4-4-4-12 hex digits",
    };

    private void WriteMoney(FieldShape field, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            Refuse("type", "must be an object such as {\"amount\":\"12.30\",\"currency\":\"EUR\"}.", ref reader);
            return;
        }

        decimal? amount = null;
        string? currency = null;
        bool amountGiven = false;
        bool currencyGiven = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = WireFormats.TextOf(ref reader) ?? "";
            reader.Read();
            if (name == "amount")
            {
                amountGiven = true;
                amount = reader.TokenType is JsonTokenType.String or JsonTokenType.Number && TryDecimal(ref reader, out decimal value) ? value : null;
            }
            else if (name == "currency")
            {
                currencyGiven = true;
                currency = reader.TokenType == JsonTokenType.String ? WireFormats.TextOf(ref reader) : null;
            }
            else
            {
                errors.Add(name, "unknown_field", $"is not part of money.{Spelling.Suggest(name, ["amount", "currency"])}");
            }

            reader.Skip();
        }

        if (amount is not { } exact)
        {
            errors.Add("amount", amountGiven ? "type" : "required", amountGiven ? "must be a decimal of at most 28 digits, as text." : "is required.");
        }
        else
        {
            CheckRange(field.Declared, exact);
        }

        if (currency is null || currency.Length is 0 or > 12 || currency.AsSpan().ContainsAnyExcept(CurrencyCharacters))
        {
            errors.Add("currency", currencyGiven ? "format" : "required", currencyGiven ? "must be 1 to 12 upper-case letters or digits." : "is required.");
        }

        output.WriteStartObject();
        output.WriteString("amount"u8, (amount ?? 0).ToString(CultureInfo.InvariantCulture));
        output.WriteString("currency"u8, currency ?? "");
        output.WriteEndObject();
    }

    private static readonly System.Buffers.SearchValues<char> CurrencyCharacters = System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");

    private void WriteList(FieldShape field, ReadOnlySpan<byte> source, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            Refuse("type", "must be an array.", ref reader);
            return;
        }

        output.WriteStartArray();
        int count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            errors.Enter(count++);
            if (count <= MaxElements)
            {
                Write(field.Element!, source, ref reader);
            }
            else
            {
                reader.Skip();
            }

            errors.Leave();
        }

        output.WriteEndArray();
        CheckLength(field.Declared with { MaxLength = field.Declared.MaxLength ?? MaxElements }, count, "elements");
    }

    private void WriteMap(FieldShape field, ReadOnlySpan<byte> source, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            Refuse("type", "must be an object.", ref reader);
            return;
        }

        var keys = new HashSet<string>(StringComparer.Ordinal);
        output.WriteStartObject();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string? key = WireFormats.TextOf(ref reader);
            reader.Read();
            errors.Enter(key ?? "");
            if (key is null || key.Length > MaxMapKey)
            {
                errors.Add("format", $"is a key of more than {MaxMapKey} characters or not Unicode text.");
                reader.Skip();
            }
            else if (keys.Count >= MaxElements || !keys.Add(key))
            {
                errors.Add(keys.Count >= MaxElements ? "max_length" : "duplicate_field", keys.Count >= MaxElements ? $"is beyond the {MaxElements} allowed entries." : "is given twice.");
                reader.Skip();
            }
            else
            {
                output.WritePropertyName(key);
                Write(field.Element!, source, ref reader);
            }

            errors.Leave();
        }

        output.WriteEndObject();
        CheckLength(field.Declared, keys.Count, "entries");
    }

    private void WriteGroup(FieldShape field, ReadOnlySpan<byte> source, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            Refuse("type", "must be an object.", ref reader);
            return;
        }

        WriteMembers(field.Fields, source, ref reader);
    }

    private void WriteMembers(FieldTable table, ReadOnlySpan<byte> source, ref Utf8JsonReader reader)
    {
        Span<Slice> slices = table.All.Length <= 64 ? stackalloc Slice[64] : new Slice[table.All.Length];
        slices.Clear();
        ObjectScan.Read(table, source, ref reader, slices, platform: false, errors);
        output.WriteStartObject();
        for (int i = 0; i < table.All.Length; i++)
        {
            WriteMember(table.All[i], source, slices[i]);
        }

        output.WriteEndObject();
    }

    /// <summary>Writes a member with its name, from its place in the source, or as absent.</summary>
    public void WriteMember(FieldShape member, ReadOnlySpan<byte> source, Slice slice)
    {
        output.WritePropertyName(member.Name);
        errors.Enter(member.Declared.Name);
        if (slice.IsEmpty)
        {
            WriteAbsent(member);
        }
        else
        {
            var bytes = source[slice.Start..slice.End];
            var value = new Utf8JsonReader(bytes, ObjectScan.Options);
            value.Read();
            Write(member, bytes, ref value);
        }

        errors.Leave();
    }

    private void WriteJson(ref Utf8JsonReader reader)
    {
        try
        {
            using var document = JsonDocument.ParseValue(ref reader);
            if (DepthOf(document.RootElement) > MaxJsonDepth)
            {
                errors.Add("too_deep", $"is nested more than {MaxJsonDepth} deep.");
                output.WriteNullValue();
                return;
            }

            document.RootElement.WriteTo(output);
        }
        catch (InvalidOperationException)
        {
            errors.Add("format", "has characters that are not Unicode text.");
        }
    }

    private static int DepthOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => 1 + value.EnumerateObject().Select(m => DepthOf(m.Value)).DefaultIfEmpty().Max(),
        JsonValueKind.Array => 1 + value.EnumerateArray().Select(DepthOf).DefaultIfEmpty().Max(),
        _ => 0,
    };
}
