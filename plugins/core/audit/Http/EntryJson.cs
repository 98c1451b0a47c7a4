using System.Globalization;
using System.Text;
using System.Text.Json;
using Nexus.Core.Audit.Chain;

namespace Nexus.Core.Audit.Http;

/// <summary>The JSON form of an entry.</summary>
internal static class EntryJson
{
    /// <summary>Writes an entry; with its encoding (base64) when it must be possible to compute its hash again.</summary>
    public static void Write(Utf8JsonWriter json, SealedEntry entry, bool encoded = false)
    {
        json.WriteStartObject();
        json.WriteNumber("position"u8, entry.Position);
        json.WriteString("at"u8, Instant(entry.Entry.At));
        json.WriteString("actor"u8, entry.Entry.Actor);
        json.WriteString("action"u8, entry.Entry.Action);
        json.WriteString("subject"u8, entry.Entry.Subject);
        json.WriteString("result"u8, ResultOf(entry.Entry.Result));
        json.WriteString("address"u8, entry.Entry.Address);
        json.WriteString("userAgent"u8, entry.Entry.UserAgent);
        json.WriteString("correlationId"u8, entry.Entry.CorrelationId);
        WriteDetail(json, entry.Entry.Detail);
        if (encoded)
        {
            json.WriteNumber("source"u8, entry.Source);
            json.WriteBase64String("encoded"u8, AuditEncoding.Encode(entry.Entry));
        }

        json.WriteEndObject();
    }

    /// <summary>One line of JSON lines.</summary>
    public static byte[] Line(SealedEntry entry, bool encoded = false)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            Write(json, entry, encoded);
        buffer.WriteByte((byte)'\n');
        return buffer.ToArray();
    }

    /// <summary>The header of CSV.</summary>
    public const string CsvHeader = "position,at,actor,action,subject,result,address,userAgent,correlationId,detail\r\n";

    /// <summary>One line of CSV (RFC 4180); what a spreadsheet would take for a formula gets an apostrophe in front.</summary>
    public static string Csv(SealedEntry entry) => string.Join(',', new[]
    {
        entry.Position.ToString(CultureInfo.InvariantCulture), Instant(entry.Entry.At), Cell(entry.Entry.Actor), Cell(entry.Entry.Action), Cell(entry.Entry.Subject), ResultOf(entry.Entry.Result), Cell(entry.Entry.Address), Cell(entry.Entry.UserAgent), Cell(entry.Entry.CorrelationId), Cell(Encoding.UTF8.GetString(entry.Entry.Detail.Span)),
    }) + "\r\n";

    /// <summary>A cell of CSV.</summary>
    public static string Cell(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return "";
        if (text[0] is '=' or '+' or '-' or '@' or '\t' or '\r')
            text = "'" + text;
        return text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }

    /// <summary>An instant with microseconds, UTC.</summary>
    public static string Instant(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    /// <summary>A result as it is written.</summary>
    public static string ResultOf(AuditResult result) => result switch { AuditResult.Success => "success", AuditResult.Denied => "denied", AuditResult.Failure => "failure", _ => "unknown" };

    private static void WriteDetail(Utf8JsonWriter json, ReadOnlyMemory<byte> detail)
    {
        if (detail.IsEmpty)
        {
            json.WriteNull("detail"u8);
            return;
        }

        json.WritePropertyName("detail"u8);
        try
        {
            using var parsed = JsonDocument.Parse(detail);
            parsed.WriteTo(json);
        }
        catch (JsonException)
        {
            json.WriteStringValue(Encoding.UTF8.GetString(detail.Span));
        }
    }
}
