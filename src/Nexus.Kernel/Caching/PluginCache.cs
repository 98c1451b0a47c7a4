using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Nexus.Kernel.Caching;

/// <summary>The cache as one owner sees it: its own services, its own tags, the tenant of the call.</summary>
internal sealed class PluginCache(LayeredCache cache, CacheSpace space) : ICache, IMemoryReader
{
    private const int MostNames = 10_000;
    private static readonly CacheRules Defaults = new();

    // Relative keys of the default tenant, so that a hit makes no text. Emptied when full.
    private readonly ConcurrentDictionary<string, string> whole = new(StringComparer.Ordinal);

    public ValueTask<CachedValue> FindAsync(CacheKey key, CancellationToken cancellationToken = default) =>
        cache.FindAsync(new CacheCall(Resolve(key), space.Owner, Defaults), cancellationToken);

    public ValueTask<CachedValue> GetAsync(CacheKey key, CacheLoad load, CacheRules? rules = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(load);
        return cache.GetAsync(new CacheCall(Resolve(key), space.Owner, Named(rules)) { Space = space, Load = load, Lease = space.Lease }, cancellationToken);
    }

    public ValueTask SetAsync(CacheKey key, ReadOnlyMemory<byte> value, CacheRules? rules = null, CancellationToken cancellationToken = default) =>
        cache.SetAsync(new CacheCall(Resolve(key), space.Owner, Named(rules)) { Space = space }, value, cancellationToken);

    public ValueTask<long> AddAsync(CacheKey key, long by = 1, TimeSpan? life = null, CancellationToken cancellationToken = default) =>
        cache.AddAsync(new CacheCall(Resolve(key), space.Owner, life is null ? Defaults : new CacheRules { Life = life }), by, cancellationToken);

    public async ValueTask<long> RemoveAsync(CacheSelection selection, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(selection);
        var name = space.NameOf();
        var keys = selection.Keys.Select(Resolve).ToImmutableArray();
        var tags = selection.Tags.Select(name).Concat(selection.Cascade ? keys.Select(k => CacheTags.KeyPrefix + k) : []).ToImmutableArray();
        var patterns = selection.Pattern is { } pattern ? space.Services.Select(s => $"{CacheKey.Prefix}{CacheSpace.Within(s)}:{pattern}").ToImmutableArray() : [];
        if (selection.Delay <= TimeSpan.Zero)
            return await RemoveNowAsync(keys, tags, patterns, cancellationToken);
        _ = RemoveLaterAsync(selection.Delay, keys, tags, patterns);
        return 0;
    }

    public bool TryRead(KnownKey key, out CachedValue value)
    {
        if (!ReferenceEquals(CallContext.Current.Tenant, CallContext.DefaultTenant))
        {
            value = default;
            return false;
        }
        return cache.TryRead(key.Whole ??= Resolve(key.Key), out value);
    }

    /// <summary>The whole key of one that the owner names.</summary>
    internal string Resolve(CacheKey key)
    {
        if (key.Text is null)
            throw new NexusException(ErrorCodes.CacheKeyInvalid, "The cache key is empty; make one by CacheKey.Of.");
        var tenant = CallContext.Current.Tenant;
        if (key.Service.Length > 0)
        {
            if (!space.Services.Contains(key.Service))
                throw new NexusException(ErrorCodes.CacheKeyInvalid, $"{space.Owner} may not keep values below {key.Service}; its own are {string.Join(", ", space.Services)}.");
            return tenant == CallContext.DefaultTenant ? key.Text : key.Within(key.Service, tenant).Text;
        }
        if (tenant != CallContext.DefaultTenant)
            return key.Within(space.Services[0], tenant).Text;
        if (whole.TryGetValue(key.Text, out var known))
            return known;
        if (whole.Count >= MostNames)
            whole.Clear();
        return whole.GetOrAdd(key.Text, key.Within(space.Services[0], tenant).Text);
    }

    private CacheRules Named(CacheRules? rules)
    {
        if (rules is null)
            return Defaults;
        return rules.Tags.IsDefaultOrEmpty ? rules : rules with { Tags = [.. rules.Tags.Select(space.NameOf())] };
    }

    private async ValueTask<long> RemoveNowAsync(ImmutableArray<string> keys, ImmutableArray<string> tags, ImmutableArray<string> patterns, CancellationToken cancellationToken)
    {
        var removed = await cache.RemoveKeysAsync(keys, cancellationToken) + await cache.RemoveTagsAsync(tags, cancellationToken);
        foreach (var pattern in patterns)
            removed += await cache.RemoveMatchingAsync(pattern, cancellationToken);
        return removed;
    }

    private async Task RemoveLaterAsync(TimeSpan delay, ImmutableArray<string> keys, ImmutableArray<string> tags, ImmutableArray<string> patterns)
    {
        await Task.Delay(delay, space.Time);
        await RemoveNowAsync(keys, tags, patterns, CancellationToken.None);
    }
}

/// <summary>What belongs to one owner of cache entries.</summary>
/// <param name="Owner">The plugin's id, or the room's service.</param>
/// <param name="Services">Its services; relative keys are below the first.</param>
/// <param name="Lease">Held while its loaders run; null for a room.</param>
/// <param name="Time">The clock.</param>
internal sealed record CacheSpace(string Owner, ImmutableArray<string> Services, IGeneration? Lease, TimeProvider Time)
{
    /// <summary>The service part of a key in the tenant of the call.</summary>
    public static string Within(string service) => CallContext.Current.Tenant is var tenant && tenant == CallContext.DefaultTenant ? service : $"{CacheKey.Part(tenant)}@{service}";

    /// <summary>Makes tags whole: the platform's own are of the tenant, an owner's words are its own as well.</summary>
    public Func<string, string> NameOf()
    {
        var tenant = CallContext.Current.Tenant;
        var owner = Owner;
        return tag => tag.StartsWith(CacheTags.KeyPrefix, StringComparison.Ordinal) ? KeyTag(tag) : CacheTags.Public(tenant, owner, tag);
    }

    /// <summary>The tag of a resource's records in a tenant.</summary>
    public static string ResourceTag(string tenant, string tag) => tenant == CallContext.DefaultTenant ? tag : $"{tenant}@{tag}";

    private string KeyTag(string tag)
    {
        var key = tag[CacheTags.KeyPrefix.Length..];
        if (CacheKey.TryParse(key, out var known))
            return CacheTags.KeyPrefix + (CallContext.Current.Tenant is var tenant && tenant == CallContext.DefaultTenant ? key : known.Within(known.Service, tenant).Text);
        return $"{CacheTags.KeyPrefix}{CacheKey.Prefix}{Within(Services[0])}:{key}";
    }
}
