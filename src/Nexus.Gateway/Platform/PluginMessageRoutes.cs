using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>Messages to plugins and their replies.</summary>
internal sealed class PluginMessageRoutes(IPlugins plugins, RequestBody bodies, IServiceProvider host) : IPlatformRoutes
{
    private const string Root = "/api/v1/plugins";
    private const string Message = """{"type":"object","required":["data"],"properties":{"data":{},"timeout":{"type":"number","description":"seconds, up to 60; 5 when absent"}""";
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("POST", Root + "/{id}/message", "messagePlugin", "Send a message to one plugin and answer with its reply", "platform.plugins:update", MessageAsync) { Input = Message + "}}", Answer = Answer.Written("PluginReply", """{"type":"object","required":["plugin","data"],"properties":{"plugin":{"type":"string"},"data":{}}}""") },
        new("POST", Root + "/broadcast", "broadcastToPlugins", "Send a message to every plugin that takes messages and answer with their replies", "platform.plugins:update", BroadcastAsync) { Input = Message + ""","categories":{"type":"array","items":{"type":"string"}},"exclude":{"type":"array","items":{"type":"string"}}}}""", Answer = Answer.Written("PluginReplies", """{"type":"object","required":["replies","silent"],"properties":{"replies":{"type":"object","additionalProperties":true},"silent":{"type":"array","items":{"type":"string"}}}}""") },
    ];

    private IEvents Events => host.GetService<IEvents>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no event bus.");

    private async Task MessageAsync(HttpContext context)
    {
        var plugin = Find(context).Id;
        var message = await ReadAsync(context);
        if (plugins.Current.Find(plugin) is not { } active || !TakesMessages(active))
            throw new NexusException(ErrorCodes.RouteNotFound, $"{plugin} is not active or takes no messages; its author declares OnMessage.");
        var reply = await Events.AskAsync(plugin, Data(message), Timeout(message), context.RequestAborted);
        await JsonAnswer.SendAsync(context, new JsonObject { ["plugin"] = plugin, ["data"] = Parse(reply) });
    }

    private async Task BroadcastAsync(HttpContext context)
    {
        var message = await ReadAsync(context);
        var (categories, excluded) = (Words(message, "categories"), Words(message, "exclude"));
        var targets = plugins.Current.Plugins.Where(p => TakesMessages(p)
            && (categories.Length == 0 || categories.Contains(p.Manifest.Category.ToString(), StringComparer.OrdinalIgnoreCase))
            && !excluded.Contains(p.Manifest.Name, StringComparer.Ordinal)).Select(p => p.Manifest.Name).ToArray();
        var answers = await Task.WhenAll(targets.Select(t => AskAsync(t, message, context.RequestAborted)));
        var replies = new JsonObject();
        foreach (var (plugin, reply) in targets.Zip(answers).Where(a => a.Second is not null))
            replies[plugin] = Parse(reply!.Value);
        await JsonAnswer.SendAsync(context, new JsonObject { ["replies"] = replies, ["silent"] = new JsonArray([.. targets.Zip(answers).Where(a => a.Second is null).Select(a => (JsonNode)a.First)]) });
    }

    private async Task<ReadOnlyMemory<byte>?> AskAsync(string plugin, JsonObject message, CancellationToken cancellationToken)
    {
        try
        {
            return await Events.AskAsync(plugin, Data(message), Timeout(message), cancellationToken);
        }
        catch (NexusException e) when (e.Code == ErrorCodes.PluginCommunicationTimeout)
        {
            return null;
        }
    }

    private static bool TakesMessages(ActivePlugin plugin) => plugin.Subscriptions.Any(s => s.Pattern == MessageVerbs.EventName(plugin.Manifest.Name));

    private PluginStatus Find(HttpContext context)
    {
        var id = (string)context.Request.RouteValues["id"]!;
        return plugins.List().FirstOrDefault(p => p.Id == id) ?? throw new NexusException(ErrorCodes.PluginNotFound, $"This node knows no plugin {id}.");
    }

    private async Task<JsonObject> ReadAsync(HttpContext context)
    {
        var body = await bodies.ReadJsonAsync(context, GatewayRequest.Of(context));
        return (body.IsEmpty ? null : JsonNode.Parse(body.Span)) is JsonObject message && message.ContainsKey("data")
            ? message
            : throw new NexusException(ErrorCodes.ValidationError, "The body needs `data`.") { Errors = [new FieldError("/data", "required", "data is the message, any JSON.")] };
    }

    private static byte[] Data(JsonObject message) => JsonSerializer.SerializeToUtf8Bytes(message["data"]);

    private static JsonNode? Parse(ReadOnlyMemory<byte> reply) => JsonNode.Parse(reply.Span);

    private static string[] Words(JsonObject message, string name) => message[name] is JsonArray list ? [.. list.Select(v => v?.ToString() ?? "")] : [];

    private static TimeSpan Timeout(JsonObject message) => message["timeout"] switch
    {
        null => TimeSpan.FromSeconds(5),
        JsonValue value when value.TryGetValue(out double seconds) && seconds > 0 && seconds <= Longest.TotalSeconds => TimeSpan.FromSeconds(seconds),
        _ => throw new NexusException(ErrorCodes.ValidationError, "timeout is not valid.") { Errors = [new FieldError("/timeout", "range", $"timeout must be seconds above 0, at most {Longest.TotalSeconds:0}.")] },
    };
}
