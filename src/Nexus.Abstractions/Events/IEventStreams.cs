using System.Collections.Immutable;
using System.Runtime.CompilerServices;

namespace Nexus;

/// <summary>Streams of events: all that happened to one thing, numbered from 1 without a gap, from which its state can be rebuilt. A plugin sees its own streams of the current call's tenant. They are kept until they are deleted with their tenant: purging events leaves them. Thread-safe.</summary>
public interface IEventStreams
{
    /// <summary>Appends events and publishes them in the same commit, keyed by the stream, so that subscribers get them in order. Within an <see cref="IUnitOfWork"/> they become durable with its commit.</summary>
    /// <param name="stream">Name of the stream, such as <c>order-42</c>: 1 to 200 characters of letters, digits, <c>.</c>, <c>_</c>, <c>:</c> and <c>-</c>.</param>
    /// <param name="events">At least one and at most 1,000, in order.</param>
    /// <param name="expectedVersion">Version that the stream must have: that of its last event, 0 when there must be none; null appends after whatever is there.</param>
    /// <param name="cancellationToken">Ends the wait before the commit; a commit that began is not undone.</param>
    /// <returns>Version of the last event.</returns>
    /// <exception cref="NexusException"><c>CONFLICT</c>: the stream has another version; nothing was appended. <c>INVALID_EVENT_TYPE</c>, <c>VALIDATION_ERROR</c>.</exception>
    ValueTask<long> AppendAsync(string stream, ImmutableArray<EventMessage> events, long? expectedVersion = null, CancellationToken cancellationToken = default);

    /// <summary>Reads a page of a stream. A stream that nothing was appended to is empty and has version 0.</summary>
    ValueTask<StreamPage> ReadAsync(StreamQuery query, CancellationToken cancellationToken = default);
}

/// <summary>The streams of every owner, for the platform itself; confidential data stay sealed, see <see cref="IEventSealing"/>. Thread-safe.</summary>
public interface IEventStreamOwners
{
    /// <summary>The streams of a plugin, or of the platform itself, whose id is <c>nexus</c>.</summary>
    IEventStreams Of(string owner);
}

/// <summary>Which events of a stream.</summary>
/// <param name="Stream">Name of the stream.</param>
public sealed record StreamQuery(string Stream)
{
    /// <summary>First version to return; forward those from it on, backward those up to it. Null begins at the first, or backward at the last.</summary>
    public long? From { get; init; }

    /// <summary>Newest first.</summary>
    public bool Backward { get; init; }

    /// <summary>Greatest number, 1 to 1,000.</summary>
    public int Limit { get; init; } = 100;
}

/// <summary>An event of a stream.</summary>
/// <param name="Version">Its number in the stream, from 1.</param>
/// <param name="Message">The event.</param>
public sealed record StreamEvent(long Version, EventMessage Message);

/// <summary>A page of a stream.</summary>
/// <param name="Version">Version of the whole stream: that of its last event, 0 when it has none.</param>
/// <param name="Events">The events, in the order asked for.</param>
public sealed record StreamPage(long Version, ImmutableArray<StreamEvent> Events);

/// <summary>Reading whole streams.</summary>
public static class EventStreamExtensions
{
    private const int Page = 500;

    /// <summary>The events of a stream in order, from a version on to the last that it has when the reader gets there.</summary>
    public static async IAsyncEnumerable<StreamEvent> ReplayAsync(this IEventStreams streams, string stream, long fromVersion = 1, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(streams);
        for (var next = fromVersion; ;)
        {
            var page = await streams.ReadAsync(new StreamQuery(stream) { From = next, Limit = Page }, cancellationToken);
            foreach (var found in page.Events)
                yield return found;
            if (page.Events.IsEmpty || page.Events[^1].Version >= page.Version)
                yield break;
            next = page.Events[^1].Version + 1;
        }
    }
}
