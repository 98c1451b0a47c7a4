using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace Nexus.Core.Identity.Http;

/// <summary>Reads request bodies: JSON objects whose members may be written <c>new_password</c> or <c>newPassword</c>, as programs of either habit do.</summary>
internal static class Body
{
    /// <summary>Reads a JSON object; the gateway has bounded its size, depth and lengths.</summary>
    /// <exception cref="NexusException"><c>UNSUPPORTED_MEDIA_TYPE</c>, <c>BAD_REQUEST</c>.</exception>
    public static async Task<T> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type)
        where T : class => Read(await ObjectAsync(context), type);

    /// <summary>The same, and a body may be missing.</summary>
    public static async Task<T> ReadOrEmptyAsync<T>(HttpContext context, JsonTypeInfo<T> type)
        where T : class => Read(context.Request.ContentLength is null or 0 && context.Request.ContentType is null ? [] : await ObjectAsync(context), type);

    /// <summary>Reads a JSON object or a form (<c>application/x-www-form-urlencoded</c>) of plain texts.</summary>
    public static async Task<T> ReadFormOrJsonAsync<T>(HttpContext context, JsonTypeInfo<T> type)
        where T : class
    {
        if (!context.Request.HasFormContentType) return await ReadAsync(context, type);
        var form = await context.Request.ReadFormAsync(context.RequestAborted);
        var node = new JsonObject();
        foreach (var (name, value) in form.Where(f => f.Value.Count == 1))
            node[name] = value[0] is "true" or "false" ? bool.Parse(value[0]!) : value[0];
        return Read(node, type);
    }

    /// <summary>Reads a JSON object as it is.</summary>
    public static async Task<JsonObject> ObjectAsync(HttpContext context)
    {
        if (!context.Request.HasJsonContentType()) throw new NexusException(ErrorCodes.UnsupportedMediaType, "This route reads application/json.");
        try
        {
            return await JsonNode.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted) as JsonObject ?? throw new NexusException(ErrorCodes.BadRequest, "The body is not a JSON object.");
        }
        catch (JsonException e)
        {
            throw Unreadable(e);
        }
    }

    private static T Read<T>(JsonObject node, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            foreach (var name in node.Select(m => m.Key).Where(n => n.Contains('_', StringComparison.Ordinal)).ToList())
            {
                var camel = JsonNamingPolicy.CamelCase.ConvertName(string.Concat(name.Split('_', StringSplitOptions.RemoveEmptyEntries).Select(w => char.ToUpperInvariant(w[0]) + w[1..])));
                if (node.ContainsKey(camel)) throw new NexusException(ErrorCodes.BadRequest, $"The body says {name} and {camel}; send one of them.");
                node.Remove(name, out var value);
                node[camel] = value;
            }

            return node.Deserialize(type)!;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            throw Unreadable(e);
        }
    }

    private static NexusException Unreadable(Exception e) =>
        new(ErrorCodes.BadRequest, $"The body is not what this route reads{(e is JsonException { Path: { Length: > 1 } path } ? $", at {path}" : "")}: a value of another type, an unknown field or broken JSON.", e);
}
