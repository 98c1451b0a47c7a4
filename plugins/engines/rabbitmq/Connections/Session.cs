using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using RabbitMQ.Client;

namespace Nexus.Engines.RabbitMq.Connections;

/// <summary>One connection with a channel to send and one to receive. It ends with the connection or either channel, and is not repaired: what it had handed out and not acknowledged is the broker's again. Thread-safe.</summary>
internal sealed class Session : IAsyncDisposable
{
    private const byte Steps = 9;
    private const int FirstPrefetch = 128;
    private static readonly TimeSpan Answer = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Unused = TimeSpan.FromDays(7);

    private readonly RabbitMqOptions options;
    private readonly IConnection connection;
    private readonly IChannel sender;
    private readonly IChannel receiver;
    private readonly Confirmations confirmations = new();
    private readonly Unacknowledged unacknowledged = new();
    private readonly SemaphoreSlim acknowledging = new(1);
    private readonly SemaphoreSlim sending = new(1);
    private readonly SemaphoreSlim controlling = new(1);
    private readonly HashSet<string> declared = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GroupConsumer> consumers = new(StringComparer.Ordinal);
    private readonly Action arrived;
    private volatile string? ended;

    private Session(RabbitMqOptions options, IConnection connection, IChannel sender, IChannel receiver, long number, Action arrived)
    {
        (this.options, this.connection, this.sender, this.receiver, Number, this.arrived) = (options, connection, sender, receiver, number, arrived);
        sender.BasicAcksAsync += (_, e) =>
        {
            confirmations.Confirm(e.DeliveryTag, e.Multiple, taken: true);
            return Task.CompletedTask;
        };
        sender.BasicNacksAsync += (_, e) =>
        {
            confirmations.Confirm(e.DeliveryTag, e.Multiple, taken: false);
            return Task.CompletedTask;
        };
        sender.BasicReturnAsync += (_, _) =>
        {
            confirmations.Return();
            // The queue is to be made again, and received from again.
            End("RabbitMQ has lost a queue.");
            return Task.CompletedTask;
        };
        connection.ConnectionShutdownAsync += (_, e) => Ended(e.ReplyText);
        sender.ChannelShutdownAsync += (_, e) => Ended(e.ReplyText);
        receiver.ChannelShutdownAsync += (_, e) => Ended(e.ReplyText);
    }

    public long Number { get; }

    public bool HasEnded => ended is not null;

    private string DeadLetters => $"{options.Prefix}.{options.Freight}.dead";

    public static async Task<Session> OpenAsync(Broker broker, RabbitMqOptions options, long number, Action arrived)
    {
        using var limit = new CancellationTokenSource(Answer);
        var connection = await broker.ConnectAsync(limit.Token);
        try
        {
            var sender = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: false, null, null), limit.Token);
            var receiver = await connection.CreateChannelAsync(new CreateChannelOptions(false, false, null, null), limit.Token);
            var session = new Session(options, connection, sender, receiver, number, arrived);
            await receiver.ExchangeDeclareAsync(session.DeadLetters, ExchangeType.Fanout, durable: true, cancellationToken: limit.Token);
            await receiver.QueueDeclareAsync(session.DeadLetters, durable: true, exclusive: false, autoDelete: false, cancellationToken: limit.Token);
            await receiver.QueueBindAsync(session.DeadLetters, session.DeadLetters, "", cancellationToken: limit.Token);
            return session;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Has consumers for these groups and no others.</summary>
    public async Task ListenAsync(ImmutableArray<string> groups)
    {
        await controlling.WaitAsync();
        try
        {
            foreach (var group in groups)
            {
                await DeclareAsync(group);
                if (!consumers.TryGetValue(group, out _))
                {
                    var consumer = new GroupConsumer(receiver, unacknowledged, Math.Min(FirstPrefetch, options.Prefetch), arrived, () => End("RabbitMQ has lost a queue."));
                    lock (consumers)
                        consumers[group] = consumer;
                    await ConsumeAsync(group, consumer);
                }
            }

            foreach (var (group, consumer) in consumers.Where(c => !groups.Contains(c.Key)).ToList())
            {
                lock (consumers)
                    consumers.Remove(group);
                await receiver.BasicCancelAsync(consumer.Tag).WaitAsync(Answer);
                await acknowledging.WaitAsync();
                try
                {
                    foreach (var left in consumer.Take(int.MaxValue))
                    {
                        unacknowledged.Settle(left.Tag);
                        await receiver.BasicNackAsync(left.Tag, multiple: false, requeue: true);
                    }
                }
                finally
                {
                    acknowledging.Release();
                }
            }
        }
        finally
        {
            controlling.Release();
        }
    }

