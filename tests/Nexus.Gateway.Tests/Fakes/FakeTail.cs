using System.Collections.Immutable;
using System.Text;

namespace Nexus.Gateway.Tests.Fakes;

/// <summary>An event log in memory with its tail: what is published is stored, then told.</summary>
internal sealed class FakeTail : IEventTail, IEventStore
{
    private readonly List<Action<EventMessage, long?>> followers = [];
    private readonly List<StoredEvent> stored = [];

    /// <summary>Reads of stored events so far.</summary>
    public int Reads { get; private set; }

    public long Position
    {
        get { lock (stored) return stored.Count; }
    }

    public IDisposable Follow(Action<EventMessage, long?> told)
    {
        lock (followers)
            followers.Add(told);
        return new Removal(() =>
        {
            lock (followers)
                followers.Remove(told);
        });
    }

    /// <summary>Stores and tells; not told when the node would not see it yet.</summary>
    public void Publish(string name, string data, string tenant = CallContext.DefaultTenant, bool tell = true)
    {
        lock (followers)
        {
            var message = new EventMessage { Name = name, Data = Encoding.UTF8.GetBytes(data), Tenant = tenant, OccurredAt = new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero) };
            long at;
            lock (stored)
            {
                stored.Add(new StoredEvent(stored.Count + 1, message));
                at = stored.Count;
            }
            if (tell)
                followers.ForEach(told => told(message, at));
        }
    }

    public async ValueTask<EventPage> ReadAsync(EventQuery query, CancellationToken cancellationToken)
    {
        if (query.MaxWait > TimeSpan.Zero)
            await Task.Delay(10, cancellationToken);
        Reads++;
        lock (stored)
        {
            var found = stored.Where(s => s.Sequence > query.AfterSequence && (query.Tenant is null || s.Message.Tenant == query.Tenant) && EventPattern.Parse(query.Pattern).Matches(s.Message.Name));
            StoredEvent[] page = [.. (query.Newest ? found.Reverse() : found).Take(query.Limit)];
            return new EventPage([.. page], page.Length == 0 ? query.AfterSequence : page[^1].Sequence);
        }
    }

    public ValueTask<ImmutableArray<EventDelivery>> DeliveriesAsync(DeliveryQuery query, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<ReplayProgress> LookAsync(EventReplay replay, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<long> ReplayAsync(EventReplay replay, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<long> PurgeAsync(EventPurge purge, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask DeclareAsync(string plugin, ImmutableArray<EventGroup> groups, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask<ImmutableArray<EventDelivery>> ClaimAsync(DeliveryClaim claim, CancellationToken cancellationToken) => throw new NotSupportedException();

    public ValueTask SettleAsync(ImmutableArray<DeliverySettlement> settlements, CancellationToken cancellationToken) => throw new NotSupportedException();

    private sealed class Removal(Action remove) : IDisposable
    {
        public void Dispose() => remove();
    }
}
