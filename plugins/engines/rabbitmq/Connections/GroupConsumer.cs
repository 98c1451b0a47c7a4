using RabbitMQ.Client;

namespace Nexus.Engines.RabbitMq.Connections;

/// <summary>A message of the broker.</summary>
internal readonly record struct Arrival(ulong Tag, ReadOnlyMemory<byte> Body, bool Redelivered);

/// <summary>Keeps what the broker pushes for one group until it is taken; the prefetch bounds it. Thread-safe.</summary>
internal sealed class GroupConsumer(IChannel channel, Action arrived, Action lost) : AsyncDefaultBasicConsumer(channel)
{
    private readonly Queue<Arrival> waiting = new();

    public string Tag { get; private set; } = "";

    public override Task HandleBasicConsumeOkAsync(string consumerTag, CancellationToken cancellationToken = default)
    {
        Tag = consumerTag;
        return base.HandleBasicConsumeOkAsync(consumerTag, cancellationToken);
    }

    public override Task HandleBasicDeliverAsync(string consumerTag, ulong deliveryTag, bool redelivered, string exchange, string routingKey, IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default)
    {
        // The client takes its memory back after this call.
        var arrival = new Arrival(deliveryTag, body.ToArray(), redelivered);
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