    public async Task SendAsync(ImmutableArray<TransportMessage> messages)
    {
        await controlling.WaitAsync();
        try
        {
            foreach (var group in messages.Select(m => m.Group).Distinct())
                await DeclareAsync(group);
        }
        finally
        {
            controlling.Release();
        }

        Confirmations.Batch batch;
        await sending.WaitAsync();
        try
        {
            batch = confirmations.Begin(messages.Length);
            foreach (var message in messages)
            {
                var properties = new BasicProperties { Persistent = options.Persistent, ContentType = "application/json", Priority = StepOf(message.Priority) };
                // No token of a caller: a publish that is cancelled half-way puts the numbers of confirmations out of step.
                await sender.BasicPublishAsync("", QueueOf(message.Group), mandatory: true, properties, message.Body, CancellationToken.None);
            }
        }
        catch (Exception e)
        {
            End(e.Message);
            throw;
        }
        finally
        {
            sending.Release();
        }

        try
        {
            await batch.Done.WaitAsync(Answer);
        }
        catch (TimeoutException)
        {
            End($"RabbitMQ did not confirm within {Answer}.");
            throw;
        }
    }

    /// <summary>What has arrived for the groups.</summary>
    public ImmutableArray<ReceivedMessage> Take(ImmutableArray<string> groups, int limit)
    {
        var taken = ImmutableArray.CreateBuilder<ReceivedMessage>();
        foreach (var group in groups)
        {
            GroupConsumer? consumer;
            lock (consumers)
                consumers.TryGetValue(group, out consumer);
            if (consumer is null || taken.Count >= limit)
                continue;
            foreach (var arrival in consumer.Take(limit - taken.Count))
                taken.Add(new ReceivedMessage(new TransportReceipt(group, Number, arrival.Tag.ToString(CultureInfo.InvariantCulture)), arrival.Body, arrival.Redelivered));
        }

        return taken.ToImmutable();
    }

    public async Task AcknowledgeAsync(ImmutableArray<TransportReceipt> receipts)
    {
        var tags = new List<ulong>(receipts.Length);
        // One after the other, since a number that stands for many must not come after a greater one that did.
        await acknowledging.WaitAsync();
        try
        {
            foreach (var receipt in receipts.Where(r => r.Connection == Number))
            {
                var tag = ulong.Parse(receipt.Id, CultureInfo.InvariantCulture);
                if (!receipt.Unreadable)
                {
                    tags.Add(tag);
                    continue;
                }

                unacknowledged.Settle(tag);
                await receiver.BasicNackAsync(tag, multiple: false, requeue: false);
            }

            if (tags.Count == 0)
                return;
            var fit = Fit(receipts[0].Group, tags[0]);
            foreach (var (tag, multiple) in unacknowledged.Acknowledge(tags))
                await receiver.BasicAckAsync(tag, multiple);
            if (fit is { } prefetch)
                await AdaptAsync(receipts[0].Group, prefetch);
        }
        finally
        {
            acknowledging.Release();
        }
    }

    private int? Fit(string group, ulong tag)
    {
        GroupConsumer? current;
        lock (consumers)
            consumers.TryGetValue(group, out current);
        return unacknowledged.Find(tag) is var (consumer, at) && consumer == current && consumer.Fit(Stopwatch.GetElapsedTime(at), options.Prefetch) is var fit && fit != consumer.Prefetch ? fit : null;
    }

