using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace Nexus.Core.Identity.Http;

/// <summary>Reads request bodies.</summary>
internal static class Body
{
    /// <summary>Reads a JSON object; the gateway has bounded its size, depth and lengths.</summary>
    /// <exception cref="NexusException"><c>UNSUPPORTED_MEDIA_TYPE</c>, <c>BAD_REQUEST</c>.</exception>
    public static async Task<T> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type)
        where T : class
    {
        if (!context.Request.HasJsonContentType()) throw new NexusException(ErrorCodes.UnsupportedMediaType, "This route reads application/json.");
        try
        {
            return await JsonSerializer.DeserializeAsync(context.Request.Body, type, context.RequestAborted) ?? throw new NexusException(ErrorCodes.BadRequest, "The body is null; send an object.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Unreadable(e);
        }
    }

    /// <summary>Reads a JSON object or a form (<c>application/x-www-form-urlencoded</c>) of plain texts.</summary>
    public static async Task<T> ReadFormOrJsonAsync<T>(HttpContext context, JsonTypeInfo<T> type)
        where T : class
    {
        if (!context.Request.HasFormContentType) return await ReadAsync(context, type);
        var form = await context.Request.ReadFormAsync(context.RequestAborted);
        var node = new JsonObject();
        foreach (var (name, value) in form.Where(f => f.Value.Count == 1))
            node[name] = value[0] is "true" or "false" ? bool.Parse(value[0]!) : value[0];
        try
        {
            return node.Deserialize(type)!;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Unreadable(e);
        }
    }

    private static NexusException Unreadable(Exception e) =>
        new(ErrorCodes.BadRequest, $"The body is not what this route reads{(e is JsonException { Path: { Length: > 1 } path } ? $", at {path}" : "")}: a value of another type, an unknown field or broken JSON.", e);
}
