using System.Text.Json;

namespace Nexus.Data.Resources;

/// <summary>JSON Merge Patch, RFC 7396 section 2.</summary>
internal static class MergePatch
{
    /// <summary>The target after the patch. Members of the target that <paramref name="fields"/> does not have are left behind: the resource had them once.</summary>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c>: the patch is not JSON.</exception>
    public static ReadOnlyMemory<byte> Apply(ReadOnlyMemory<byte> target, ReadOnlyMemory<byte> patch, FieldTable? fields = null)
    {
        using var before = JsonDocument.Parse(target);
        using var change = Parse(patch);
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(target.Length + patch.Length);
        try
        {
            using var writer = new Utf8JsonWriter(buffer, RecordComposer.WriterOptions);
            Write(writer, before.RootElement, change.RootElement, fields);
        }
        catch (InvalidOperationException e)
        {
            throw new NexusException(ErrorCodes.BadRequest, "The body has characters that are not Unicode text.", e);
        }

        return buffer.WrittenMemory;
    }

    private static bool IsKnown(FieldTable fields, JsonProperty member) =>
        fields.All.Any(f => member.NameEquals(f.Name)) || ObjectScan.Platform.Any(p => member.NameEquals(p));

    private static JsonDocument Parse(ReadOnlyMemory<byte> patch)
    {
        try
        {
            return JsonDocument.Parse(patch);
        }
        catch (JsonException e)
        {
            throw ObjectScan.Unreadable(e, patch.Span);
        }
    }

    private static void Write(Utf8JsonWriter writer, JsonElement? target, JsonElement patch, FieldTable? fields)
    {
        if (patch.ValueKind != JsonValueKind.Object)
        {
            patch.WriteTo(writer);
            return;
        }

        var members = target is { ValueKind: JsonValueKind.Object } found ? found.EnumerateObject().Where(m => fields is null || IsKnown(fields, m)).ToList() : [];
        var changes = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var change in patch.EnumerateObject())
        {
            changes[change.Name] = change.Value;
        }

        writer.WriteStartObject();
        foreach (var member in members)
        {
            if (!changes.Remove(member.Name, out var change))
            {
                member.WriteTo(writer);
            }
            else if (change.ValueKind != JsonValueKind.Null)
            {
                writer.WritePropertyName(member.Name);
                Write(writer, member.Value, change, null);
            }
        }

        foreach (var (name, value) in changes.Where(c => c.Value.ValueKind != JsonValueKind.Null))
        {
            writer.WritePropertyName(name);
            Write(writer, null, value, null);
        }

        writer.WriteEndObject();
    }
}
