using System.Collections.Concurrent;
using System.Collections.Immutable;
using Microsoft.Extensions.Options;

namespace Nexus.Kernel.Events;

/// <summary>Hands events to subscribers in memory: each subscriber has its own bounded queue, so a slow one delays nobody of its priority; subscribers of lower priority get the event when all higher ones are done with it and none cancelled it.</summary>
internal sealed class TransientDelivery(Subscribers subscribers, HandlerRun handlers, EventFollowers followers, EventCounters counters, IOptions<EventsOptions> options)
{
    private readonly ConcurrentDictionary<string, Lane<Passage>> lanes = new(StringComparer.Ordinal);

    /// <summary>Those who are told of everything, in line.</summary>
    public EventFollowers Followers { get; } = followers;

    private EventCounters Counters { get; } = counters;

    private HandlerRun Handlers { get; } = handlers;

    /// <summary>Hands an event on and returns at once.</summary>
    /// <param name="message">The event.</param>
    /// <param name="transientOnly">Durable subscribers get it from the store.</param>
    /// <param name="replied">Called with the first reply, or null.</param>
    public void Publish(EventMessage message, bool transientOnly, Action<EventMessage>? replied = null)
    {
        var levels = subscribers.Match(message.Name, transientOnly);
        if (!levels.IsEmpty)
            new Passage(this, message, levels, replied).PostLevel();
    }

    public void Forget(string key) => lanes.TryRemove(key, out _);

    public (int Waiting, long Dropped) Look(string key) => lanes.TryGetValue(key, out var lane) ? (lane.Waiting, lane.Dropped) : default;

    private Lane<Passage> LaneOf(string key) =>
        lanes.GetOrAdd(key, static (k, capacity) => new Lane<Passage>(capacity, passage => passage.RunAsync(k)), options.Value.QueueCapacity);

    /// <summary>One event on its way through the levels.</summary>
    private sealed class Passage(TransientDelivery delivery, EventMessage message, ImmutableArray<ImmutableArray<string>> levels, Action<EventMessage>? replied)
    {
        private int level = -1;
        private int remaining;
        private volatile bool cancelled;

        public void PostLevel()
        {
            var keys = levels[++level];
            remaining = keys.Length;
            foreach (var key in keys)
            {
                if (delivery.LaneOf(key).TryPost(this, message.Priority))
                    continue;
                delivery.Counters.Dropped(message.Name);
                Leave();
            }
        }

        public async Task RunAsync(string key)
        {
            var context = new EventContext(message, 1);
            await delivery.Handlers.RunAsync(key, context, CancellationToken.None);
            if (context.Reply is { } reply)
                replied?.Invoke(reply);
            if (context.Cancelled)
            {
                cancelled = true;
                delivery.Counters.Settled(message.Name, DeliveryState.Cancelled, failed: false);
            }

            Leave();
        }

        private void Leave()
        {
            if (Interlocked.Decrement(ref remaining) == 0 && !cancelled && level + 1 < levels.Length)
                PostLevel();
        }
    }
}
