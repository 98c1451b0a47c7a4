namespace Nexus;

/// <summary>What happens, told while it happens: stored events after their commit, whichever node committed them, in their order and none left out; and the transient events of this node. What is pushed to people is drawn from it. Thread-safe.</summary>
public interface IEventTail
{
    /// <summary>Position of the newest stored event that was told, or with which the node began.</summary>
    long Position { get; }

    /// <summary>The same for events of a tenant: where tenants lie in several databases, each has an order of its own.</summary>
    long PositionOf(string tenant) => Position;

    /// <summary>Tells of every event from now on until the answer is disposed, with its position in the store; null when it is transient.</summary>
    /// <param name="told">Called with one stored event at a time; must neither wait nor throw.</param>
    IDisposable Follow(Action<EventMessage, long?> told);
}
