using System.Globalization;
using System.Security.Cryptography;

namespace Nexus.Data.Resources;

/// <summary>Composes the audit entry of a change: the fields that differ with their old and new value; of secret and personal ones only that they differ.</summary>
internal static class ChangeAudit
{
    /// <summary>Longer values are given by their length and digest.</summary>
    private const int MaxValue = 512;

    private static ReadOnlySpan<byte> Masked => "\"***\""u8;

    public static AuditEntry Of(ResourceCall call, string action, string id, DateTimeOffset at, StoredRecord? before, StoredRecord? after)
    {
        var shape = RecordShape.For(call.Resource);
        var (buffer, writer) = RecordComposer.Rent();
        writer.WriteStartObject();
        writer.WriteNumber("revision"u8, after?.Revision ?? before!.Revision);
        writer.WriteStartObject("changes"u8);
        var olds = before is null ? null : new StoredFields(shape.Fields, before.Json);
        var news = after is null ? null : new StoredFields(shape.Fields, after.Json);
        for (int i = 0; i < shape.Fields.All.Length; i++)
        {
            var old = Value(olds, i);
            var now = Value(news, i);
            if (old.Span.SequenceEqual(now.Span))
            {
                continue;
            }

            var field = shape.Fields.All[i];
            bool hidden = IsHidden(field);
            writer.WriteStartObject(field.Name);
            Write(writer, "old"u8, old.Span, hidden);
            Write(writer, "new"u8, now.Span, hidden);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.Flush();
        return AuditEntry.For(call.Context, at, action, $"{call.Resource.Name}/{id}", AuditResult.Success, Masking.MaskJson(buffer.WrittenSpan.ToArray()));
    }

    private static ReadOnlyMemory<byte> Value(StoredFields? fields, int index)
    {
        var value = fields is null ? default : fields.Find(index);
        return value.Span.SequenceEqual("null"u8) ? default : value;
    }

    private static void Write(System.Text.Json.Utf8JsonWriter writer, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool hidden)
    {
        if (value.IsEmpty)
        {
            return;
        }

        writer.WritePropertyName(name);
        if (hidden)
        {
            writer.WriteRawValue(Masked, skipInputValidation: true);
        }
        else if (value.Length > MaxValue)
        {
            writer.WriteStringValue(string.Create(CultureInfo.InvariantCulture, $"({value.Length} bytes, SHA-256 {Convert.ToHexStringLower(SHA256.HashData(value))})"));
        }
        else
        {
            writer.WriteRawValue(value, skipInputValidation: true);
        }
    }

    private static bool IsHidden(FieldShape field) =>
        field.Declared.Secret || field.Declared.Personal || (field.Element is { } element && IsHidden(element)) || field.Fields.All.Any(IsHidden);
}
