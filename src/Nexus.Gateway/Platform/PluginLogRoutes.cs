using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>The newest lines that one plugin logged.</summary>
internal sealed class PluginLogRoutes(IPlugins plugins, IServiceProvider host) : IPlatformRoutes
{
    private const int MaxLines = 1_000;

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/plugins/{id}/logs", "getPluginLogs", "The newest lines that a plugin logged, oldest first", "platform.plugins:read", ReadAsync)
        {
            Query = [("level", "least level: trace, debug, information, warning, error, critical"), ("limit", "greatest number of lines, 1 to 1000, 200 when absent"), ("after", "only lines after this number")],
            Answer = Answer.Of<PluginLogLine[]>(),
        },
    ];

    private Task ReadAsync(HttpContext context)
    {
        var id = (string)context.Request.RouteValues["id"]!;
        if (plugins.List().All(p => p.Id != id))
            throw new NexusException(ErrorCodes.PluginNotFound, $"This node knows no plugin {id}.");
        var query = context.Request.Query;
        var limit = (int)LogRoutes.Number(query["limit"], "limit", 1, MaxLines, 200);
        var after = LogRoutes.Number(query["after"], "after", 0, long.MaxValue, 0);
        return JsonAnswer.SendAsync(context, [.. host.GetRequiredService<IPluginLogs>().Read(id, after, limit, LogRoutes.Level(query["level"]))], PlatformJson.Shared.PluginLogLineArray);
    }
}
