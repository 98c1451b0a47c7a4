namespace Nexus;

/// <summary>What nodes share over an external engine. The node uses the ports of the plugin whose <see cref="Name"/> its configuration names, from the moment it is active until it leaves.</summary>
/// <param name="Name">Name in <c>cache.type</c>, <c>events.transport</c> and <c>tasks.transport</c>, such as <c>redis</c>.</param>
public sealed record SharedPorts(string Name)
{
    /// <summary>A level of the cache, or null.</summary>
    public ICacheLevel? Cache { get; init; }

    /// <summary>Messages between nodes, or null.</summary>
    public IBroadcast? Broadcast { get; init; }

    /// <summary>Leases, or null.</summary>
    public ILeases? Leases { get; init; }

    /// <summary>Request limits, or null.</summary>
    public ISharedLimits? Limits { get; init; }

    /// <summary>Carries deliveries of events, or null.</summary>
    public IEventTransport? Events { get; init; }

    /// <summary>Carries tasks to workers, or null.</summary>
    public IEventTransport? Tasks { get; init; }

    /// <summary>The way of requests to other nodes, or null.</summary>
    public INodeTransport? Transport { get; init; }
}

/// <summary>Brings ports over an engine that nodes share.</summary>
/// <param name="Open">Makes them of the plugin's services, or null when the node is not set up for them; called once a generation, after its container is built and before it starts.</param>
public sealed record SharedPortsContribution(Func<IServiceProvider, SharedPorts?> Open) : Contribution;

/// <summary>Messages from each node to all. Unreliable: who was away missed them, and is told so. Thread-safe.</summary>
public interface IBroadcast
{
    /// <summary>Sends a message to all nodes, this one included.</summary>
    ValueTask PublishAsync(string channel, ReadOnlyMemory<byte> message, CancellationToken cancellationToken);

    /// <summary>Listens until the answer is disposed.</summary>
    IDisposable Subscribe(string channel, BroadcastListener listener);
}

/// <summary>A listener of a channel.</summary>
/// <param name="Received">Called with each message, one at a time; must not wait. The memory is valid during the call.</param>
/// <param name="Connected">Called with true whenever listening begins, and with false when the connection is lost: messages are missed until it is true again.</param>
public sealed record BroadcastListener(Action<ReadOnlyMemory<byte>> Received, Action<bool> Connected);

/// <summary>Leases by name: at most one holder at a time, as long as clocks run at about the same speed. Whoever writes on the strength of a lease sends <see cref="Lease.Token"/> along, so that a late writer is told apart. Thread-safe.</summary>
public interface ILeases
{
    /// <summary>Takes a lease; null when somebody holds it.</summary>
    ValueTask<Lease?> TryAcquireAsync(string name, TimeSpan life, CancellationToken cancellationToken);

    /// <summary>Makes a lease last from now on; false when it was lost.</summary>
    ValueTask<bool> RenewAsync(Lease lease, TimeSpan life, CancellationToken cancellationToken);

    /// <summary>Gives a lease back; false when it was lost before.</summary>
    ValueTask<bool> ReleaseAsync(Lease lease, CancellationToken cancellationToken);
}

/// <summary>A lease that is held.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Holder">Secret of this holder.</param>
/// <param name="Token">Fencing token: greater than that of every earlier holder.</param>
public sealed record Lease(string Name, string Holder, long Token);

/// <summary>Token buckets that nodes share. Thread-safe.</summary>
public interface ISharedLimits
{
    /// <summary>Takes a request out of a bucket. Throws when the engine does not answer in time; the caller then counts by itself.</summary>
    ValueTask<SharedVerdict> TakeAsync(SharedTake take, CancellationToken cancellationToken);
}

/// <summary>One request to be counted.</summary>
/// <param name="Key">Whose bucket; text of any kind.</param>
/// <param name="Requests">Size of the bucket.</param>
/// <param name="Window">Time in which it fills.</param>
/// <param name="Patience">How long the request may be made to wait.</param>
public readonly record struct SharedTake(string Key, int Requests, TimeSpan Window, TimeSpan Patience);

/// <summary>What became of it.</summary>
/// <param name="Allowed">It may go on.</param>
/// <param name="Remaining">Requests that may follow at once.</param>
/// <param name="Wait">How long to wait: before going on when allowed, before trying again when not.</param>
/// <param name="Reset">Time until the bucket is full again.</param>
public readonly record struct SharedVerdict(bool Allowed, int Remaining, TimeSpan Wait, TimeSpan Reset);

/// <summary>Verbs of engines.</summary>
public static class SharingVerbs
{
    /// <summary>Brings ports over an engine that nodes share. For core plugins.</summary>
    public static IPluginBuilder ShareNodes(this IPluginBuilder plugin, Func<IServiceProvider, SharedPorts?> open) => plugin.Contribute(new SharedPortsContribution(open));
}
