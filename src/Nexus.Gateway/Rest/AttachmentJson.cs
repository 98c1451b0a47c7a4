using System.Collections.Immutable;
using System.Text.Json;

namespace Nexus.Gateway.Rest;

/// <summary>Attachments as every surface tells of them.</summary>
internal static class AttachmentJson
{
    /// <summary>Schema of one.</summary>
    public const string Schema = """
        {"type":"object","description":"A file that is attached to a record.","required":["id","name","contentType","size","sha256","createdAt","createdBy","url"],"properties":{
          "id":{"type":"string","format":"uuid"},"name":{"type":"string","minLength":1,"maxLength":255},"contentType":{"type":"string"},"size":{"type":"integer","format":"int64","description":"Bytes."},
          "sha256":{"type":"string","description":"SHA-256 of the content, lower-case hex; also its ETag."},"createdAt":{"type":"string","format":"date-time"},"createdBy":{"type":"string","description":"Id of who attached it."},"url":{"type":"string","format":"uri-reference","description":"Where its content is."}}}
        """;

    /// <summary>Where the attachments of a record are, with a slash at the end.</summary>
    public static string AddressOf(ActivePlugin plugin, ResourceDescriptor resource, string id) =>
        $"{plugin.Manifest.RoutePrefix}/{resource.Name}/{Uri.EscapeDataString(id)}/attachments/";

    /// <summary>Writes a list of them.</summary>
    public static void WriteAll(Utf8JsonWriter json, ImmutableArray<Attachment> files, string address)
    {
        json.WriteStartArray();
        foreach (var file in files)
            Write(json, file, address);
        json.WriteEndArray();
    }

    /// <summary>The same as a value.</summary>
    public static JsonElement Of(ImmutableArray<Attachment> files, string address)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonAnswer.WriterOptions))
            WriteAll(json, files, address);
        return JsonElement.Parse(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter json, Attachment file, string address)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, file.Id);
        json.WriteString("name"u8, file.Name);
        json.WriteString("contentType"u8, file.ContentType);
        json.WriteNumber("size"u8, file.Size);
        json.WriteString("sha256"u8, file.Sha256);
        json.WriteString("createdAt"u8, file.CreatedAt.UtcDateTime);
        json.WriteString("createdBy"u8, file.CreatedBy);
        json.WriteString("url"u8, address + file.Id);
        json.WriteEndObject();
    }
}
