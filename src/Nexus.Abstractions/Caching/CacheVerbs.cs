using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus;

/// <summary>A service name under which a plugin keeps values in the cache, besides its id.</summary>
/// <param name="Name">Lower-case letters, digits, dots and dashes.</param>
public sealed record CacheNameContribution(string Name) : Contribution;

/// <summary>What a plugin's author says about its part of the cache.</summary>
public static class CacheVerbs
{
    /// <summary>Lets the plugin keep values below another service than its id, such as <c>user</c> for keys <c>nexus:user:profile:123:v1</c>. Two plugins may not have one name. The first one declared is where relative keys go.</summary>
    public static IPluginBuilder AddCacheName(this IPluginBuilder plugin, string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (name == "cache" || name == "http" || !name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '.' or '-'))
            throw new ArgumentException($"'{name}' is no service name of the cache: lower-case letters, digits, dots and dashes, and neither cache nor http.", nameof(name));
        return plugin.Contribute(new CacheNameContribution(name));
    }

    /// <summary>Caches what the route answers to GET: for each caller apart, for so long, or until something with one of the tags is removed. <c>X-Cache</c> says HIT, MISS or STALE.</summary>
    /// <param name="route">The route, or a group.</param>
    /// <param name="life">How long an answer is served without its handler.</param>
    /// <param name="tags">Words of the plugin's own, or of <see cref="CacheTags"/>.</param>
    public static TBuilder Cached<TBuilder>(this TBuilder route, TimeSpan life, params ImmutableArray<string> tags)
        where TBuilder : IEndpointConventionBuilder => route.Cached(new CachedAnswer(life) { Tags = tags });

    /// <summary>Caches what the route answers to GET, as <paramref name="answer"/> says.</summary>
    public static TBuilder Cached<TBuilder>(this TBuilder route, CachedAnswer answer)
        where TBuilder : IEndpointConventionBuilder
    {
        ArgumentNullException.ThrowIfNull(answer);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(answer.Life, TimeSpan.Zero);
        route.Add(endpoint => endpoint.Metadata.Add(answer));
        return route;
    }

    /// <summary>Caches lists and single records of the resource until one of its records is written. Callers who may read all records share answers; others have their own.</summary>
    public static ResourceBuilder<T> Cached<T>(this ResourceBuilder<T> resource, TimeSpan life)
        where T : Resource
    {
        ArgumentNullException.ThrowIfNull(resource);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(life, TimeSpan.Zero);
        resource.Descriptor = resource.Descriptor with { Cached = new CachedAnswer(life) { Audience = CacheAudience.Everyone, Tags = [CacheTags.OfResource(resource.Descriptor.Table)] } };
        return resource;
    }

    /// <summary>Fills the cache before the plugin serves, and again at every interval. A failure is logged and tried again at the next; it does not keep the plugin from serving.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="warm">Reads what should be in the cache, through <see cref="ICache"/> or <c>HybridCache</c>.</param>
    /// <param name="every">Time between two fillings; null fills once.</param>
    public static IPluginBuilder WarmCache(this IPluginBuilder plugin, Func<IServiceProvider, CancellationToken, Task> warm, TimeSpan? every = null)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        ArgumentNullException.ThrowIfNull(warm);
        plugin.Services.AddSingleton<IHostedService>(services => new CacheWarming(services, warm, every));
        return plugin;
    }

    /// <summary>Adds a <see cref="WriteBehind"/> to the plugin's services, which works while the plugin is active.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="rules">Makes its rules of the plugin's services.</param>
    public static IPluginBuilder AddWriteBehind(this IPluginBuilder plugin, Func<IServiceProvider, WriteBehindRules> rules)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        ArgumentNullException.ThrowIfNull(rules);
        plugin.Services.AddSingleton(services => new WriteBehind(services.GetRequiredService<ICache>(), rules(services), services.GetService<TimeProvider>() ?? TimeProvider.System, services.GetService<ILoggerFactory>()?.CreateLogger("Nexus.Cache")));
        plugin.Services.AddSingleton<IHostedService>(services => services.GetRequiredService<WriteBehind>());
        return plugin;
    }

    /// <summary>Write-through: writes to where the value lives, then into the cache. When the write fails the cache is as it was.</summary>
    /// <param name="cache">The cache.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <param name="write">Writes it durably.</param>
    /// <param name="rules">How it is kept.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static async ValueTask WriteThroughAsync(this ICache cache, CacheKey key, ReadOnlyMemory<byte> value, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> write, CacheRules? rules = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(write);
        await write(value, cancellationToken);
        await cache.SetAsync(key, value, rules, cancellationToken);
    }
}
