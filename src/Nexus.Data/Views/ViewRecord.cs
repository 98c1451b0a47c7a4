using System.Globalization;
using System.Text.Json;
using Nexus.Data.Resources;

namespace Nexus.Data.Views;

/// <summary>Makes a record's wire form of a row.</summary>
internal static class ViewRecord
{
    /// <summary>The record of a row.</summary>
    /// <exception cref="InvalidOperationException">A value of the row is not of its field's kind: a fault of the plugin's query.</exception>
    public static StoredRecord Of(ResourceDescriptor resource, ViewColumns columns, SqlRow row)
    {
        var id = string.Join('~', columns.Key.Select(k => Text(row[k.Name!]) ?? throw new InvalidOperationException($"A row of {resource.Table} has no {k.Name}, which is of its key.")));
        var created = columns.Has("created_at") && row["created_at"] is { } at ? Instant(resource, "created_at", at) : Created(id);
        var head = new RecordHead(
            id,
            columns.Has("revision") && row["revision"] is { } revision ? Convert.ToInt64(revision, CultureInfo.InvariantCulture) : 1,
            columns.Has("owner") ? Text(row["owner"]) : null,
            columns.Has("team") ? Text(row["team"]) : null,
            created,
            columns.Has("updated_at") && row["updated_at"] is { } updated ? Instant(resource, "updated_at", updated) : created);
        var (buffer, writer) = RecordComposer.Rent();
        RecordComposer.WriteHead(writer, head);
        foreach (var field in RecordShape.For(resource).Fields.All)
        {
            writer.WritePropertyName(field.Name);
            Write(writer, resource, field.Declared, row);
        }

        writer.WriteEndObject();
        writer.Flush();
        return new() { Id = id, Revision = head.Revision, Owner = head.Owner, Team = head.Team, CreatedAt = head.CreatedAt, UpdatedAt = head.UpdatedAt, SchemaVersion = resource.SchemaVersion, Json = buffer.WrittenSpan.ToArray() };
    }

    private static void Write(Utf8JsonWriter writer, ResourceDescriptor resource, FieldDescriptor field, SqlRow row)
    {
        var names = ViewColumns.Columns(field);
        if (row[names[0]] is not { } value)
        {
            writer.WriteNullValue();
            return;
        }

        switch (field.Kind)
        {
            case FieldKind.Integer when value is long or decimal or bool:
                writer.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture));
                break;
            case FieldKind.Real when value is long or double or decimal:
                writer.WriteNumberValue(Convert.ToDouble(value, CultureInfo.InvariantCulture));
                break;
            case FieldKind.Decimal when WireFormats.TryDecimal(Text(value), out _):
                writer.WriteRawValue(Text(value)!, skipInputValidation: true);
                break;
            case FieldKind.Boolean when value is bool or long:
                writer.WriteBooleanValue(Convert.ToBoolean(value, CultureInfo.InvariantCulture));
                break;
            case FieldKind.Money when WireFormats.TryDecimal(Text(value), out _) && row[names[1]] is string currency:
                writer.WriteStartObject();
                writer.WriteString("amount"u8, Text(value));
                writer.WriteString("currency"u8, currency);
                writer.WriteEndObject();
                break;
            case FieldKind.Instant:
                writer.WriteStringValue(WireFormats.Format(Instant(resource, names[0], value)));
                break;
            case FieldKind.Date or FieldKind.Time or FieldKind.Duration when FieldWriter.TryCanonical(field.Kind, Text(value) ?? "", out var canonical):
                writer.WriteStringValue(canonical);
                break;
            case FieldKind.Text or FieldKind.Multiline or FieldKind.Choice or FieldKind.Identifier or FieldKind.Reference:
                writer.WriteStringValue(Text(value));
                break;
            case FieldKind.List or FieldKind.Map or FieldKind.Group or FieldKind.Json when value is string json && IsJson(json):
                writer.WriteRawValue(json, skipInputValidation: true);
                break;
            default:
                throw Unfit(resource, names[0], value, field.Kind.ToString());
        }
    }

    private static bool IsJson(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static string? Text(object? value) => value switch
    {
        null => null,
        string text => text,
        byte[] bytes => Convert.ToBase64String(bytes),
        double real => real.ToString("R", CultureInfo.InvariantCulture),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture),
    };

    private static DateTimeOffset Instant(ResourceDescriptor resource, string column, object value) =>
        Text(value) is { } text && WireFormats.TryInstant(text, out _) ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal) : throw Unfit(resource, column, value, "instant in RFC 3339 text");

    /// <summary>When the UUIDv7 was made that an id begins with (RFC 9562, section 5.7: 48 bits of milliseconds); the epoch for other ids.</summary>
    private static DateTimeOffset Created(string id) =>
        id.Length >= 36 && Guid.TryParseExact(id.AsSpan(0, 36), "D", out var guid) && guid.Version == 7
            ? DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(string.Concat(id.AsSpan(0, 8), id.AsSpan(9, 4)), NumberStyles.HexNumber, CultureInfo.InvariantCulture))
            : DateTimeOffset.UnixEpoch;

    private static InvalidOperationException Unfit(ResourceDescriptor resource, string column, object value, string kind) =>
        new($"A row of {resource.Table} has a {value.GetType().Name} in the column {column} that is no {kind}; correct the view's query.");
}
