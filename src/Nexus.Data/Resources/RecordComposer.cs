using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Nexus.Data.Resources;

/// <summary>What a body is composed for: it decides what may stand in it and what an absent member means.</summary>
internal enum ComposeMode
{
    /// <summary>A caller's new record.</summary>
    Create,

    /// <summary>A caller's whole record: platform members must be the stored ones, and what the caller cannot set or see stays when it is left out.</summary>
    Replace,

    /// <summary>The stored record with a caller's patch in it: what is absent was removed.</summary>
    Merge,

    /// <summary>What a plugin's code returned: read-only fields may change, platform members are passed over.</summary>
    Hook,
}

/// <summary>A record's own members beside its fields.</summary>
internal sealed record RecordHead(string Id, long Revision, string? Owner, string? Team, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

/// <summary>A composed record.</summary>
internal sealed record Composed(StoredRecord Record, List<FoundReference>? References);

/// <summary>Composes the stored wire form out of bodies, validating on the way.</summary>
internal static class RecordComposer
{
    public static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? scratch;

    [ThreadStatic]
    private static Utf8JsonWriter? pooled;

    /// <summary>Composes a record: one scan for the members, one walk in declared order that validates and writes.</summary>
    /// <param name="resource">The resource.</param>
    /// <param name="head">The platform's members as they will be stored.</param>
    /// <param name="body">A JSON object.</param>
    /// <param name="mode">What the body is.</param>
    /// <param name="stored">The record before, or null.</param>
    /// <param name="trusted">The plugin's own code asks, which may set read-only fields.</param>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c> with every error; <c>BAD_REQUEST</c>.</exception>
    public static Composed Compose(ResourceDescriptor resource, RecordHead head, ReadOnlySpan<byte> body, ComposeMode mode, StoredRecord? stored, bool trusted = false)
    {
        var fields = RecordShape.For(resource).Fields;
        var errors = new FieldErrors();
        var (buffer, writer) = Rent();
        var values = new FieldWriter(writer, errors);
        int count = fields.All.Length + ObjectScan.Platform.Length;
        Span<Slice> slices = count <= 70 ? stackalloc Slice[70] : new Slice[count];
        slices.Clear();
        ObjectScan.ReadBody(fields, body, slices, platform: true, errors);
        head = CheckHead(head, body, slices[fields.All.Length..], mode, stored, errors);
        WriteHead(writer, head);
        var before = stored is null ? null : new StoredFields(fields, stored.Json);
        for (int i = 0; i < fields.All.Length; i++)
        {
            WriteField(writer, values, fields.All[i], body, slices[i], mode, before?.Find(i) ?? default, trusted, errors);
        }

        writer.WriteEndObject();
        writer.Flush();
        if (errors.Any)
        {
            throw errors.ToException($"The {resource.Singular}");
        }

        var record = new StoredRecord
        {
            Id = head.Id,
            Revision = head.Revision,
            Owner = head.Owner,
            Team = head.Team,
            CreatedAt = head.CreatedAt,
            UpdatedAt = head.UpdatedAt,
            SchemaVersion = resource.SchemaVersion,
            Json = buffer.WrittenSpan.ToArray(),
        };
        return new(record, values.References);
    }

    /// <summary>Validates the input of an action or tool and returns it in canonical form.</summary>
    public static ReadOnlyMemory<byte> ComposeInput(string name, FieldTable fields, ReadOnlySpan<byte> body, out List<FoundReference>? references)
    {
        var errors = new FieldErrors();
        var (buffer, writer) = Rent();
        var values = new FieldWriter(writer, errors);
        var slices = new Slice[fields.All.Length];
        ObjectScan.ReadBody(fields, body.IsEmpty ? "{}"u8 : body, slices, platform: false, errors);
        ReadOnlySpan<byte> source = body;
        writer.WriteStartObject();
        for (int i = 0; i < slices.Length; i++)
        {
            values.WriteMember(fields.All[i], source, slices[i]);
        }

        writer.WriteEndObject();
        writer.Flush();
        references = values.References;
        return errors.Any ? throw errors.ToException($"The input of {name}") : buffer.WrittenSpan.ToArray();
    }

    /// <summary>A buffer and writer of this thread, empty; valid until the next rent on it.</summary>
    public static (ArrayBufferWriter<byte> Buffer, Utf8JsonWriter Writer) Rent()
    {
        var buffer = scratch is { Capacity: <= 1 << 20 } kept ? kept : scratch = new(1024);
        buffer.ResetWrittenCount();
        var writer = pooled ??= new Utf8JsonWriter(buffer, WriterOptions);
        writer.Reset(buffer);
        return (buffer, writer);
    }

    public static void WriteHead(Utf8JsonWriter writer, RecordHead head)
    {
        writer.WriteStartObject();
        writer.WriteString("id"u8, head.Id);
        writer.WriteNumber("revision"u8, head.Revision);
        writer.WriteString("owner"u8, head.Owner);
        writer.WriteString("team"u8, head.Team);
        WriteInstant(writer, "createdAt"u8, head.CreatedAt);
        WriteInstant(writer, "updatedAt"u8, head.UpdatedAt);
    }

    private static void WriteInstant(Utf8JsonWriter writer, ReadOnlySpan<byte> name, DateTimeOffset value)
    {
        Span<byte> text = stackalloc byte[32];
        value.UtcDateTime.TryFormat(text, out int length, WireFormats.Instant, CultureInfo.InvariantCulture);
        writer.WriteString(name, text[..length]);
    }

    private static void WriteField(Utf8JsonWriter writer, FieldWriter values, FieldShape field, ReadOnlySpan<byte> body, Slice given, ComposeMode mode, ReadOnlyMemory<byte> before, bool trusted, FieldErrors errors)
    {
        bool readOnly = field.Declared.ReadOnly && !trusted;
        bool keeps = readOnly || field.Declared.Secret;
        bool isNull = !given.IsEmpty && body[given.Start] == (byte)'n';
        if (mode == ComposeMode.Create && readOnly && !given.IsEmpty && !(isNull && field.Default is null) && !body[given.Start..given.End].SequenceEqual(field.Default))
        {
            errors.Add(field.Declared.Name, "read_only", "is set by the platform or by actions only.");
            given = default;
        }
        else if (mode == ComposeMode.Replace && keeps && !before.IsEmpty && (given.IsEmpty || (field.Declared.Secret && isNull)))
        {
            // What a caller cannot set or cannot see stays when it is left out.
            writer.WritePropertyName(field.Name);
            writer.WriteRawValue(before.Span, skipInputValidation: true);
            return;
        }

        if (mode is ComposeMode.Replace or ComposeMode.Merge && readOnly && (mode == ComposeMode.Merge || !given.IsEmpty)
            && !JsonEquality.Same(given.IsEmpty ? field.Default ?? "null"u8 : body[given.Start..given.End], before.Span, field))
        {
            errors.Add(field.Declared.Name, "read_only", "is set by the platform or by actions only; leave it out or send its present value.");
        }

        values.WriteMember(field, body, given);
    }

    private static RecordHead CheckHead(RecordHead head, ReadOnlySpan<byte> body, ReadOnlySpan<Slice> given, ComposeMode mode, StoredRecord? stored, FieldErrors errors)
    {
        if (mode == ComposeMode.Hook)
        {
            return head;
        }

        for (int i = 0; i < ObjectScan.Platform.Length; i++)
        {
            if (given[i].IsEmpty)
            {
                continue;
            }

            var value = body[given[i].Start..given[i].End];
            bool allowed = mode == ComposeMode.Create ? IsUnset(value) || IsId(i, value, head.Id) : IsSame(i, value, stored!);
            if (!allowed)
            {
                errors.Add(System.Text.Encoding.UTF8.GetString(ObjectScan.Platform[i]), "read_only", "is set by the platform; leave it out or send its present value.");
            }
        }

        return head;
    }

    private static bool IsUnset(ReadOnlySpan<byte> value) => value.SequenceEqual("null"u8) || value.SequenceEqual("0"u8);

    private static bool IsId(int index, ReadOnlySpan<byte> value, string id) =>
        index == 0 && value.Length == 38 && Guid.TryParse(value[1..^1], CultureInfo.InvariantCulture, out var guid) && guid.ToString("D") == id;

    private static bool IsSame(int index, ReadOnlySpan<byte> value, StoredRecord stored)
    {
        var reader = new Utf8JsonReader(value);
        reader.Read();
        string? text = reader.TokenType switch
        {
            JsonTokenType.String => WireFormats.TextOf(ref reader),
            JsonTokenType.Number => System.Text.Encoding.UTF8.GetString(value),
            _ => null,
        };
        return index switch
        {
            0 => string.Equals(text, stored.Id, StringComparison.OrdinalIgnoreCase),
            1 => text == stored.Revision.ToString(CultureInfo.InvariantCulture),
            2 => text == stored.Owner,
            3 => text == stored.Team,
            _ => text is not null && WireFormats.TryInstant(text, out string instant) && instant == WireFormats.Format(index == 4 ? stored.CreatedAt : stored.UpdatedAt),
        };
    }
}
