using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

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
