using System.Globalization;
using System.Text.Json.Nodes;

namespace Nexus.Cli.Clients;

/// <summary>A value that a schema allows, for operations that bring no example of their own.</summary>
internal static class SampleValue
{
    private const int MaxDepth = 6;

    /// <summary>A value of a schema.</summary>
    public static JsonNode? Of(ApiDocument api, JsonObject schema, int depth = 0)
    {
        var resolved = api.Resolve(ApiDocument.OneForm(schema));
        if (resolved["example"] is { } example) return example.DeepClone();
        if (resolved["examples"] is JsonArray { Count: > 0 } examples) return examples[0]?.DeepClone();
        if (resolved["default"] is { } otherwise) return otherwise.DeepClone();
        if (resolved["enum"] is JsonArray { Count: > 0 } words) return words[0]?.DeepClone();
        var kind = resolved["type"] switch { JsonValue one => (string?)one, JsonArray several => several.Select(t => (string?)t).FirstOrDefault(t => t != "null"), _ => resolved["properties"] is null ? null : "object" };
        return kind switch
        {
            "string" => Text((string?)resolved["format"]),
            "integer" => resolved["minimum"]?.DeepClone() ?? 1,
            "number" => resolved["minimum"]?.DeepClone() ?? 1,
            "boolean" => true,
            "array" => depth > MaxDepth ? new JsonArray() : new JsonArray(Of(api, resolved["items"] as JsonObject ?? [], depth + 1)),
            "object" => depth > MaxDepth ? new JsonObject() : new JsonObject((resolved["properties"] as JsonObject ?? []).Select(p => KeyValuePair.Create(p.Key, Of(api, p.Value as JsonObject ?? [], depth + 1)))),
            _ => null,
        };
    }

    private static string Text(string? format) => format switch
    {
        "uuid" => "0190c6f0-0000-7000-8000-000000000001",
        "date-time" => new DateTime(2030, 1, 31, 12, 0, 0, DateTimeKind.Utc).ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
        "date" => "2030-01-31",
        "time" => "12:00:00",
        "duration" => "PT1H",
        "uri" or "uri-reference" => "https://example.org",
        "email" => "ada@example.org",
        _ => "text",
    };
}
