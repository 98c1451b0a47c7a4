using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Nexus.Kernel.Events;

/// <summary>Those who follow the tail of the event log on this node. Called in line, without a queue that could be full: a follower keeps what it wants and returns.</summary>
internal sealed class EventFollowers(ILogger<EventFollowers> log, Func<string, int>? logOf = null) : IEventTail
{
    private ImmutableArray<Follower> followers = [];
    private long[] positions = [0];

    public long Position => Volatile.Read(ref positions[0]);

    public long PositionOf(string tenant) => logOf is null ? Position : Volatile.Read(ref positions[logOf(tenant)]);

    public IDisposable Follow(Action<EventMessage, long?> told)
    {
        ArgumentNullException.ThrowIfNull(told);
        var follower = new Follower(this, told);
        ImmutableInterlocked.Update(ref followers, static (all, one) => all.Add(one), follower);
        return follower;
    }

    /// <summary>Where the tail begins, by log.</summary>
    public void BeginAt(long[] starts) => positions = [.. starts];

    /// <summary>Tells of a stored event of a log.</summary>
    public void Tell(StoredEvent stored, int number)
    {
        Tell(stored.Message, stored.Sequence);
        // After the telling: who reads the position and then follows misses nothing.
        Volatile.Write(ref positions[number], stored.Sequence);
    }

    /// <summary>Tells of an event; of a transient one when it has no position.</summary>
    public void Tell(EventMessage message, long? at)
    {
        foreach (var follower in followers)
        {
            try
            {
                follower.Told(message, at);
            }
            catch (Exception e)
            {
                log.LogError("A follower of the event log failed on {EventName}: {Error}", message.Name, HandlerRun.Describe(e));
            }
        }
    }

    private sealed class Follower(EventFollowers all, Action<EventMessage, long?> told) : IDisposable
    {
        public Action<EventMessage, long?> Told { get; } = told;

        public void Dispose() => ImmutableInterlocked.Update(ref all.followers, static (all, one) => all.Remove(one), this);
    }
}
