using System.Text;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Clients;

/// <summary>Schemas and operations as TypeScript types alone: what is sent and answered, without a line that runs.</summary>
internal static class TypeScriptTypes
{
    /// <summary>A module of types for a client of one's own: one type a schema, and <c>Operations</c> by method and path.</summary>
    public static string Write(ApiDocument api)
    {
        var text = new StringBuilder($"// What {api.Title} takes and answers, as types. Written by \"nexus client typescript --types\"; change the routes, not this file.\n\n/** What stands in an address. */\nexport type Word = string | number | boolean;\n\n/** What each operation takes and answers, by its method and path; what may be left out is optional. */\nexport interface Operations {{\n");
        foreach (var operation in api.Operations.Where(o => !o.IsStream))
            text.Append($"  /** {Text(operation.Summary)} */\n  '{operation.Method} {operation.Path}': {{ {string.Join("; ", Parts(operation))} }};\n");
        return text.Append("}\n").Append(Schemas(api)).ToString();
    }

    /// <summary>One exported type a named schema.</summary>
    public static string Schemas(ApiDocument api)
    {
        var text = new StringBuilder();
        foreach (var (name, schema) in api.Schemas.OrderBy(s => s.Name, StringComparer.Ordinal))
        {
            var type = Of(schema, "");
            var head = type.StartsWith('{') ? $"interface {ApiDocument.Pascal(name)} {type}\n" : $"type {ApiDocument.Pascal(name)} = {type};\n";
            text.Append($"\n{((string?)schema["description"] is { } about ? $"/** {Text(about)} */\n" : "")}export {head}");
        }

        return text.ToString();
    }

    /// <summary>The type of a schema, as it stands in a member that is indented so far.</summary>
    public static string Of(JsonObject schema, string indent)
    {
        if ((string?)schema["$ref"] is { } reference) return ApiDocument.Pascal(reference[(reference.LastIndexOf('/') + 1)..]);
        if (schema["oneOf"] is JsonArray forms) return string.Join(" | ", forms.OfType<JsonObject>().Select(form => Of(form, indent)));
        if (schema["enum"] is JsonArray words) return string.Join(" | ", words.Select(word => word?.ToJsonString() ?? "null"));
        var kinds = schema["type"] switch { JsonValue one => [(string)one!], JsonArray several => several.Select(t => (string)t!).ToArray(), _ => [] };
        return kinds.Length == 0 ? "unknown" : string.Join(" | ", kinds.Select(kind => OfKind(kind, schema, indent)));
    }

    private static string OfKind(string kind, JsonObject schema, string indent) => kind switch
    {
        "string" => "string",
        "integer" or "number" => "number",
        "boolean" => "boolean",
        "null" => "null",
        "array" => $"Array<{Of(schema["items"] as JsonObject ?? [], indent)}>",
        _ when schema["properties"] is JsonObject { Count: > 0 } properties => Members(properties, schema, indent),
        _ when schema["additionalProperties"] is JsonObject { Count: > 0 } values => $"Record<string, {Of(values, indent)}>",
        _ => "Record<string, unknown>",
    };

    private static string Members(JsonObject properties, JsonObject schema, string indent)
    {
        var required = (schema["required"] as JsonArray ?? []).Select(r => (string?)r).ToHashSet();
        var inner = indent + "  ";
        var members = properties.Select(p => $"{inner}{((string?)(p.Value as JsonObject)?["description"] is { } about ? $"/** {Text(about)} */\n{inner}" : "")}{Name(p.Key)}{(required.Contains(p.Key) ? "" : "?")}: {Of(p.Value as JsonObject ?? [], inner)};\n");
        var others = schema["additionalProperties"] switch { JsonObject { Count: > 0 } values => Of(values, inner), JsonObject => "unknown", JsonValue allowed when (bool)allowed => "unknown", _ => null };
        return $"{{\n{string.Concat(members)}{(others is null ? "" : $"{inner}[name: string]: {others};\n")}{indent}}}";
    }

    /// <summary>A member's name, quoted where it is no word.</summary>
    public static string Name(string name) => name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_') && !char.IsAsciiDigit(name[0]) ? name : System.Text.Json.JsonSerializer.Serialize(name);

    /// <summary>Text as it may stand in a comment.</summary>
    public static string Text(string text) => text.ReplaceLineEndings(" ").Replace("*/", "* /", StringComparison.Ordinal);

    private static IEnumerable<string> Parts(ApiOperation operation)
    {
        var path = operation.Parameters.Where(p => p.In == "path").ToList();
        if (path.Count > 0) yield return $"path: {{ {string.Join("; ", path.Select(p => $"{Name(p.Name)}: Word"))} }}";
        var query = operation.Parameters.Where(p => p.In == "query" && p.Schema["type"]?.ToString() != "object").ToList();
        if (query.Count > 0) yield return $"query{(query.Any(p => p.IsRequired) ? "" : "?")}: {{ {string.Join("; ", query.Select(p => $"{(p.Name.Contains('*') ? "[name: string]: Word | undefined" : $"{Name(p.Name)}{(p.IsRequired ? "" : "?")}: Word")}"))} }}";
        if (operation.Body is { } body) yield return $"body{(body.IsRequired ? "" : "?")}: {(body.IsJson ? Of(body.Schema, "  ") : "unknown")}";
        yield return $"answer: {(operation.Answer.Content is not { } content ? "null" : content.IsJson ? Of(content.Schema, "  ") : "string")}";
    }
}
