using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Gateway.OpenApi;

namespace Nexus.Gateway.Tools;

/// <summary>The tools that a plugin declares itself.</summary>
internal static class PluginTools
{
    public static Tool Of(ActivePlugin plugin, ToolDescriptor declared, IResourceOperations operations, int resultBytes) => new()
    {
        Name = ToolSchemas.NameOf($"{plugin.Manifest.Name}_{declared.Name}"),
        Title = declared.Name,
        Description = declared.Description,
        Input = ToolSchemas.Of(ToolSchemas.Closed(SchemaNodes.Group(declared.Input))),
        Permission = declared.Permission,
        Writes = declared.Writes,
        Destructive = declared.Destructive,
        Repeatable = declared.Idempotent,
        Origin = FailureOrigin.Of(plugin, declared.Name),
        Run = async (call, token) =>
        {
            plugin.Quota?.Call();
            var result = await operations.RunAsync(plugin, declared, call.Context, JsonSerializer.SerializeToUtf8Bytes(call.Arguments), token);
            if (result.Length > resultBytes)
                throw new NexusException(ErrorCodes.PayloadTooLarge, $"The result of {declared.Name} has {result.Length} bytes; {resultBytes} are allowed (tools.resultBytes).");
            // The protocol's structured content is an object.
            return result.IsEmpty ? [] : JsonNode.Parse(result.Span) switch { JsonObject fields => fields, var other => new JsonObject { ["result"] = other } };
        },
    };
}
