using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Gateway.Changes;

/// <summary>
/// The one feed from which GraphQL subscriptions and live updates are drawn: a single follower of the node's event tail, spread to whoever asked for the name,
/// and the stored events behind it for those who come back. Holds names and messages only, so that plugins come and go under it.
/// </summary>
internal sealed class ChangeFeed(IServiceProvider host) : IDisposable
{
    private readonly Lock gate = new();
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<ChangeSubscription, byte>> byScope = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<ChangeSubscription, byte> others = new();
    private IDisposable? following;

    /// <summary>How many subscriptions are open.</summary>
    public int Count => byScope.Values.Sum(scope => scope.Count) + others.Count;

    private IEventTail Tail => host.GetService<IEventTail>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no event bus.");

    private IEventHistory History => (IEventHistory?)host.GetService<IEventLog>() ?? host.GetService<IEventStore>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host stores no events.");

    /// <summary>Opens a subscription; what happens from now on reaches it, and what happened after <see cref="ChangeWish.After"/>.</summary>
    /// <exception cref="NexusException"><c>SERVICE_UNAVAILABLE</c>: the host has no event bus. <c>BAD_REQUEST</c>: the log has no such position yet.</exception>
    public async ValueTask<ChangeSubscription> OpenAsync(ChangeWish wish, CancellationToken cancellationToken)
    {
        Follow();
        var subscription = new ChangeSubscription(this, wish);
        if (wish.After is not { } after)
        {
            subscription.StartedAt = Tail.PositionOf(wish.Tenant);
            Attach(subscription);
            return subscription;
        }
        if (after > Tail.PositionOf(wish.Tenant) && after > ((await History.ReadAsync(new EventQuery { Near = wish.Tenant, Newest = true, Limit = 1 }, cancellationToken)).Events.FirstOrDefault()?.Sequence ?? 0))
            throw new NexusException(ErrorCodes.BadRequest, $"The event log has no position {after}; it may have been restored from a backup. Read the records anew and follow from now on.");
        subscription.StartedAt = after;
        return subscription;
    }

    /// <summary>Stored events after a position, oldest first; empty when there are no more.</summary>
    public async ValueTask<EventPage> ReadAsync(ChangeWish wish, long after, CancellationToken cancellationToken) =>
        await History.ReadAsync(new EventQuery { Tenant = wish.Tenant, Pattern = wish.Pattern.Text, AfterSequence = after, Limit = 200 }, cancellationToken);

    /// <summary>Lets what happens reach a subscription from now on.</summary>
    public void Attach(ChangeSubscription subscription)
    {
        subscription.Listening = host.GetService<ISystemEvents>()?.Listen(subscription.Wish.Pattern);
        lock (gate)
            (subscription.Wish.Scope is { } scope ? byScope.GetOrAdd(scope, static _ => new()) : others)[subscription] = 0;
    }

    /// <summary>Ends that.</summary>
    public void Detach(ChangeSubscription subscription)
    {
        subscription.Listening?.Dispose();
        lock (gate)
        {
            if (subscription.Wish.Scope is not { } scope)
                others.TryRemove(subscription, out _);
            else if (byScope.TryGetValue(scope, out var set) && set.TryRemove(subscription, out _) && set.IsEmpty)
                byScope.TryRemove(scope, out _);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => following?.Dispose();

    private void Follow()
    {
        if (Volatile.Read(ref following) is not null)
            return;
        lock (gate)
            following ??= Tail.Follow(Tell);
    }

    private void Tell(EventMessage message, long? at)
    {
        var change = new Change(message, at);
        if (byScope.TryGetValue(message.Name[..message.Name.LastIndexOf('.')], out var scope))
        {
            foreach (var (subscription, _) in scope)
                subscription.Offer(change);
        }
        foreach (var (subscription, _) in others)
        {
            if (subscription.Wish.Pattern.Matches(message.Name))
                subscription.Offer(change);
        }
    }
}

/// <summary>Something that happened.</summary>
/// <param name="Message">The event.</param>
/// <param name="At">Its position in the log; null for what is not stored.</param>
internal readonly record struct Change(EventMessage Message, long? At);

/// <summary>What a subscription wants to hear.</summary>
/// <param name="Tenant">Events of this tenant only.</param>
/// <param name="Pattern">Names of events.</param>
internal sealed record ChangeWish(string Tenant, EventPattern Pattern)
{
    /// <summary>The names are this and one more word: then they are found without trying every pattern. Null when they may be others.</summary>
    public string? Scope { get; init; }

    /// <summary>Go on after this position; null begins now.</summary>
    public long? After { get; init; }

    /// <summary>Events that may wait.</summary>
    public int Capacity { get; init; } = 256;
}
