using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Tools;

namespace Nexus.Gateway.Platform;

/// <summary>What models may ask for, and the calls that people decide.</summary>
internal sealed class ToolRoutes(ToolRunner runner, ToolApprovals approvals, IOptionsMonitor<ToolOptions> options) : IPlatformRoutes
{
    private const string Root = "/api/v1/tools";
    private static readonly Answer Approval = Answer.Written("ToolApproval", """
        {"type":"object","required":["id","tool","arguments","caller","state","askedAt","expiresAt"],"properties":{"id":{"type":"string"},"tool":{"type":"string"},"arguments":{"type":"object","additionalProperties":true},"caller":{"type":"object","required":["id","name"],"properties":{"id":{"type":"string"},"name":{"type":"string"}}},
          "state":{"type":"string","enum":["waiting","approved","denied","used"]},"askedAt":{"type":"string","format":"date-time"},"expiresAt":{"type":"string","format":"date-time"},"decidedBy":{"type":["string","null"]}}}
        """);

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes => !options.CurrentValue.Enabled ? [] :
    [
        new("GET", Root, "listTools", "The tools that the caller may use, with the schemas of their arguments", PlatformRoute.Anyone, ListAsync) { Answer = Answer.Written("ToolView", """{"type":"object","required":["name","title","description","permission","writes","inputSchema"],"properties":{"name":{"type":"string"},"title":{"type":["string","null"]},"description":{"type":["string","null"]},"permission":{"type":["string","null"]},"writes":{"type":"boolean"},"inputSchema":{"type":"object","additionalProperties":true}}}""").Many() },
        new("GET", Root + "/approvals", "listToolApprovals", "Calls of tools that wait for a decision or were decided", "platform.tools:approve", PendingAsync) { Answer = Approval.Many() },
        new("GET", Root + "/approvals/{id}", "getToolApproval", "One call with its exact arguments", "platform.tools:approve", GetAsync) { Answer = Approval },
        new("POST", Root + "/approvals/{id}/approve", "approveToolCall", "Let this exact call happen once", "platform.tools:approve", context => DecideAsync(context, approve: true)) { Answer = Approval },
        new("POST", Root + "/approvals/{id}/deny", "denyToolCall", "Refuse this call", "platform.tools:approve", context => DecideAsync(context, approve: false)) { Answer = Approval },
    ];

    private async Task ListAsync(HttpContext context)
    {
        var tools = await runner.ListAsync(GatewayRequest.Of(context).Context, context.RequestAborted);
        await JsonAnswer.SendAsync(context, json =>
        {
            json.WriteStartArray();
            foreach (var tool in tools)
            {
                json.WriteStartObject();
                json.WriteString("name", tool.Name);
                json.WriteString("title", tool.Title);
                json.WriteString("description", tool.Description);
                json.WriteString("permission", tool.Permission);
                json.WriteBoolean("writes", tool.Writes);
                json.WritePropertyName("inputSchema");
                tool.Input.WriteTo(json);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }

    private async Task PendingAsync(HttpContext context)
    {
        var request = GatewayRequest.Of(context);
        var found = await approvals.ListAsync(request.Context.Tenant, context.RequestAborted);
        await JsonAnswer.SendAsync(context, found.Where(a => MaySee(request, a)).Select(Shown).ToArray());
    }

    private async Task GetAsync(HttpContext context) => await JsonAnswer.SendAsync(context, Shown(await FindAsync(context)));

    private async Task DecideAsync(HttpContext context, bool approve)
    {
        var request = GatewayRequest.Of(context);
        // A program must not approve its own calls: who decides has signed in as a person, or is at the machine itself.
        if (request.SignedIn is { SessionId: null })
            throw new NexusException(ErrorCodes.PermissionDenied, "A call is approved by a person who signed in; an API key cannot do it.");
        var found = await FindAsync(context);
        await JsonAnswer.SendAsync(context, Shown(await approvals.DecideAsync(found.Id, approve, request.Context, CancellationToken.None)));
    }

    private async Task<ToolApproval> FindAsync(HttpContext context)
    {
        var request = GatewayRequest.Of(context);
        var id = (string)context.Request.RouteValues["id"]!;
        return await approvals.FindCurrentAsync(id, request.Context.Tenant, context.RequestAborted) is { } found && MaySee(request, found)
            ? found
            : throw new NexusException(ErrorCodes.ResourceNotFound, $"There is no approval {id} that waits; they expire.");
    }

    private static bool MaySee(GatewayRequest request, ToolApproval approval) => request.Access == AccessScope.All || approval.CallerId == request.Context.Caller.Id;

    private static JsonObject Shown(ToolApproval approval) => new()
    {
        ["id"] = approval.Id,
        ["tool"] = approval.Tool,
        ["arguments"] = JsonNode.Parse(approval.Arguments),
        ["caller"] = new JsonObject { ["id"] = approval.CallerId, ["name"] = approval.CallerName },
        ["state"] = approval.State,
        ["askedAt"] = approval.AskedAt,
        ["expiresAt"] = approval.ExpiresAt,
        ["decidedBy"] = approval.DecidedBy,
    };
}
