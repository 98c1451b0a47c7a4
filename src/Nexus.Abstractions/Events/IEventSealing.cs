namespace Nexus;

/// <summary>Encrypts the data of events that are confidential: AES-256-GCM under the key of the event's tenant, whose number stands in the cipher text, with the event's id and name authenticated. What is stored, carried by engines and told to followers is sealed; whoever may read it opens it. Thread-safe.</summary>
public interface IEventSealing
{
    /// <summary>Whether the data of an event are confidential: it says so itself, or its name fits a pattern of <c>events.encrypt</c>.</summary>
    bool Covers(EventMessage message);

    /// <summary>The event with its data encrypted; one that is not confidential, or sealed already, as it is. Completes synchronously once the tenant's key is in memory.</summary>
    ValueTask<EventMessage> SealAsync(EventMessage message, CancellationToken cancellationToken);

    /// <summary>The event with its data plain; one that is not sealed as it is.</summary>
    /// <exception cref="NexusException"><c>PROTECTION_FAILED</c>: altered, moved to another event, or its key is not there.</exception>
    ValueTask<EventMessage> OpenAsync(EventMessage message, CancellationToken cancellationToken);
}

/// <summary>How sealed data stand in an event.</summary>
public static class SealedEvent
{
    /// <summary>Header of an event whose data are cipher text.</summary>
    public const string Header = "nexus-sealed";

    /// <summary>Whether the data are cipher text.</summary>
    public static bool IsSealed(this EventMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return !message.Headers.IsEmpty && message.Headers.ContainsKey(Header);
    }

    /// <summary>An event as its publisher gave it: that its data are sealed is not believed, because only the platform seals.</summary>
    public static EventMessage AsPublished(this EventMessage message) =>
        message.IsSealed() ? message with { Encrypted = true, Headers = message.Headers.Remove(Header) } : message;
}
