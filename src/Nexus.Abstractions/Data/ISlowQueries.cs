using System.Collections.Immutable;

namespace Nexus;

/// <summary>The last queries of this node that took as long as <c>database.slowQuery</c> says. Thread-safe.</summary>
public interface ISlowQueries
{
    /// <summary>Time from which a query is slow; null when none is noted.</summary>
    TimeSpan? Limit { get; }

    /// <summary>At most 100, newest first; of many at once 20 a minute.</summary>
    ImmutableArray<SlowQuery> List();
}

/// <summary>A query that took long.</summary>
/// <param name="At">When it ended.</param>
/// <param name="Milliseconds">How long it took.</param>
/// <param name="Source">Id of the plugin whose statement it was, or the table of records.</param>
/// <param name="Statement">The statement without values.</param>
/// <param name="Plan">How the engine would carry it out, without values, or why it did not say.</param>
public sealed record SlowQuery(DateTimeOffset At, double Milliseconds, string Source, string Statement, string Plan);
