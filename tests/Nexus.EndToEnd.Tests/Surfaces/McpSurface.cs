using System.Text;
using System.Text.Json.Nodes;

namespace Nexus.EndToEnd.Tests.Surfaces;

/// <summary>Tools for models, over the Model Context Protocol.</summary>
internal sealed class McpSurface(RunningHost host) : RememberingSurface
{
    public override string Name => "MCP";

    public override async Task<string> RunAsync(Step step)
    {
        var body = step.Body is null ? null : JsonNode.Parse(step.Body);
        var arguments = step.Verb switch
        {
            "create" => body!.AsObject(),
            "get" => new JsonObject { ["id"] = IdOf(step) },
            "list" => Given(("filter", step.Filter is null ? null : JsonNode.Parse(step.Filter)), ("sort", step.Sort), ("q", step.Words), ("limit", step.Limit), ("cursor", CursorOf(step)), ("count", step.Count ? true : null)),
            "update" => Given(("id", IdOf(step)), ("changes", body), ("revision", step.IfRevision)),
            _ => Given(("id", IdOf(step)), ("input", body), ("revision", step.IfRevision)),
        };
        var result = await CallAsync(KeyOf(step), $"shop_orders_{step.Verb}", arguments);
        if (result["code"] is { } refused)
            return Outcome.Refused((string?)refused, []);
        var content = result["structuredContent"];
        if ((bool?)result["isError"] == true)
            return Outcome.Refused((string?)content?["code"], content?["errors"]?.AsArray().Select(e => InFields((string?)e!["pointer"], step)) ?? []);
        return step.Verb switch
        {
            "delete" => Outcome.Deleted,
            "list" => Listed(content!["items"]!.AsArray(), (string?)content["nextCursor"], (long?)content["total"]),
            _ => Made(step, content),
        };
    }

    // Arguments hold the fields of a change, and pointers point into the arguments.
    private static string? InFields(string? pointer, Step step)
    {
        var within = step.Verb switch { "update" => "/changes", "create" => "", _ => "/input" };
        return within.Length > 0 && pointer?.StartsWith(within + "/", StringComparison.Ordinal) == true ? pointer[within.Length..] : pointer;
    }

    private static JsonObject Given(params (string Name, JsonNode? Value)[] arguments) => new(arguments.Where(a => a.Value is not null).Select(a => KeyValuePair.Create(a.Name, a.Value)));

    private async Task<JsonNode> CallAsync(string caller, string tool, JsonObject arguments)
    {
        var message = new JsonObject { ["jsonrpc"] = "2.0", ["id"] = 1, ["method"] = "tools/call", ["params"] = new JsonObject { ["name"] = tool, ["arguments"] = arguments } };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/mcp") { Content = new StringContent(message.ToJsonString(), Encoding.UTF8, "application/json"), Headers = { { "Authorization", "Bearer " + caller }, { "Accept", "application/json, text/event-stream" } } };
        using var answer = await host.Client.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        if (!answer.IsSuccessStatusCode)
            return JsonNode.Parse(text)!;
        var data = text.Split('\n').FirstOrDefault(l => l.StartsWith("data:", StringComparison.Ordinal)) is { } line ? line[5..] : text;
        return JsonNode.Parse(data)!["result"] ?? throw new InvalidOperationException($"{tool}: {text}");
    }
}
