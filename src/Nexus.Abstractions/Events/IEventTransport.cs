using System.Collections.Immutable;

namespace Nexus;

/// <summary>
/// Carries deliveries of durable events from node to node over an engine, a queue a group; and tasks to workers, a queue a name. The transport is not trusted with them: each stays in its store under a lease until it is settled there, and what the engine loses is sent again when the lease ends.
/// What was sent once is never sent again by the same number, so that a message which the engine itself hands out twice is told by <see cref="ReceivedMessage.Redelivered"/>.
/// Every member throws when the engine cannot be reached; the caller tries again later. Thread-safe.
/// </summary>
public interface IEventTransport
{
    /// <summary>Receives for these groups, and for no others, from now on, also after a lost connection; makes queues that are missing. What was received for others and not handed out goes back.</summary>
    ValueTask ListenAsync(ImmutableArray<string> groups, CancellationToken cancellationToken);

    /// <summary>Sends; returns when the engine has confirmed every message. After an exception any of them may have been taken or not.</summary>
    ValueTask SendAsync(ImmutableArray<TransportMessage> messages, CancellationToken cancellationToken);

    /// <summary>Takes what has arrived, higher priority first within a group. Waits for the first, and returns as soon as there is one; cancelling ends the wait only.</summary>
    ValueTask<ImmutableArray<ReceivedMessage>> ReceiveAsync(TransportReceive receive, CancellationToken cancellationToken);

    /// <summary>Removes received messages. Those of a connection that is no more are passed over: the engine hands them out again.</summary>
    ValueTask AcknowledgeAsync(ImmutableArray<TransportReceipt> receipts, CancellationToken cancellationToken);

    /// <summary>Whether the engine answers, and how much waits in it for some groups.</summary>
    ValueTask<TransportState> LookAsync(ImmutableArray<string> groups, CancellationToken cancellationToken);
}

/// <summary>A message to be sent.</summary>
/// <param name="Group">The group whose queue takes it.</param>
/// <param name="Priority">Higher is handed out first, −1000 to 1000. An engine may know fewer steps, but never fewer than below, at and above zero.</param>
/// <param name="Body">Its bytes; not to be changed afterwards.</param>
public readonly record struct TransportMessage(string Group, int Priority, ReadOnlyMemory<byte> Body);

/// <summary>What to receive.</summary>
/// <param name="Groups">Groups that can take more; others that are listened to wait.</param>
/// <param name="Limit">Greatest number of messages.</param>
/// <param name="MaxWait">Time to wait for the first.</param>
public sealed record TransportReceive(ImmutableArray<string> Groups, int Limit, TimeSpan MaxWait);

/// <summary>A message that has arrived.</summary>
/// <param name="Receipt">By which it is acknowledged.</param>
/// <param name="Body">Its bytes; they stay as they are.</param>
/// <param name="Redelivered">It was handed out before, here or to another node, which may be at work on it still.</param>
public readonly record struct ReceivedMessage(TransportReceipt Receipt, ReadOnlyMemory<byte> Body, bool Redelivered);

/// <summary>Names a received message.</summary>
/// <param name="Group">Its group.</param>
/// <param name="Connection">Number of the connection over which it came.</param>
/// <param name="Id">Its name within that.</param>
public readonly record struct TransportReceipt(string Group, long Connection, string Id)
{
    /// <summary>It cannot be read: it goes to the engine's place for such messages instead of being removed.</summary>
    public bool Unreadable { get; init; }
}

/// <summary>How the engine stands.</summary>
/// <param name="Latency">Time that it took to answer.</param>
/// <param name="Waiting">Messages that wait by group, for the groups that were asked for.</param>
public sealed record TransportState(TimeSpan Latency, ImmutableDictionary<string, long> Waiting);
