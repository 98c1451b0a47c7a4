using System.Diagnostics;
using RabbitMQ.Client;

namespace Nexus.Engines.RabbitMq.Connections;

/// <summary>A message of the broker.</summary>
internal readonly record struct Arrival(ulong Tag, ReadOnlyMemory<byte> Body, bool Redelivered);

/// <summary>Keeps what the broker pushes for one group until it is taken; the prefetch bounds it. Thread-safe.</summary>
internal sealed class GroupConsumer(IChannel channel, Unacknowledged unacknowledged, int prefetch, Action arrived, Action lost) : AsyncDefaultBasicConsumer(channel)
{
    private const int Least = 16;
    private static readonly TimeSpan Fast = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(10);

    private readonly Queue<Arrival> waiting = new();

    public string Tag { get; private set; } = "";

    /// <summary>How many the broker may have handed out to it at once.</summary>
    public int Prefetch { get; set; } = prefetch;

    /// <summary>How many it has of the broker; changed under the lock of <see cref="Unacknowledged"/>.</summary>
    public int Held { get; set; }

    /// <summary>The better prefetch after a message was acknowledged, or the one that it has. More when the group is fast and only the way to the broker and back holds it up; fewer when it is slow, so that what it is not near is another node's to take.</summary>
    public int Fit(TimeSpan took, int most) =>
        took < Fast && Held >= Prefetch / 2 ? Math.Min(most, Prefetch * 4)
        : took > Slow ? Math.Max(Math.Min(Least, most), Prefetch / 4)
        : Prefetch;

    public override Task HandleBasicConsumeOkAsync(string consumerTag, CancellationToken cancellationToken = default)
    {
        Tag = consumerTag;
        return base.HandleBasicConsumeOkAsync(consumerTag, cancellationToken);
    }

    public override Task HandleBasicDeliverAsync(string consumerTag, ulong deliveryTag, bool redelivered, string exchange, string routingKey, IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default)
    {
        // The client takes its memory back after this call.
        var arrival = new Arrival(deliveryTag, body.ToArray(), redelivered);
        unacknowledged.Add(deliveryTag, this, Stopwatch.GetTimestamp());
        bool first;
        lock (waiting)
        {
            waiting.Enqueue(arrival);
            first = waiting.Count == 1;
        }

        if (first)
            arrived();
        return Task.CompletedTask;
    }

    /// <summary>The broker ended it: its queue is gone.</summary>
    public override Task HandleBasicCancelAsync(string consumerTag, CancellationToken cancellationToken = default)
    {
        lost();
        return Task.CompletedTask;
    }

    public List<Arrival> Take(int limit)
    {
        var taken = new List<Arrival>();
        lock (waiting)
        {
            while (taken.Count < limit && waiting.TryDequeue(out var arrival))
                taken.Add(arrival);
        }

        return taken;
    }
}
