using System.Collections.Immutable;
using Microsoft.Extensions.Caching.Hybrid;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Kernel.Caching;

/// <summary>Gives each plugin its own part of the cache, as <see cref="ICache"/> and as the framework's <see cref="HybridCache"/>.</summary>
internal sealed class CachePorts(IServiceProvider host, TimeProvider time) : IPluginPorts
{
    public void Add(IServiceCollection services, PluginPortContext context)
    {
        var space = new CacheSpace(context.Manifest.Name, [.. context.CacheNames, context.Manifest.Name], context.Lease, time);
        var cache = host.GetRequiredService<LayeredCache>();
        services.AddSingleton<ICache>(_ => new PluginCache(cache, space));
        services.AddSingleton<HybridCache>(own => new PluginHybridCache(own.GetRequiredService<ICache>()));
    }
}

/// <summary>The cache for rooms and operators.</summary>
internal sealed class Caches(LayeredCache cache, TimeProvider time) : ICaches
{
    public ICache Get(string service, string? owner = null) => new PluginCache(cache, new CacheSpace(owner ?? service, [service], null, time));

    public async ValueTask<CacheStatus> LookAsync(CancellationToken cancellationToken)
    {
        var (memory, counts) = (cache.Memory, cache.Counters);
        var levels = ImmutableArray.CreateBuilder<CacheLevelStatus>();
        levels.Add(new CacheLevelStatus(CacheLevels.Memory, HealthLevel.Healthy, memory.Count, memory.Bytes, counts.MemoryHits, counts.MemoryMisses, memory.Evictions));
        foreach (var level in cache.Shared)
        {
            var state = await level.LookAsync(cancellationToken);
            levels.Add(new CacheLevelStatus(level.Name, state is null || level.IsBehind ? HealthLevel.Degraded : HealthLevel.Healthy, state?.Entries, state?.Bytes, level.Hits, level.Misses, null)
            {
                Milliseconds = state?.Latency.TotalMilliseconds,
                Detail = state is null ? level.Failure : level.IsBehind ? "It is being told the removals that it missed." : null,
            });
        }
        return new CacheStatus(levels.DrainToImmutable(), counts.Hits, counts.Misses, counts.Loads, counts.Stale);
    }

    public async ValueTask<long> ClearAsync(string pattern, string? level, CancellationToken cancellationToken)
    {
        if (level is null)
            return await cache.RemoveMatchingAsync(pattern, cancellationToken);
        if (level == CacheLevels.Memory)
            return cache.Memory.RemoveMatching(pattern);
        var one = cache.Shared.FirstOrDefault(l => l.Name == level) ?? throw new NexusException(ErrorCodes.ResourceNotFound, $"The cache has no level {level}; there are {string.Join(", ", cache.Shared.Select(l => l.Name).Prepend(CacheLevels.Memory))}.");
        return await one.RemoveAsync([], pattern, cancellationToken);
    }
}
