using System.Collections.Immutable;

namespace Nexus;

/// <summary>A level of the cache behind the memory of nodes, such as Redis. It carries bytes and words only. A call that cannot be answered throws; the cache goes on without the level. Thread-safe.</summary>
public interface ICacheLevel
{
    /// <summary>Looks an entry up. When it is missing or no longer fresh and nobody claims it, the caller may claim it: it is the one who loads.</summary>
    /// <param name="key">Whole key.</param>
    /// <param name="claim">How long the claim holds; zero claims nothing.</param>
    /// <param name="cancellationToken">Stops the wait.</param>
    ValueTask<CacheAnswer> FindAsync(string key, TimeSpan claim, CancellationToken cancellationToken);

    /// <summary>Stores an entry and ends the claim on it.</summary>
    /// <param name="key">Whole key.</param>
    /// <param name="record">The entry; null only ends the claim.</param>
    /// <param name="claim">The caller's claim: nothing is stored when it was lost meanwhile, because the entry was set or removed. Null stores in any case and takes every claim away.</param>
    /// <param name="cancellationToken">Stops the wait.</param>
    /// <returns>Whether it was stored.</returns>
    ValueTask<bool> StoreAsync(string key, CacheRecord? record, string? claim, CancellationToken cancellationToken);

    /// <summary>Removes entries, and the claims on them.</summary>
    /// <returns>How many there were.</returns>
    ValueTask<long> RemoveAsync(CacheRemoval removal, CancellationToken cancellationToken);

    /// <summary>Adds to a number atomically; its value is text.</summary>
    ValueTask<long> AddAsync(string key, long by, TimeSpan life, CancellationToken cancellationToken);

    /// <summary>Asks the level for its state; takes a trip, so that it tells the latency.</summary>
    ValueTask<CacheLevelState> LookAsync(CancellationToken cancellationToken);
}

/// <summary>An entry between levels.</summary>
/// <param name="Value">The value.</param>
/// <param name="Life">Time it is still fresh; zero or less when it is not.</param>
/// <param name="Whole">Time it was fresh when it was stored.</param>
/// <param name="Stale">Further time in which it may be served when the loader fails.</param>
/// <param name="Tags">Its tags, each with the token it had when the value was loaded.</param>
public sealed record CacheRecord(ReadOnlyMemory<byte> Value, TimeSpan Life, TimeSpan Whole, TimeSpan Stale, ImmutableArray<CacheTag> Tags);

/// <summary>A tag of an entry. Removal by a tag changes its token everywhere; an entry with another token is gone.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Token">Its token; empty before the first removal.</param>
public readonly record struct CacheTag(string Name, string Token);

/// <summary>What a level says of a key.</summary>
/// <param name="Record">The entry, fresh or stale; null when there is none.</param>
/// <param name="Claim">The claim that the caller got, or null.</param>
/// <param name="IsClaimed">Somebody else claims it.</param>
public readonly record struct CacheAnswer(CacheRecord? Record, string? Claim = null, bool IsClaimed = false);

/// <summary>What to remove from a level.</summary>
/// <param name="Keys">These keys.</param>
/// <param name="Pattern">And those that match, with <c>*</c> and <c>?</c>; null for none.</param>
public sealed record CacheRemoval(ImmutableArray<string> Keys, string? Pattern = null);

/// <summary>State of a level.</summary>
/// <param name="Entries">Its entries, or null when it does not count them.</param>
/// <param name="Bytes">Bytes it takes, or null when unknown.</param>
/// <param name="Latency">Time that the question took.</param>
public sealed record CacheLevelState(long? Entries, long? Bytes, TimeSpan Latency);
