using System.Collections.Immutable;
using Nexus.Data.Events;
using Nexus.Data.Records;
using Nexus.Data.Units;

namespace Nexus.Data.Memory;

/// <summary>Events and deliveries in memory.</summary>
internal sealed class MemoryEventLog(TimeProvider time, CommitSignal signal) : IEventStore
{
    private readonly Lock _gate = new();
    private readonly List<StoredEvent> _events = [];
    private readonly HashSet<Guid> _ids = [];
    private readonly List<Delivery> _deliveries = [];
    private readonly Dictionary<string, (string Plugin, EventPattern Pattern, int Priority)> _groups = new(StringComparer.Ordinal);
    private long _sequence;

    /// <summary>Settles and appends as part of a commit; throws before anything is changed.</summary>
    public void Commit(ImmutableArray<DeliverySettlement> settlements, ImmutableArray<EventMessage> events, IJointPart? other)
    {
        lock (_gate)
        {
            foreach (var settlement in settlements)
            {
                if (Find(settlement) is not { } found || (found.State != DeliveryState.Pending && found.State != settlement.State))
                    throw new StorageConflictException(new RecordKey(CallContext.DefaultTenant, "deliveries", $"{settlement.EventId}/{settlement.Group}"), 0);
            }

            if (events.FirstOrDefault(e => _ids.Contains(e.Id)) is { } known)
                throw new StorageConflictException(new RecordKey(known.Tenant, "events", known.Id.ToString()), 1);
            other?.Decide();
            foreach (var settlement in settlements)
                Settle(settlement);
            foreach (var message in events)
                Append(message);
        }
    }

    public ImmutableArray<EventMessage> OfTenant(string tenant)
    {
        lock (_gate)
            return [.. _events.Where(e => e.Message.Tenant == tenant).Select(e => e.Message)];
    }

    /// <summary>Removes the events of a tenant with their deliveries.</summary>
    public long DeleteTenant(string tenant)
    {
        lock (_gate)
        {
            _deliveries.RemoveAll(d => d.Event.Message.Tenant == tenant);
            _ids.ExceptWith(_events.Where(e => e.Message.Tenant == tenant).Select(e => e.Message.Id));
            return _events.RemoveAll(e => e.Message.Tenant == tenant);
        }
    }

    /// <summary>Appends those that are not known yet.</summary>
    public void Relay(ImmutableArray<EventMessage> events)
    {
        lock (_gate)
        {
            foreach (var message in events.Where(e => !_ids.Contains(e.Id)))
                Append(message);
        }

        signal.Fire();
    }

