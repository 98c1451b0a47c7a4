using System.Collections.Immutable;

namespace Nexus.Kernel.Events;

/// <summary>A delivery that this node has taken.</summary>
/// <param name="Delivery">The delivery.</param>
/// <param name="Priority">Priority of its group.</param>
/// <param name="LeaseEnds">When it may be given to somebody else.</param>
/// <param name="Carrier">The message it came by, or null when it came from the store.</param>
internal sealed record TakenDelivery(EventDelivery Delivery, int Priority, DateTimeOffset LeaseEnds, Carrier? Carrier = null);

/// <summary>A message of a transport, to be acknowledged when all that it brought is settled. Thread-safe.</summary>
internal sealed class Carrier(TransportReceipt receipt, int deliveries)
{
    private int left = deliveries;

    public TransportReceipt Receipt => receipt;

    /// <summary>Notes one as settled; true for the last.</summary>
    public bool Settle() => Interlocked.Decrement(ref left) == 0;
}

/// <summary>The taken deliveries of one event: those of the highest priority go first, the next when these have ended, none after one of them cancelled. Thread-safe.</summary>
internal sealed class DurableEvent
{
    private readonly Lock gate = new();
    private readonly List<TakenDelivery> waiting = [];
    private int running;
    private int runningPriority;
    private int? cancelledAt;

    /// <summary>Adds deliveries; returns those to start now and those that an earlier cancellation ends.</summary>
    public (ImmutableArray<TakenDelivery> Start, ImmutableArray<TakenDelivery> Cancelled) Add(IEnumerable<TakenDelivery> taken)
    {
        lock (gate)
        {
            waiting.AddRange(taken);
            return Next();
        }
    }

    /// <summary>Ends a delivery; returns those to start now, those that it cancelled, and whether nothing is left.</summary>
    public (ImmutableArray<TakenDelivery> Start, ImmutableArray<TakenDelivery> Cancelled, bool Empty) End(TakenDelivery ended, bool cancel)
    {
        lock (gate)
        {
            running--;
            if (cancel)
                cancelledAt = Math.Max(ended.Priority, cancelledAt ?? int.MinValue);
            var (start, cancelled) = Next();
            return (start, cancelled, running == 0);
        }
    }

    private (ImmutableArray<TakenDelivery> Start, ImmutableArray<TakenDelivery> Cancelled) Next()
    {
        ImmutableArray<TakenDelivery> cancelled = [.. waiting.Where(d => d.Priority < cancelledAt)];
        waiting.RemoveAll(d => d.Priority < cancelledAt);
        if (waiting.Count == 0)
            return ([], cancelled);
        var highest = waiting.Max(d => d.Priority);
        if (running > 0 && highest < runningPriority)
            return ([], cancelled);
        ImmutableArray<TakenDelivery> start = [.. waiting.Where(d => d.Priority == highest)];
        waiting.RemoveAll(d => d.Priority == highest);
        running += start.Length;
        runningPriority = highest;
        return (start, cancelled);
    }
}
