using System.Collections.Immutable;

namespace Nexus.Kernel.Tests.Events;

/// <summary>The contract of <see cref="IEventStore"/> and of <see cref="IStorage.CommitAsync"/> for events, in memory.</summary>
internal sealed class FakeEventStore(TimeProvider time) : IEventStore, IStorage
{
    private readonly Lock gate = new();
    private readonly List<StoredEvent> events = [];
    private readonly Dictionary<string, (string Plugin, EventGroup Group)> groups = [];
    private readonly Dictionary<(Guid Event, string Group), Row> rows = [];
    private TaskCompletionSource changed = NewSignal();
    private long fence;

    /// <summary>Settlements fail while set, as if the node had died before it.</summary>
    public bool LosesSettlements { get; set; }

    public int Claims { get; private set; }

    public string[] Groups
    {
        get
        {
            lock (gate)
                return [.. groups.Keys];
        }
    }

    /// <summary>When a delivery is due again.</summary>
    public DateTimeOffset DueAt(Guid id, string group)
    {
        lock (gate)
            return rows[(id, group)].DueAt;
    }

    public List<string> Committed { get; } = [];

    public ValueTask<CommitResult> CommitAsync(WriteBatch batch, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            foreach (var settlement in batch.Settlements)
            {
                if (rows.GetValueOrDefault((settlement.EventId, settlement.Group)) is not { State: DeliveryState.Pending } row || row.Fence != settlement.Fence)
                    throw new StorageConflictException(new RecordKey("default", "deliveries", settlement.Group), 0);
            }

            foreach (var settlement in batch.Settlements)
                Apply(settlement);
            Committed.AddRange(batch.Writes.Select(w => w.Key.Id));
            foreach (var message in batch.Events)
            {
                events.Add(new StoredEvent(events.Count + 1, message));
                foreach (var (_, group) in groups.Values.Where(g => EventPattern.Parse(g.Group.Pattern).Matches(message.Name)))
                    rows[(message.Id, group.Name)] = new Row(events[^1], group);
            }
        }

