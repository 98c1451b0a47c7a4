using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>The node's cache for its operators.</summary>
internal sealed class CacheRoutes(IServiceProvider host) : IPlatformRoutes
{
    private static readonly (string, string)[] Selection = [("pattern", "keys to remove, with * and ?; all when absent"), ("level", "only this level of this node, such as memory; all levels and nodes when absent")];

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/api/v1/cache", "getCache", "The cache's levels with entries, bytes, hits and latency", "platform.cache:read", LookAsync) { Answer = Answer.Of<CacheStatus>() },
        new("DELETE", "/api/v1/cache", "clearCache", "Remove cached values", "platform.cache:delete", ClearAsync) { Query = Selection, Answer = Answer.Of<CacheCleared>() },
        new("GET", "/cache/status", "getCacheStatus", "The cache's levels, as GET /api/v1/cache", "platform.cache:read", LookAsync) { Answer = Answer.Of<CacheStatus>() },
        new("DELETE", "/cache", "deleteCache", "Remove cached values, as DELETE /api/v1/cache", "platform.cache:delete", ClearAsync) { Query = Selection, Answer = Answer.Of<CacheCleared>() },
    ];

    private ICaches Caches => host.GetService<ICaches>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no cache.");

    private async Task LookAsync(HttpContext context) => await JsonAnswer.SendAsync(context, await Caches.LookAsync(context.RequestAborted));

    private async Task ClearAsync(HttpContext context)
    {
        var pattern = context.Request.Query["pattern"].FirstOrDefault() is { Length: > 0 } asked ? asked : "*";
        // Whole keys begin so; a pattern may leave it out.
        if (!pattern.StartsWith(CacheKey.Prefix, StringComparison.Ordinal) && !pattern.StartsWith('*'))
            pattern = CacheKey.Prefix + pattern;
        var cleared = await Caches.ClearAsync(pattern, context.Request.Query["level"].FirstOrDefault(), context.RequestAborted);
        await JsonAnswer.SendAsync(context, new CacheCleared(cleared));
    }
}

/// <summary>How many values were removed.</summary>
internal sealed record CacheCleared([property: JsonPropertyName("cleared_keys")] long ClearedKeys);
