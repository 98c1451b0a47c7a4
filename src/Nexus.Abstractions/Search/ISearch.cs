using System.Collections.Immutable;

namespace Nexus;

/// <summary>Search over the resources of all active plugins, as far as a caller may read them. Thread-safe.</summary>
public interface ISearch
{
    /// <summary>Finds records, best first: each is compared with the best of its resource. A record that the caller may not read is neither returned nor counted.</summary>
    /// <exception cref="NexusException"><c>FILTER_INVALID</c>: the text names nothing to be found or is too long; the page lies beyond what can be reached; a resource that has no search fields or that the caller may not read.</exception>
    ValueTask<SearchAnswer> SearchAsync(SearchQuestion question, CallContext context, CancellationToken cancellationToken);
}

/// <summary>What to search for.</summary>
/// <param name="Text">The text, as <see cref="SearchRequest"/> says.</param>
public sealed record SearchQuestion(string Text)
{
    /// <summary>Last record of the order that can be reached.</summary>
    public const int Reach = 1000;

    /// <summary>Tables such as <c>orders.orders</c> to search in; empty for all.</summary>
    public ImmutableArray<string> In { get; init; } = [];

    /// <summary>Greatest number of records.</summary>
    public int Limit { get; init; } = 20;

    /// <summary>Records to pass over.</summary>
    public int Offset { get; init; }
}

/// <summary>What was found.</summary>
/// <param name="Found">Best first.</param>
/// <param name="Counts">How many matches each table has that has any.</param>
public sealed record SearchAnswer(ImmutableArray<FoundRecord> Found, ImmutableSortedDictionary<string, long> Counts);

/// <summary>A record with the resource it is of.</summary>
/// <param name="Resource">The resource; a surface leaves out what it never shows of it.</param>
/// <param name="Record">The record, as <see cref="IResourceOperations.ListAsync"/> answers.</param>
public readonly record struct FoundRecord(ResourceDescriptor Resource, StoredRecord Record);
