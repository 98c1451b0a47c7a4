using System.Collections.Immutable;

namespace Nexus;

/// <summary>
/// A plugin's own part of the node's cache: memory first, then the levels that nodes share (<c>cache.type</c>), then the loader. It holds bytes, never objects, so it keeps no code alive.
/// The framework's <c>HybridCache</c> is the typed form of it. A cache never fails a call: a shared level that does not answer counts as a miss. Values are not durable. Thread-safe.
/// </summary>
public interface ICache
{
    /// <summary>Looks a value up in all levels. A stored empty value, <c>null</c>, 0 or false is found like any other.</summary>
    ValueTask<CachedValue> FindAsync(CacheKey key, CancellationToken cancellationToken = default);

    /// <summary>Reads a value; loads and keeps it when no level has it. Concurrent misses of one key load once on a node, and across nodes that share a level once within the claim's time. The token stops the wait, and the load when nobody waits any more.</summary>
    /// <param name="key">The key.</param>
    /// <param name="load">Loads the value; its failure is told to all who wait, unless a stale value may be served.</param>
    /// <param name="rules">How it is kept; the configured rules when null.</param>
    /// <param name="cancellationToken">Stops the wait.</param>
    ValueTask<CachedValue> GetAsync(CacheKey key, CacheLoad load, CacheRules? rules = null, CancellationToken cancellationToken = default);

    /// <summary>Keeps a value in all levels and has the other nodes forget theirs. A load that began before does not overwrite it.</summary>
    ValueTask SetAsync(CacheKey key, ReadOnlyMemory<byte> value, CacheRules? rules = null, CancellationToken cancellationToken = default);

    /// <summary>Removes what is selected from all levels of all nodes.</summary>
    /// <returns>Entries of this node's memory, or of the shared level where there are more, that were removed.</returns>
    ValueTask<long> RemoveAsync(CacheSelection selection, CancellationToken cancellationToken = default);

    /// <summary>Adds to a number atomically, over all nodes that share a level; a missing one counts as 0. The value is the number as text.</summary>
    /// <param name="key">The key.</param>
    /// <param name="by">May be negative.</param>
    /// <param name="life">Time from the first addition on; the configured one when null.</param>
    /// <param name="cancellationToken">Stops the wait.</param>
    ValueTask<long> AddAsync(CacheKey key, long by = 1, TimeSpan? life = null, CancellationToken cancellationToken = default);
}

/// <summary>Loads a value that no level has.</summary>
public delegate ValueTask<CacheLoaded> CacheLoad(CancellationToken cancellationToken);

/// <summary>What a loader brings.</summary>
/// <param name="Value">The value; kept as it is, so it is not changed any more.</param>
public readonly record struct CacheLoaded(ReadOnlyMemory<byte> Value)
{
    /// <summary>Tags besides those of the rules, such as the records it was made of.</summary>
    public ImmutableArray<string> Tags { get; init; }

    /// <summary>How long it is kept; as the rules say when null, not at all when zero.</summary>
    public TimeSpan? Life { get; init; }
}

/// <summary>An answer of the cache.</summary>
/// <param name="Level">Where it was: <c>memory</c>, a shared level such as <c>redis</c>, <c>stale</c> when the loader failed, <c>load</c> when it was loaded now; null when there is none.</param>
/// <param name="Value">The value; empty when there is none. Not to be changed.</param>
public readonly record struct CachedValue(string? Level, ReadOnlyMemory<byte> Value)
{
    /// <summary>Level of a value that was loaded now.</summary>
    public const string Loaded = "load";

    /// <summary>There is a value.</summary>
    public bool IsFound => Level is not null;

    /// <summary>It was in the cache.</summary>
    public bool IsHit => Level is not null && !ReferenceEquals(Level, Loaded);
}

/// <summary>How a value is kept. What is null follows the configuration (<c>cache</c>).</summary>
public sealed record CacheRules
{
    /// <summary>How long it is fresh.</summary>
    public TimeSpan? Life { get; init; }

    /// <summary>How long a node's memory may serve it without asking the shared level; at most <see cref="Life"/>, which is the default.</summary>
    public TimeSpan? LocalLife { get; init; }

    /// <summary>Part of its life after which the first reader has it renewed behind its answer; 1 renews never.</summary>
    public double? RefreshAt { get; init; }

    /// <summary>How long after its life it may be served when the loader fails.</summary>
    public TimeSpan? Stale { get; init; }

    /// <summary>Tags by which it can be removed: words of the plugin's own, or of <see cref="CacheTags"/>.</summary>
    public ImmutableArray<string> Tags { get; init; } = [];

    /// <summary>Levels that take part.</summary>
    public CacheReach Reach { get; init; } = CacheReach.All;
}

/// <summary>Levels that take part in a call.</summary>
public enum CacheReach
{
    /// <summary>All.</summary>
    All,

    /// <summary>This node's memory only.</summary>
    Memory,

    /// <summary>The shared levels only; without one nothing is kept.</summary>
    Shared,
}

/// <summary>What is to be removed. Parts add up.</summary>
public sealed record CacheSelection
{
    /// <summary>These keys.</summary>
    public ImmutableArray<CacheKey> Keys { get; init; } = [];

    /// <summary>All entries with one of these tags, on all nodes.</summary>
    public ImmutableArray<string> Tags { get; init; } = [];

    /// <summary>All keys below the plugin's services whose parts after the service match, such as <c>profile:123:*</c>; <c>*</c> stands for any characters, <c>?</c> for one.</summary>
    public string? Pattern { get; init; }

    /// <summary>With each key also what was made of it: entries tagged with <see cref="CacheTags.Of(CacheKey)"/>.</summary>
    public bool Cascade { get; init; }

    /// <summary>Remove only after this time; forgotten when the node ends before.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>One key.</summary>
    public static CacheSelection Of(CacheKey key) => new() { Keys = [key] };

    /// <summary>One tag.</summary>
    public static CacheSelection Tagged(string tag) => new() { Tags = [tag] };

    /// <summary>Keys that match a pattern.</summary>
    public static CacheSelection Matching(string pattern) => new() { Pattern = pattern };
}

/// <summary>Tags that the platform removes by.</summary>
public static class CacheTags
{
    /// <summary>What tags of resources begin with.</summary>
    public const string ResourcePrefix = "resource:";

    /// <summary>What tags of keys begin with.</summary>
    public const string KeyPrefix = "key:";

    /// <summary>Entries made of records of a resource: removed when a record of it is written.</summary>
    /// <param name="table">Plugin and name, such as <c>orders.orders</c>.</param>
    public static string OfResource(string table) => ResourcePrefix + table;

    /// <summary>A tag as it is told to others: the platform's own with their tenant, a plugin's words below its id.</summary>
    public static string Public(string tenant, string owner, string tag)
    {
        ArgumentNullException.ThrowIfNull(tag);
        var space = tenant == CallContext.DefaultTenant ? "" : $"{tenant}@";
        return tag.StartsWith(ResourcePrefix, StringComparison.Ordinal) ? space + tag : $"{space}{owner}/{tag}";
    }

    /// <summary>Entries made of another entry: removed with it by <see cref="CacheSelection.Cascade"/>.</summary>
    public static string Of(CacheKey key) => KeyPrefix + key.Text;
}
