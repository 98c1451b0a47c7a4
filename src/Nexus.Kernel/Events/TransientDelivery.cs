using System.Collections.Concurrent;
using Microsoft.Extensions.Options;

namespace Nexus.Kernel.Events;

/// <summary>Hands events to subscribers in memory: each subscriber has its own bounded queue, so a slow one delays nobody of its priority; subscribers of lower priority get the event when all higher ones are done with it and none cancelled it.</summary>
internal sealed class TransientDelivery(Subscribers subscribers, HandlerRun handlers, EventFollowers followers, EventCounters counters, TimeProvider time, IOptions<EventsOptions> options) : IDisposable
{
    private const int MostSpare = 2048;

    private readonly ConcurrentDictionary<string, TransientLane> lanes = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<Passage> spare = new();

    /// <summary>Those who are told of everything, in line.</summary>
    public EventFollowers Followers { get; } = followers;

    /// <summary>Hands an event on and returns at once.</summary>
    /// <param name="message">The event.</param>
    /// <param name="transientOnly">Durable subscribers get it from the store.</param>
    /// <param name="question">Who waits for the answer, or null.</param>
    public void Publish(EventMessage message, bool transientOnly, Question? question = null)
    {
        var levels = subscribers.Match(message.Name, transientOnly);
        if (levels.IsEmpty)
            return;
        if (!spare.TryDequeue(out var passage))
            passage = new Passage(this);
        passage.Begin(message, levels, question);
    }

    public void Forget(string key)
    {
        if (lanes.TryRemove(key, out var lane))
            lane.Dispose();
    }

    public (int Waiting, long Dropped) Look(string key) => lanes.TryGetValue(key, out var lane) ? (lane.Waiting, lane.Dropped) : default;

    /// <summary>Puts an event into the queue of a subscriber; false when it is full, which is counted.</summary>
    public bool TryPost(string key, Passage passage)
    {
        var lane = lanes.TryGetValue(key, out var known) ? known : lanes.GetOrAdd(key, k => new TransientLane(k, options.Value.QueueCapacity, handlers, time));
        if (lane.TryPost(passage))
            return true;
        counters.Dropped(passage.Message.Name);
        return false;
    }

    public void Cancelled(EventMessage message) => counters.Settled(message.Name, DeliveryState.Cancelled, failed: false);

    /// <summary>Takes back what has passed everybody.</summary>
    public void Passed(Passage passage)
    {
        if (spare.Count < MostSpare)
            spare.Enqueue(passage);
    }

    public void Dispose()
    {
        foreach (var lane in lanes.Values)
            lane.Dispose();
    }
}