    /// <summary>The broker takes another prefetch for new consumers only: the group gets one before its old one goes.</summary>
    private async Task AdaptAsync(string group, int prefetch)
    {
        // Who listens meanwhile may be waiting to hand messages back; the next acknowledgement asks again.
        if (!await controlling.WaitAsync(TimeSpan.Zero))
            return;
        try
        {
            if (!consumers.TryGetValue(group, out var consumer) || HasEnded)
                return;
            var before = consumer.Tag;
            consumer.Prefetch = prefetch;
            await ConsumeAsync(group, consumer);
            await receiver.BasicCancelAsync(before).WaitAsync(Answer);
        }
        finally
        {
            controlling.Release();
        }
    }

    private async Task ConsumeAsync(string group, GroupConsumer consumer)
    {
        await receiver.BasicQosAsync(0, (ushort)consumer.Prefetch, global: false).WaitAsync(Answer);
        await receiver.BasicConsumeAsync(QueueOf(group), autoAck: false, consumer).WaitAsync(Answer);
    }

    public async Task<ImmutableDictionary<string, long>> LookAsync(ImmutableArray<string> groups)
    {
        var waiting = ImmutableDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        await controlling.WaitAsync();
        try
        {
            if (groups.IsEmpty)
                await receiver.QueueDeclarePassiveAsync(DeadLetters).WaitAsync(Answer);
            foreach (var group in groups)
                waiting[group] = (await DeclaredAsync(group)).MessageCount;
        }
        finally
        {
            controlling.Release();
        }

        return waiting.ToImmutable();
    }

    /// <summary>Ends it from this side.</summary>
    public void End(string why)
    {
        ended ??= why;
        confirmations.Break(new NexusException(ErrorCodes.ServiceUnavailable, $"The connection to RabbitMQ ended: {ended}"));
        arrived();
    }

    public async ValueTask DisposeAsync()
    {
        End("the node closed it");
        try
        {
            await connection.CloseAsync(Constants.ReplySuccess, "bye", TimeSpan.FromSeconds(2), abort: true, CancellationToken.None);
            await connection.DisposeAsync();
        }
        catch (Exception e) when (e is RabbitMQ.Client.Exceptions.RabbitMQClientException or IOException or ObjectDisposedException or TimeoutException or OperationCanceledException)
        {
            // It was lost already.
        }

        acknowledging.Dispose();
        sending.Dispose();
        controlling.Dispose();
    }

    // Nine steps of the broker for two thousand: normal is the middle one, and what is urgent by one is before it.
    private static byte StepOf(int priority) => (byte)(priority switch
    {
        < -100 => 1,
        < -10 => 2,
        < 0 => 3,
        0 => 4,
        <= 5 => 5,
        <= 10 => 6,
        <= 50 => 7,
        <= 100 => 8,
        _ => Steps,
    });

    private string QueueOf(string group)
    {
        var name = $"{options.Prefix}.{options.Freight}/{group}";
        return System.Text.Encoding.UTF8.GetByteCount(name) <= 255 ? name : $"{options.Prefix}.{options.Freight}#{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(group)))}";
    }

    private async Task DeclareAsync(string group)
    {
        if (declared.Contains(group))
            return;
        await DeclaredAsync(group);
        declared.Add(group);
    }

    private Task<QueueDeclareOk> DeclaredAsync(string group) => receiver.QueueDeclareAsync(QueueOf(group), durable: true, exclusive: false, autoDelete: false, new Dictionary<string, object?>
    {
        ["x-max-priority"] = Steps,
        ["x-dead-letter-exchange"] = DeadLetters,
        // A queue that nobody listens to any more goes; the database has what was in it.
        ["x-expires"] = (long)Unused.TotalMilliseconds,
    }).WaitAsync(Answer);

    private Task Ended(string why)
    {
        End(why);
        return Task.CompletedTask;
    }
}
