namespace Nexus;

/// <summary>
/// What the platform does all the time (requests, queries, writes of records, ends of tasks, dead letters), told as transient events of the node while somebody listens to that topic by name, and nothing but one look at memory otherwise.
/// A subscription to <c>*</c> listens to none of them by itself. Thread-safe.
/// </summary>
public interface ISystemEvents
{
    /// <summary>Whether anybody listens; false within a handler of such an event, whose own work would tell of itself for ever.</summary>
    bool Hears(SystemTopic topic);

    /// <summary>Tells, without waiting.</summary>
    /// <param name="name">The event's name.</param>
    /// <param name="data">Its data as UTF-8 JSON.</param>
    /// <param name="context">In whose tenant and as part of what it happened.</param>
    void Tell(string name, ReadOnlyMemory<byte> data, CallContext context);

    /// <summary>Counts as a listener to what a pattern names until the answer is disposed.</summary>
    IDisposable Listen(EventPattern pattern);
}

/// <summary>What the platform tells of. A topic is listened to by a pattern whose first word is its name.</summary>
[Flags]
public enum SystemTopic
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary><c>http.request.started</c>, <c>.completed</c>, <c>.failed</c>.</summary>
    Requests = 1,

    /// <summary><c>database.query</c>.</summary>
    Database = 2,

    /// <summary><c>data.created</c>, <c>data.updated</c>, <c>data.deleted</c>.</summary>
    Data = 4,

    /// <summary><c>task.completed</c>, <c>task.failed</c>.</summary>
    Tasks = 8,

    /// <summary><c>system.error</c>.</summary>
    System = 16,

    /// <summary><c>event.dead</c>.</summary>
    Events = 32,
}
