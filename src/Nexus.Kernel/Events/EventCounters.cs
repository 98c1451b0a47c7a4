using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Diagnostics.Metrics;

namespace Nexus.Kernel.Events;

/// <summary>Counts what happens to events, for <see cref="IEventLog.GetStatistics"/> and as the meter <c>Nexus.Events</c>.</summary>
internal sealed class EventCounters
{
    private const int MaxNames = 1000;
    private static readonly string[] Outcomes = [.. Enum.GetNames<Ending>().Select(name => name.ToLowerInvariant())];
    private readonly ConcurrentDictionary<string, Counts> byName = new(StringComparer.Ordinal);
    private readonly Counter<long> emitted;
    private readonly Counter<long> processed;
    private readonly Counter<long> dropped;
    private readonly Counter<long> dead;
    private readonly Histogram<double> seconds;
    private readonly DateTimeOffset since;

    public EventCounters(IMeterFactory meters, TimeProvider time, Subscribers subscribers)
    {
        since = time.GetUtcNow();
        var meter = meters.Create("Nexus.Events");
        emitted = meter.CreateCounter<long>("events_emitted", description: "Events published.");
        processed = meter.CreateCounter<long>("events_processed", description: "Handler runs, by how they ended.");
        dropped = meter.CreateCounter<long>("events_dropped", description: "Transient deliveries that a full queue dropped.");
        dead = meter.CreateCounter<long>("events_dead", description: "Deliveries that became dead letters.");
        seconds = meter.CreateHistogram<double>("event_processing", "s", "Time that handlers took.");
        meter.CreateObservableGauge("active_subscriptions", () => Subscriptions(subscribers), description: "Handlers that can be called now, by the pattern of events that they take.");
    }

    public void Published(string name)
    {
        var counts = For(name);
        Interlocked.Increment(ref counts.Published);
        emitted.Add(1, new KeyValuePair<string, object?>("event_type", counts.Label));
    }

    public void Handled(string name, Ending ending, TimeSpan elapsed)
    {
        var counts = For(name);
        if (ending is Ending.Handled or Ending.Committed)
            Interlocked.Increment(ref counts.Delivered);
        else if (ending is Ending.Failed or Ending.TimedOut)
            Interlocked.Increment(ref counts.Failed);
        var label = new KeyValuePair<string, object?>("event_type", counts.Label);
        processed.Add(1, label, new KeyValuePair<string, object?>("outcome", Outcomes[(int)ending]));
        seconds.Record(elapsed.TotalSeconds, label);
    }

    public void Settled(string name, DeliveryState state, bool failed)
    {
        var counts = For(name);
        switch (state)
        {
            case DeliveryState.Pending when failed: Interlocked.Increment(ref counts.Retried); break;
            case DeliveryState.Dead:
                Interlocked.Increment(ref counts.Dead);
                dead.Add(1, new KeyValuePair<string, object?>("event_type", counts.Label));
                break;
            case DeliveryState.Cancelled: Interlocked.Increment(ref counts.Cancelled); break;
            case DeliveryState.Expired: Interlocked.Increment(ref counts.Expired); break;
        }
    }

    public void Dropped(string name)
    {
        var counts = For(name);
        Interlocked.Increment(ref counts.Dropped);
        dropped.Add(1, new KeyValuePair<string, object?>("event_type", counts.Label));
    }

    public EventStatistics Read()
    {
        var names = byName.ToImmutableSortedDictionary(e => e.Key, e => e.Value.Read(), StringComparer.Ordinal);
        return new EventStatistics(since, names.Values.Aggregate(new EventCounts(), EventCounts.Add), names);
    }

    private static IEnumerable<Measurement<int>> Subscriptions(Subscribers subscribers) =>
        subscribers.All.GroupBy(s => s.Descriptor.Pattern, StringComparer.Ordinal).Select(g => new Measurement<int>(g.Count(), new KeyValuePair<string, object?>("event_type", g.Key)));

    // Names come from plugins; without a cap a plugin that makes names up would grow the table and the metrics without end.
    private Counts For(string name) =>
        byName.TryGetValue(name, out var counts) ? counts : byName.GetOrAdd(byName.Count < MaxNames ? name : "*", static label => new Counts(label));

    /// <summary>Counts of one name.</summary>
    /// <param name="label">The name as metrics have it: always the same text, by whose reference they find its series.</param>
    private sealed class Counts(string label)
    {
        public string Label => label;

        public long Published;
        public long Delivered;
        public long Failed;
        public long Retried;
        public long Dead;
        public long Cancelled;
        public long Expired;
        public long Dropped;

        public EventCounts Read() => new()
        {
            Published = Interlocked.Read(ref Published),
            Delivered = Interlocked.Read(ref Delivered),
            Failed = Interlocked.Read(ref Failed),
            Retried = Interlocked.Read(ref Retried),
            Dead = Interlocked.Read(ref Dead),
            Cancelled = Interlocked.Read(ref Cancelled),
            Expired = Interlocked.Read(ref Expired),
            Dropped = Interlocked.Read(ref Dropped),
        };
    }
}
