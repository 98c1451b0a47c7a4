using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>The nodes that work on this storage.</summary>
internal sealed class NodeRoutes(IServiceProvider host) : IPlatformRoutes
{
    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/nodes", "listNodes", "The nodes that live, with roles, addresses and plugins", "platform.nodes:read", async context => await JsonAnswer.SendAsync(context, await Nodes.ListAsync(context.RequestAborted))) { Answer = Answer.Of<NodeStatus[]>() },
        new("GET", "/api/v1/nodes/{id}", "getNode", "One node; 'self' is the one that answers", "platform.nodes:read", FindAsync) { Answer = Answer.Of<NodeStatus>() },
    ];

    private INodes Nodes => host.GetService<INodes>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host is no node of a storage.");

    private async Task FindAsync(HttpContext context)
    {
        var id = (string)context.Request.RouteValues["id"]!;
        var found = (await Nodes.ListAsync(context.RequestAborted)).FirstOrDefault(n => n.Id == id || n.Self && id == "self");
        await JsonAnswer.SendAsync(context, found ?? throw new NexusException(ErrorCodes.ResourceNotFound, $"No node {id} lives."));
    }
}
