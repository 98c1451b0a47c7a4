using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>What keeps the old code of a plugin in memory.</summary>
internal sealed class WhyAliveRoutes(IPlugins plugins, IServiceProvider host) : IPlatformRoutes
{
    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
        [new("GET", "/api/v1/plugins/{id}/why-alive", "explainPluginAlive", "What keeps retired generations of a plugin in memory", "platform.plugins:read", ExplainAsync) { Answer = Answer.Of<PluginAlive>() }];

    private async Task ExplainAsync(HttpContext context)
    {
        var id = (string)context.Request.RouteValues["id"]!;
        var plugin = plugins.List().FirstOrDefault(p => p.Id == id) ?? throw new NexusException(ErrorCodes.PluginNotFound, $"This node knows no plugin {id}.");
        var reader = host.GetService<IWhyAlive>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no heap reader.");
        var holds = await reader.ExplainAsync(id, context.RequestAborted);
        await JsonAnswer.SendAsync(context, new PluginAlive(id, plugin.GenerationsAlive, holds));
    }
}

/// <summary>Generations of a plugin that are still in memory, and what holds them.</summary>
internal sealed record PluginAlive(string Id, int GenerationsAlive, ImmutableArray<AliveCause> Holds);
