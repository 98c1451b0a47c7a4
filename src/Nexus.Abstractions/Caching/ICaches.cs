using System.Collections.Immutable;

namespace Nexus;

/// <summary>The node's cache, as the rooms and its operators see it. Thread-safe.</summary>
public interface ICaches
{
    /// <summary>The part of a service of the platform, such as <c>http</c>.</summary>
    /// <param name="service">The service.</param>
    /// <param name="owner">The plugin on whose account the values are and whose own tags they carry; the service itself when null.</param>
    ICache Get(string service, string? owner = null);

    /// <summary>Every level, in the order in which they are asked.</summary>
    ValueTask<CacheStatus> LookAsync(CancellationToken cancellationToken);

    /// <summary>Removes whole keys that match, of all plugins.</summary>
    /// <param name="pattern">With <c>*</c> and <c>?</c>, such as <c>nexus:user:*</c>.</param>
    /// <param name="level">Only of this level of this node; of all levels and nodes when null.</param>
    /// <param name="cancellationToken">Stops the wait.</param>
    /// <returns>Entries that were removed: of the memory of this node, or of the shared level where there were more.</returns>
    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>: no level has that name.</exception>
    ValueTask<long> ClearAsync(string pattern, string? level, CancellationToken cancellationToken);
}

/// <summary>State of the cache.</summary>
/// <param name="Levels">Its levels, nearest first.</param>
/// <param name="Hits">Look-ups since the start that any level answered.</param>
/// <param name="Misses">Look-ups that none did.</param>
/// <param name="Loads">Values that were loaded.</param>
/// <param name="StaleServed">Look-ups that were answered with a stale value because the loader failed.</param>
public sealed record CacheStatus(ImmutableArray<CacheLevelStatus> Levels, long Hits, long Misses, long Loads, long StaleServed)
{
    /// <summary>Part of the look-ups that were hits, 0 to 1; 0 before the first.</summary>
    public double HitRatio => Hits + Misses == 0 ? 0 : (double)Hits / (Hits + Misses);
}

/// <summary>State of one level.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Status">Whether it answers.</param>
/// <param name="Entries">Its entries, or null when it does not count them.</param>
/// <param name="Bytes">Bytes it takes, or null when unknown.</param>
/// <param name="Hits">Look-ups that it answered.</param>
/// <param name="Misses">Look-ups that it could not answer.</param>
/// <param name="Evictions">Entries that gave way to others; null when it does not tell.</param>
public sealed record CacheLevelStatus(string Name, HealthLevel Status, long? Entries, long? Bytes, long Hits, long Misses, long? Evictions)
{
    /// <summary>Time of the last trip to it in milliseconds; null for memory.</summary>
    public double? Milliseconds { get; init; }

    /// <summary>What is wrong, or null.</summary>
    public string? Detail { get; init; }

    /// <summary>Part of its look-ups that were hits, 0 to 1.</summary>
    public double HitRatio => Hits + Misses == 0 ? 0 : (double)Hits / (Hits + Misses);
}

/// <summary>Told of every commit of the node's storage, after it is durable and before it is acknowledged. Must neither wait nor throw.</summary>
public interface ICommitListener
{
    /// <summary>Records were written.</summary>
    void Committed(WriteBatch batch);
}
