using System.Collections;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.OpenApi;

/// <summary>JSON Schemas of what the platform itself answers, drawn from the types that are serialised. A record is a named schema; what is null is left out of answers and so is not required.</summary>
internal sealed class AnswerSchemas(JsonObject components)
{
    /// <summary>The schema of a type: a reference where it has a name.</summary>
    public JsonNode Of(Type type)
    {
        var shown = Nullable.GetUnderlyingType(type) ?? type;
        if (NameOf(shown) is not { } name)
            return Export(shown);
        if (!components.ContainsKey(name))
        {
            components[name] = new JsonObject(); // Taken before it is drawn, for a type that holds itself.
            components[name] = Export(shown);
        }
        return OpenApiParts.Reference("schemas", name);
    }

    /// <summary>A schema that stands as text, under its name.</summary>
    public JsonNode Named(string name, string schema)
    {
        if (!components.ContainsKey(name))
            components[name] = JsonNode.Parse(schema);
        return OpenApiParts.Reference("schemas", name);
    }

    private static string? NameOf(Type type) =>
        type.Namespace?.StartsWith("Nexus", StringComparison.Ordinal) == true && type is { IsGenericType: false, IsEnum: false } && JsonAnswer.Options.GetTypeInfo(type).Kind == JsonTypeInfoKind.Object && !typeof(IEnumerable).IsAssignableFrom(type) ? type.Name : null;

    private JsonNode Export(Type type)
    {
        var node = JsonAnswer.Options.GetJsonSchemaAsNode(type, new JsonSchemaExporterOptions
        {
            TreatNullObliviousAsNonNullable = true,
            TransformSchemaNode = (context, schema) => Shown(context, schema, isRoot: context.Path.IsEmpty),
        });
        return node is JsonObject ? node : new JsonObject();
    }

    private JsonNode Shown(JsonSchemaExporterContext context, JsonNode schema, bool isRoot)
    {
        var type = Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type;
        if (schema is not JsonObject node)
            return new JsonObject();
        // The exporter names a type that it met before by its place below its own root, which is none in the document.
        if (!isRoot && NameOf(type) is not null || node.ContainsKey("$ref"))
            return Of(type).DeepClone();
        OneKind(node, context.PropertyInfo);
        if (FormatOf(type) is { } format)
            node["format"] = format;
        if (node["properties"] is JsonObject)
            Demand(node, context.TypeInfo.Properties);
        return node;
    }

    /// <summary>What is null is left out, so what always stands there is what is never null.</summary>
    private static void Demand(JsonObject node, IEnumerable<JsonPropertyInfo> properties)
    {
        var always = properties.Where(p => node["properties"]![p.Name] is not null && !IsNullable(p) && !IsLeftOut(p)).Select(p => (JsonNode)p.Name).ToArray();
        node.Remove("required");
        if (always.Length > 0)
            node["required"] = new JsonArray(always);
    }

    /// <summary>One kind where the serializer would also read another: numbers never stand in quotes in an answer.</summary>
    private static void OneKind(JsonObject node, JsonPropertyInfo? property)
    {
        if (node["type"] is JsonArray kinds)
        {
            var nulls = property is null && kinds.Any(k => (string?)k == "null");
            var kept = kinds.Select(k => (string)k!).Where(k => k != "null").ToArray();
            var kind = kept.Length > 1 ? kept.First(k => k != "string") : kept[0];
            node["type"] = nulls ? new JsonArray(kind, "null") : kind;
            if (kind is "integer" or "number")
                node.Remove("pattern");
        }
        if (node["enum"] is JsonArray words)
        {
            node["type"] = "string";
            node["enum"] = new JsonArray([.. words.Where(w => w is not null).Select(w => w!.DeepClone())]);
        }
    }

    private static bool IsNullable(JsonPropertyInfo property) =>
        property.PropertyType.IsValueType ? Nullable.GetUnderlyingType(property.PropertyType) is not null : property.IsGetNullable;

    private static bool IsLeftOut(JsonPropertyInfo property) =>
        property.AttributeProvider?.GetCustomAttributes(typeof(JsonIgnoreAttribute), inherit: true).OfType<JsonIgnoreAttribute>().Any(a => a.Condition != JsonIgnoreCondition.Never) == true;

    private static string? FormatOf(Type type) => type switch
    {
        _ when type == typeof(long) || type == typeof(ulong) => "int64",
        _ when type == typeof(int) || type == typeof(uint) => "int32",
        _ when type == typeof(double) || type == typeof(float) => "double",
        _ => null,
    };
}