        Signal();
        return ValueTask.FromResult(new CommitResult(events.Count));
    }

    public ValueTask DeclareAsync(string plugin, ImmutableArray<EventGroup> declared, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            foreach (var gone in groups.Where(g => g.Value.Plugin == plugin && declared.All(d => d.Name != g.Key)).Select(g => g.Key).ToList())
                groups.Remove(gone);
            foreach (var group in declared)
                groups[group.Name] = (plugin, group);
        }

        return ValueTask.CompletedTask;
    }

    public async ValueTask<ImmutableArray<EventDelivery>> ClaimAsync(DeliveryClaim claim, CancellationToken cancellationToken)
    {
        var until = time.GetUtcNow() + claim.MaxWait;
        while (true)
        {
            TimeSpan wait;
            DateTimeOffset asked;
            Task signal;
            lock (gate)
            {
                Claims++;
                var now = time.GetUtcNow();
                var open = rows.Values.Where(r => r.State == DeliveryState.Pending && claim.Groups.Contains(r.Group.Name)).ToList();
                var firstOfKey = open.Where(r => r.Event.Message.Key is { } key && open.Any(o => o.Group.Name == r.Group.Name && o.Event.Message.Key == key && o.Event.Sequence < r.Event.Sequence)).ToHashSet();
                var due = open.Where(r => !firstOfKey.Contains(r) && r.DueAt <= now)
                    .OrderByDescending(r => r.Event.Message.Priority).ThenBy(r => r.Event.Sequence).ThenByDescending(r => r.Group.Priority)
                    .Take(claim.Limit).ToList();
                if (due.Count > 0 || now >= until)
                {
                    foreach (var row in due)
                    {
                        row.Attempt++;
                        row.Fence = ++fence;
                        row.DueAt = now + claim.Lease;
                    }

                    return [.. due.Select(r => r.ToDelivery())];
                }

                var next = open.Where(r => !firstOfKey.Contains(r)).Select(r => r.DueAt).Append(until).Min();
                (wait, asked) = (next - now, now);
                signal = changed.Task;
            }

            try
            {
                var waiting = signal.WaitAsync(wait, time, cancellationToken);
                // A clock that a test moved between the look and the wait would be waited for anew.
                if (time.GetUtcNow() == asked)
                    await waiting;
            }
            catch (TimeoutException)
            {
                // Something became due.
            }
        }
    }

    public ValueTask SettleAsync(ImmutableArray<DeliverySettlement> settlements, CancellationToken cancellationToken)
    {
        if (LosesSettlements)
            throw new IOException("The store is gone.");
        lock (gate)
        {
            foreach (var settlement in settlements)
                Apply(settlement);
        }

        Signal();
        return ValueTask.CompletedTask;
    }

    public async ValueTask<EventPage> ReadAsync(EventQuery query, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task signal;
            lock (gate)
            {
                var found = events.Where(e => e.Sequence > query.AfterSequence && (query.Id is null || e.Message.Id == query.Id) && EventPattern.Parse(query.Pattern).Matches(e.Message.Name));
                ImmutableArray<StoredEvent> page = [.. (query.Newest ? found.Reverse() : found).Take(query.Limit)];
                if (page.Length > 0 || query.MaxWait == TimeSpan.Zero)
                    return new EventPage(page, page.IsEmpty ? query.AfterSequence : page[^1].Sequence);
                signal = changed.Task;
            }

            try
            {
                await signal.WaitAsync(query.MaxWait, time, cancellationToken);
            }
            catch (TimeoutException)
            {
                return new EventPage([], query.AfterSequence);
            }
        }
    }

    public ValueTask<ImmutableArray<EventDelivery>> DeliveriesAsync(DeliveryQuery query, CancellationToken cancellationToken)
    {
        ImmutableArray<EventDelivery> found;
        lock (gate)
        {
            var rowsFound = rows.Values.Where(r => (query.EventId is null || r.Event.Message.Id == query.EventId) && (query.State is null || r.State == query.State) && (query.Group is null || r.Group.Name == query.Group))
                .OrderBy(r => r.Event.Sequence).Take(query.Limit).ToList();
            if (query.Replay)
                rowsFound.ForEach(r => r.Reset());
            found = [.. rowsFound.Select(r => r.ToDelivery())];
        }

        Signal();
        return ValueTask.FromResult(found);
    }

    public ValueTask<ReplayProgress> LookAsync(EventReplay replay, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<long> ReplayAsync(EventReplay replay, CancellationToken cancellationToken)
    {
        var count = 0L;
        lock (gate)
        {
            var group = groups[replay.Group].Group;
            foreach (var stored in events.Where(e => EventPattern.Parse(replay.Pattern).Matches(e.Message.Name) && EventPattern.Parse(group.Pattern).Matches(e.Message.Name)))
            {
                count++;
                if (!replay.DryRun)
                    rows[(stored.Message.Id, group.Name)] = new Row(stored, group);
            }
        }

        Signal();
        return ValueTask.FromResult(count);
    }

    public ValueTask<long> PurgeAsync(EventPurge purge, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<StoredRecord?> FindAsync(RecordKey key, CancellationToken cancellationToken) => ValueTask.FromResult<StoredRecord?>(null);

    public ValueTask<RecordPage> QueryAsync(RecordQuery query, CancellationToken cancellationToken) => ValueTask.FromResult(new RecordPage([], null));

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Signal() => Interlocked.Exchange(ref changed, NewSignal()).TrySetResult();

    private void Apply(DeliverySettlement settlement)
    {
        if (rows.GetValueOrDefault((settlement.EventId, settlement.Group)) is not { State: DeliveryState.Pending } row || row.Fence != settlement.Fence)
            return;
        row.State = settlement.State;
        row.LastError = settlement.Error ?? row.LastError;
        row.DueAt = settlement.RetryAt ?? default;
        row.Fence = ++fence;
        if (settlement is { State: DeliveryState.Pending, Error: null })
            row.Attempt--;
    }

    private sealed class Row(StoredEvent stored, EventGroup group)
    {
        public StoredEvent Event { get; } = stored;

        public EventGroup Group { get; } = group;

        public int Attempt { get; set; }

        public long Fence { get; set; }

        public DateTimeOffset DueAt { get; set; }

        public DeliveryState State { get; set; }

        public string? LastError { get; set; }

        public void Reset() => (Attempt, State, DueAt) = (0, DeliveryState.Pending, default);

        public EventDelivery ToDelivery() => new(Event.Message, Group.Name, Attempt, State, LastError, Fence);
    }
}
