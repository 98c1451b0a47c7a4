using System.Text.Json;

namespace Nexus.Data.Resources;

/// <summary>Forms of a stored record that are derived from its bytes.</summary>
internal static class RecordForms
{
    /// <summary>The record as it may leave: without its secret fields. A resource without any is returned as it is.</summary>
    public static StoredRecord Returned(ResourceDescriptor resource, StoredRecord record)
    {
        var shape = RecordShape.For(resource);
        return shape.HasSecrets ? Without(shape, record, personalToo: false) : record;
    }

    private static StoredRecord Without(RecordShape shape, StoredRecord record, bool personalToo)
    {
        var (buffer, writer) = RecordComposer.Rent();
        var reader = new Utf8JsonReader(record.Json.Span, ObjectScan.Options);
        reader.Read();
        CopyObject(shape.Fields, record.Json.Span, ref reader, writer, personalToo);
        writer.Flush();
        return record with { Json = buffer.WrittenSpan.ToArray() };
    }

    /// <summary>The declared fields alone, as an upgrade takes them.</summary>
    public static ReadOnlyMemory<byte> FieldsOf(StoredRecord record)
    {
        var (buffer, writer) = RecordComposer.Rent();
        using var document = JsonDocument.Parse(record.Json);
        writer.WriteStartObject();
        foreach (var member in document.RootElement.EnumerateObject().Where(m => !ObjectScan.Platform.Any(p => m.NameEquals(p))))
        {
            member.WriteTo(writer);
        }

        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Data of an event about a record. Events are stored and go to whoever subscribes, so secret and personal fields are left out: a handler that needs them reads the record.</summary>
    public static ReadOnlyMemory<byte> EventOf(ResourceDescriptor resource, StoredRecord record)
    {
        var shape = RecordShape.For(resource);
        var returned = shape.HasProtected ? Without(shape, record, personalToo: true) : record;
        var (buffer, writer) = RecordComposer.Rent();
        writer.WriteStartObject();
        writer.WriteString("id"u8, returned.Id);
        writer.WriteNumber("revision"u8, returned.Revision);
        writer.WritePropertyName("record"u8);
        writer.WriteRawValue(returned.Json.Span, skipInputValidation: true);
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static void Copy(FieldShape? field, ReadOnlySpan<byte> source, ref Utf8JsonReader reader, Utf8JsonWriter writer, bool personalToo)
    {
        if (field?.Declared.Kind == FieldKind.Group && reader.TokenType == JsonTokenType.StartObject)
        {
            CopyObject(field.Fields, source, ref reader, writer, personalToo);
        }
        else if (field?.Declared.Kind == FieldKind.List && reader.TokenType == JsonTokenType.StartArray)
        {
            writer.WriteStartArray();
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                Copy(field.Element, source, ref reader, writer, personalToo);
            }

            writer.WriteEndArray();
        }
        else if (field?.Declared.Kind == FieldKind.Map && reader.TokenType == JsonTokenType.StartObject)
        {
            writer.WriteStartObject();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                writer.WritePropertyName(reader.GetString()!);
                reader.Read();
                Copy(field.Element, source, ref reader, writer, personalToo);
            }

            writer.WriteEndObject();
        }
        else
        {
            int start = (int)reader.TokenStartIndex;
            reader.Skip();
            writer.WriteRawValue(source[start..(int)reader.BytesConsumed], skipInputValidation: true);
        }
    }

    private static void CopyObject(FieldTable fields, ReadOnlySpan<byte> source, ref Utf8JsonReader reader, Utf8JsonWriter writer, bool personalToo)
    {
        writer.WriteStartObject();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            int index = fields.IndexOf(System.Text.Encoding.UTF8.GetBytes(name), 0);
            reader.Read();
            if (index >= 0 && (fields.All[index].Declared.Secret || (personalToo && fields.All[index].Declared.Personal)))
            {
                reader.Skip();
                continue;
            }

            writer.WritePropertyName(name);
            Copy(index < 0 ? null : fields.All[index], source, ref reader, writer, personalToo);
        }

        writer.WriteEndObject();
    }
}
