using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Caching.Hybrid;

namespace Nexus.Kernel.Caching;

/// <summary>
/// The framework's typed cache over a plugin's <see cref="ICache"/>. Values are kept as JSON; those of types that cannot change are also kept as objects,
/// in a table of the plugin's own container that leaves with it. Keys are <c>{entity}:{id}:{discriminator}</c> or whole; any other text becomes <c>hybrid:{text}:v1</c>.
/// </summary>
internal sealed class PluginHybridCache(ICache cache) : HybridCache
{
    private const int MostKeys = 10_000;
    private static readonly CacheRules Defaults = new();

    // Larger values are not held by the table of keys, which knows nothing of their end.
    private const int SmallValue = 1024;
    private readonly ConditionalWeakTable<byte[], object> objects = [];
    private readonly ConcurrentDictionary<string, KnownKey> keys = new(StringComparer.Ordinal);
    private readonly IMemoryReader? memory = cache as IMemoryReader;

    public override ValueTask<T> GetOrCreateAsync<TState, T>(string key, TState state, Func<TState, CancellationToken, ValueTask<T>> factory, HybridCacheEntryOptions? options = null, IEnumerable<string>? tags = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(factory);
        var known = KeyOf(key);
        var flags = options?.Flags ?? HybridCacheEntryFlags.None;
        if ((flags & HybridCacheEntryFlags.DisableLocalCacheRead) == 0 && memory is not null && memory.TryRead(known, out var hit))
            return new(Read<T>(known, hit)!);
        return LookAsync(known, state, factory, RulesOf(options, flags, tags), (flags & HybridCacheEntryFlags.DisableUnderlyingData) != 0, cancellationToken);
    }

    public override ValueTask SetAsync<T>(string key, T value, HybridCacheEntryOptions? options = null, IEnumerable<string>? tags = null, CancellationToken cancellationToken = default) =>
        cache.SetAsync(KeyOf(key).Key, JsonCodec.For<T>().Serialize(value), RulesOf(options, options?.Flags ?? HybridCacheEntryFlags.None, tags), cancellationToken);

    public override async ValueTask RemoveAsync(string key, CancellationToken cancellationToken = default) =>
        await cache.RemoveAsync(CacheSelection.Of(KeyOf(key).Key), cancellationToken);

    public override async ValueTask RemoveByTagAsync(string tag, CancellationToken cancellationToken = default) =>
        await cache.RemoveAsync(tag == "*" ? CacheSelection.Matching("*") : CacheSelection.Tagged(tag), cancellationToken);

    private async ValueTask<T> LookAsync<TState, T>(KnownKey key, TState state, Func<TState, CancellationToken, ValueTask<T>> factory, CacheRules rules, bool withoutFactory, CancellationToken cancellationToken)
    {
        var found = withoutFactory
            ? await cache.FindAsync(key.Key, cancellationToken)
            : await cache.GetAsync(key.Key, async token => new CacheLoaded(JsonCodec.For<T>().Serialize(await factory(state, token))), rules, cancellationToken);
        return Read<T>(key, found)!;
    }

    private KnownKey KeyOf(string key)
    {
        if (keys.TryGetValue(key, out var known))
            return known;
        if (!CacheKey.TryParse(key, out var made))
            made = key.Split(':') is [{ Length: > 0 } entity, { Length: > 0 } id, { Length: > 0 } discriminator] ? CacheKey.Of(entity, id, discriminator) : CacheKey.Of("hybrid", key, "v1");
        if (keys.Count >= MostKeys)
            keys.Clear();
        return keys.GetOrAdd(key, new KnownKey(made));
    }

    private static CacheRules RulesOf(HybridCacheEntryOptions? options, HybridCacheEntryFlags flags, IEnumerable<string>? tags)
    {
        if (options is null && tags is null)
            return Defaults;
        return new CacheRules
        {
            Life = options?.Expiration,
            LocalLife = options?.LocalCacheExpiration,
            Tags = tags?.ToImmutableArray() ?? [],
            Reach = (flags & HybridCacheEntryFlags.DisableLocalCache) != 0 ? CacheReach.Shared : (flags & HybridCacheEntryFlags.DisableDistributedCache) != 0 ? CacheReach.Memory : CacheReach.All,
        };
    }

    [return: MaybeNull]
    private T Read<T>(KnownKey key, in CachedValue found)
    {
        if (!found.IsFound)
            return default;
        if (!Fixed<T>.IsFixed || !MemoryMarshal.TryGetArray(found.Value, out var bytes) || bytes.Array is not { } array || bytes.Count != array.Length)
            return JsonCodec.For<T>().Deserialize(found.Value.Span);
        if (key.Last is { } last && ReferenceEquals(last.Item1, array) && last.Item2 is T recent)
            return recent;
        if (objects.TryGetValue(array, out var kept) && kept is T known)
            return known;
        var value = JsonCodec.For<T>().Deserialize(found.Value.Span);
        if (value is not null && array.Length <= SmallValue)
            key.Last = Tuple.Create(array, (object)value);
        else if (value is not null)
            objects.AddOrUpdate(array, value);
        return value;
    }

    /// <summary>Statics of a generic over a collectible type belong to that type's load context.</summary>
    private static class Fixed<T>
    {
        /// <summary>Values cannot be changed by who reads them: text, numbers, and what says so by <see cref="ImmutableObjectAttribute"/>, as the framework's own cache has it.</summary>
        public static readonly bool IsFixed = typeof(T) == typeof(string) || (typeof(T).IsSealed && typeof(T).GetCustomAttribute<ImmutableObjectAttribute>() is { Immutable: true });
    }
}
