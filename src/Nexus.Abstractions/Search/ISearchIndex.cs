using System.Collections.Immutable;

namespace Nexus;

/// <summary>
/// Full-text search over the search fields of one table, best first; offered by a storage engine (<see cref="StorageSet.Search"/>) and passes the conformance suite.
/// What was committed is found, and what was deleted is not, from the moment the commit is acknowledged. Thread-safe.
/// </summary>
public interface ISearchIndex
{
    /// <summary>Finds records of one tenant that match both the text and the filter; what the filter keeps out is neither returned nor counted.</summary>
    /// <exception cref="NexusException"><c>FILTER_INVALID</c>: the text names nothing to be found, or the table has no search fields.</exception>
    ValueTask<SearchPage> SearchAsync(SearchRequest request, CancellationToken cancellationToken);
}

/// <summary>
/// A search in one table. Its text has words, each of which begins a word of the record or, where the resource says its language, has the same stem as one;
/// <c>"words in quotes"</c> stand together and whole in one field; <c>-word</c> and <c>-"words"</c> must not be there. Case and accents do not count.
/// </summary>
public sealed record SearchRequest
{
    /// <summary>Longest text in characters.</summary>
    public const int LongestText = 1000;

    /// <summary>Greatest number of words in a text.</summary>
    public const int MostWords = 32;

    /// <summary>Tenant.</summary>
    public required string Tenant { get; init; }

    /// <summary>Table.</summary>
    public required string Table { get; init; }

    /// <summary>What to look for; what is beyond <see cref="LongestText"/> and <see cref="MostWords"/> is left out.</summary>
    public required string Text { get; init; }

    /// <summary>Filter as in <see cref="RecordQuery.Filter"/>, such as whose records the caller may read; null for all.</summary>
    public Filter? Filter { get; init; }

    /// <summary>Greatest number of records.</summary>
    public int Limit { get; init; } = 20;

    /// <summary>Records to pass over.</summary>
    public int Offset { get; init; }

    /// <summary>Also count all matches.</summary>
    public bool Count { get; init; }
}

/// <summary>What was found.</summary>
/// <param name="Hits">Best first; equals by key.</param>
/// <param name="Total">Number of all matches, when asked for.</param>
public sealed record SearchPage(ImmutableArray<SearchHit> Hits, long? Total = null);

/// <summary>A record that was found.</summary>
/// <param name="Record">The record.</param>
/// <param name="Score">How well it matches: more is better, above 0. Scores of two searches, tables or engines are not to be compared.</param>
public readonly record struct SearchHit(StoredRecord Record, double Score);