    public ValueTask DeclareAsync(string plugin, ImmutableArray<EventGroup> groups, CancellationToken cancellationToken)
    {
        var parsed = groups.Select(g => (g.Name, Pattern: EventPattern.Parse(g.Pattern), g.Priority)).ToList();
        lock (_gate)
        {
            foreach (var name in _groups.Where(g => g.Value.Plugin == plugin).Select(g => g.Key).Except(groups.Select(g => g.Name)).ToList())
            {
                _groups.Remove(name);
                _deliveries.RemoveAll(d => d.Group == name);
            }

            foreach (var (name, pattern, priority) in parsed)
                _groups[name] = (plugin, pattern, priority);
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask<ImmutableArray<EventDelivery>> ClaimAsync(DeliveryClaim claim, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(claim);
        return WaitLoop.RunAsync(claim.MaxWait, signal, time, () =>
        {
            var taken = Take(claim);
            return ValueTask.FromResult((taken, taken.Length > 0));
        }, cancellationToken);
    }

    public ValueTask SettleAsync(ImmutableArray<DeliverySettlement> settlements, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            foreach (var settlement in settlements)
                Settle(settlement);
        }

        signal.Fire();
        return ValueTask.CompletedTask;
    }

    public ValueTask<EventPage> ReadAsync(EventQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        var pattern = EventPattern.Parse(query.Pattern);
        return WaitLoop.RunAsync(query.MaxWait, signal, time, () =>
        {
            List<StoredEvent> found;
            lock (_gate)
            {
                found = [.. _events.Where(e => e.Sequence > query.AfterSequence && (query.Id is not { } id || e.Message.Id == id) && InScope(e, pattern, query.From, query.To) && IsOf(e, query.Tenant) && (query.CorrelationId is not { } c || e.Message.CorrelationId == c))];
            }

            if (query.Newest)
                found.Reverse();
            ImmutableArray<StoredEvent> page = [.. found.Take(query.Limit)];
            return ValueTask.FromResult((new EventPage(page, page.IsEmpty ? query.AfterSequence : page[^1].Sequence), page.Length > 0));
        }, cancellationToken);
    }

    public ValueTask<ImmutableArray<EventDelivery>> DeliveriesAsync(DeliveryQuery query, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(query);
        ImmutableArray<EventDelivery> found;
        lock (_gate)
        {
            var matches = _deliveries.Where(d => (query.EventId is not { } id || d.Event.Message.Id == id) && (query.State is not { } state || d.State == state) && (query.Group is not { } group || d.Group == group) && IsOf(d.Event, query.Tenant)).OrderBy(d => d.Event.Sequence).Take(query.Limit).ToList();
            found = [.. matches.Select(d => d.ToRecord())];
            if (query.Replay)
                matches.ForEach(d => d.Replay(time.GetUtcNow()));
        }

        if (query.Replay)
            signal.Fire();
        return ValueTask.FromResult(found);
    }

    public ValueTask<long> ReplayAsync(EventReplay replay, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(replay);
        var pattern = EventPattern.Parse(replay.Pattern);
        List<StoredEvent> found;
        lock (_gate)
        {
            if (!_groups.TryGetValue(replay.Group, out var group))
                throw new NexusException(ErrorCodes.ResourceNotFound, $"No plugin declares the event group '{replay.Group}'.");
            found = [.. _events.Where(e => InScope(e, pattern, replay.From, replay.To) && IsOf(e, replay.Tenant) && group.Pattern.Matches(e.Message.Name) && (!replay.OnlyDead || DeliveryOf(replay.Group, e)?.State == DeliveryState.Dead))];
            var due = time.GetUtcNow() + replay.Delay;
            foreach (var stored in replay.DryRun ? [] : found)
            {
                if (DeliveryOf(replay.Group, stored) is { } delivery)
                    delivery.Replay(due);
                else
                    _deliveries.Add(new Delivery(stored, replay.Group, due));
                due += replay.Spacing;
            }
        }

        signal.Fire();
        return ValueTask.FromResult((long)found.Count);
    }

    public ValueTask<ReplayProgress> LookAsync(EventReplay replay, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(replay);
        var pattern = EventPattern.Parse(replay.Pattern);
        lock (_gate)
        {
            if (!_groups.TryGetValue(replay.Group, out var group))
                throw new NexusException(ErrorCodes.ResourceNotFound, $"No plugin declares the event group '{replay.Group}'.");
            var states = _events.Where(e => InScope(e, pattern, replay.From, replay.To) && IsOf(e, replay.Tenant) && group.Pattern.Matches(e.Message.Name)).Select(e => DeliveryOf(replay.Group, e)?.State)
                .Where(s => !replay.OnlyDead || s == DeliveryState.Dead).ToList();
            return ValueTask.FromResult(new ReplayProgress(states.Count, states.Count(s => s == DeliveryState.Pending), states.Count(s => s == DeliveryState.Dead)));
        }
    }

    private Delivery? DeliveryOf(string group, StoredEvent stored) => _deliveries.Find(d => d.Group == group && d.Event.Sequence == stored.Sequence);

    public ValueTask<long> PurgeAsync(EventPurge purge, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(purge);
        var pattern = EventPattern.Parse(purge.Pattern);
        lock (_gate)
        {
            var gone = _events.Where(e => InScope(e, pattern, null, purge.Before) && IsOf(e, purge.Tenant) && !_deliveries.Exists(d => d.Event.Sequence == e.Sequence && d.State == DeliveryState.Pending)).Select(e => e.Sequence).ToHashSet();
            if (!purge.DryRun)
            {
                _deliveries.RemoveAll(d => gone.Contains(d.Event.Sequence));
                _ids.ExceptWith(_events.Where(e => gone.Contains(e.Sequence)).Select(e => e.Message.Id));
                _events.RemoveAll(e => gone.Contains(e.Sequence));
            }

            return ValueTask.FromResult((long)gone.Count);
        }
    }

    private static bool IsOf(StoredEvent stored, string? tenant) => tenant is null || stored.Message.Tenant == tenant;

    private static bool InScope(StoredEvent stored, EventPattern pattern, DateTimeOffset? from, DateTimeOffset? to) =>
        pattern.Matches(stored.Message.Name) && !(stored.Message.OccurredAt < from) && !(stored.Message.OccurredAt >= to);

    private void Append(EventMessage message)
    {
        var now = time.GetUtcNow();
        var occurred = message.OccurredAt == default ? now : message.OccurredAt;
        var stored = new StoredEvent(++_sequence, message with { OccurredAt = RecordColumns.FromMicroseconds(RecordColumns.ToMicroseconds(occurred)), Data = message.Data.ToArray() });
        _events.Add(stored);
        _ids.Add(message.Id);
        foreach (var (name, group) in _groups)
        {
            if (group.Pattern.Matches(message.Name))
                _deliveries.Add(new Delivery(stored, name, now));
        }
    }

    private Delivery? Find(DeliverySettlement settlement) =>
        _deliveries.Find(d => d.Event.Message.Id == settlement.EventId && d.Group == settlement.Group && d.Fence == settlement.Fence);

    private void Settle(DeliverySettlement settlement)
    {
        if (Find(settlement) is not { State: DeliveryState.Pending } delivery)
            return;
        delivery.State = settlement.State;
        delivery.Due = settlement.RetryAt ?? time.GetUtcNow();
        delivery.Error = settlement.Error;
        if (settlement is { State: DeliveryState.Pending, Error: null })
            delivery.Attempt--;
    }

    private ImmutableArray<EventDelivery> Take(DeliveryClaim claim)
    {
        lock (_gate)
        {
            var now = time.GetUtcNow();
            var waiting = _deliveries.Where(d => d.State == DeliveryState.Pending && claim.Groups.Contains(d.Group)).ToList();
            foreach (var expired in waiting.Where(d => d.Due <= now && d.Event.Message.ExpiresAt <= now))
                expired.State = DeliveryState.Expired;
            var heads = waiting.Where(d => d.State == DeliveryState.Pending && d.Event.Message.Key is not null)
                .GroupBy(d => (d.Group, d.Event.Message.Key)).ToDictionary(g => g.Key, g => g.Min(d => d.Event.Sequence));
            var due = waiting.Where(d => d.State == DeliveryState.Pending && d.Due <= now && (d.Event.Message.Key is null || heads[(d.Group, d.Event.Message.Key)] == d.Event.Sequence))
                .OrderByDescending(d => d.Event.Message.Priority).ThenBy(d => d.Event.Sequence).ThenByDescending(d => _groups[d.Group].Priority).Take(claim.Limit).ToList();
            foreach (var delivery in due)
            {
                delivery.Attempt++;
                delivery.Fence++;
                delivery.Due = now + claim.Lease;
            }

            return [.. due.Select(d => d.ToRecord())];
        }
    }

    private sealed class Delivery(StoredEvent stored, string group, DateTimeOffset due)
    {
        public StoredEvent Event { get; } = stored;

        public string Group { get; } = group;

        public DateTimeOffset Due { get; set; } = due;

        public DeliveryState State { get; set; }

        public int Attempt { get; set; }

        public long Fence { get; set; }

        public string? Error { get; set; }

        public EventDelivery ToRecord() => new(Event.Message, Group, Attempt, State, Error, Fence);

        public void Replay(DateTimeOffset now)
        {
            State = DeliveryState.Pending;
            Attempt = 0;
            Due = now;
            Fence++;
            Error = null;
        }
    }
}
