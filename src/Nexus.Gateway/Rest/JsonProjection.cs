using System.Buffers;
using System.Collections.Frozen;
using System.Text.Json;

namespace Nexus.Gateway.Rest;

/// <summary>Leaves out parts of records: secret and hidden fields always, others when <c>fields=</c> names only some. Immutable.</summary>
internal sealed class JsonProjection
{
    private readonly FrozenSet<string> secretPaths;
    private readonly FrozenSet<string> hiddenNames;
    private readonly FrozenSet<string>? wanted;

    private JsonProjection(FrozenSet<string> secretPaths, FrozenSet<string> hiddenNames, FrozenSet<string>? wanted)
    {
        this.secretPaths = secretPaths;
        this.hiddenNames = hiddenNames;
        this.wanted = wanted;
    }

    /// <summary>What is never returned of a resource; null when records leave as they are stored.</summary>
    public static JsonProjection? For(ResourceDescriptor resource, IEnumerable<string> hiddenNames)
    {
        var secret = Secrets(resource.Fields, "").ToFrozenSet(StringComparer.Ordinal);
        var hidden = hiddenNames.ToFrozenSet(StringComparer.OrdinalIgnoreCase);
        return secret.Count + hidden.Count == 0 ? null : new JsonProjection(secret, hidden, null);
    }

    /// <summary>The named fields only, of what <paramref name="always"/> lets through.</summary>
    public static JsonProjection Of(JsonProjection? always, IEnumerable<string> fields) =>
        new(always?.secretPaths ?? [], always?.hiddenNames ?? [], fields.ToFrozenSet(StringComparer.Ordinal));

    /// <summary>The record without what is left out.</summary>
    public ReadOnlyMemory<byte> Apply(ReadOnlyMemory<byte> record)
    {
        using var document = JsonDocument.Parse(record);
        var buffer = new ArrayBufferWriter<byte>(record.Length);
        using (var json = new Utf8JsonWriter(buffer, JsonAnswer.WriterOptions))
            Write(json, document.RootElement, "", wanted is null);
        return buffer.WrittenMemory;
    }

    private void Write(Utf8JsonWriter json, JsonElement value, string path, bool whole)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            json.WriteStartArray();
            foreach (var element in value.EnumerateArray())
                Write(json, element, path, whole);
            json.WriteEndArray();
            return;
        }
        if (value.ValueKind != JsonValueKind.Object)
        {
            value.WriteTo(json);
            return;
        }
        json.WriteStartObject();
        foreach (var member in value.EnumerateObject())
        {
            var inner = path.Length == 0 ? member.Name : $"{path}.{member.Name}";
            if (hiddenNames.Contains(member.Name) || secretPaths.Contains(inner))
                continue;
            var named = whole || wanted!.Contains(inner);
            if (!named && !wanted!.Any(w => w.StartsWith(inner + ".", StringComparison.Ordinal)))
                continue;
            json.WritePropertyName(member.Name);
            Write(json, member.Value, inner, named);
        }
        json.WriteEndObject();
    }

    private static IEnumerable<string> Secrets(IEnumerable<FieldDescriptor> fields, string prefix)
    {
        foreach (var field in fields)
        {
            if (field.Secret)
                yield return prefix + field.Name;
            var nested = field.Kind == FieldKind.List && field.Element is { } element ? element.Fields : field.Fields;
            foreach (var inner in Secrets(nested, prefix + field.Name + "."))
                yield return inner;
        }
    }
}
