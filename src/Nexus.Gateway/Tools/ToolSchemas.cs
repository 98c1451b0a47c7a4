using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Nexus.Gateway.Tools;

/// <summary>Names and input schemas as models and their clients take them.</summary>
internal static class ToolSchemas
{
    private const int MaxName = 64;

    /// <summary>A name of letters, digits, <c>_</c> and <c>-</c>; one that is too long ends in a hash of the whole.</summary>
    public static string NameOf(string text)
    {
        var name = string.Concat(text.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '_'));
        return name.Length <= MaxName ? name : $"{name[..(MaxName - 9)]}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..8]}";
    }

    /// <summary>The schema as it is shown.</summary>
    public static JsonElement Of(JsonObject schema) => JsonSerializer.SerializeToElement(Plain(schema));

    /// <summary>The schema without further properties.</summary>
    public static JsonObject Closed(JsonObject schema)
    {
        schema["additionalProperties"] = false;
        return schema;
    }

    /// <summary>Without what checkers of other platforms read otherwise: formats that JSON Schema does not know and patterns of .NET, which the description tells instead.</summary>
    private static JsonObject Plain(JsonObject schema)
    {
        if (schema["format"]?.GetValue<string>() is "decimal" or "int64" or "double" or "duration")
            schema.Remove("format");
        if (schema["pattern"] is JsonValue pattern)
        {
            schema["description"] = $"{(string?)schema["description"]} Matches {pattern.GetValue<string>()}.".TrimStart();
            schema.Remove("pattern");
        }

        foreach (var (_, inner) in schema.ToList())
        {
            if (inner is JsonObject one)
                Plain(one);
        }

        return schema;
    }
}
