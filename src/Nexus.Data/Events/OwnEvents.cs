namespace Nexus.Data.Events;

/// <summary>Events that a plugin publishes together with its writes, where the bus does not see them first.</summary>
internal static class OwnEvents
{
    /// <summary>The event as the bus would store it: of the plugin, of the tenant whose records were written, with the cause of the current call.</summary>
    /// <exception cref="NexusException"><c>INVALID_EVENT_TYPE</c>.</exception>
    public static EventMessage Stamp(EventMessage message, string plugin, string tenant)
    {
        ArgumentNullException.ThrowIfNull(message);
        EventName.Check(message.Name);
        // The platform's own streams take the events of programs outside.
        var source = plugin == EventPublisher.Host && message.Source == EventPublisher.Client ? EventPublisher.Client : plugin;
        EventPublisher.Check(message.Name, source);
        var context = CallContext.Current;
        return message with
        {
            Source = source,
            Tenant = tenant,
            Priority = Math.Clamp(message.Priority, -1000, 1000),
            CorrelationId = message.CorrelationId ?? (ReferenceEquals(context, CallContext.System) ? message.Id.ToString() : context.CorrelationId),
        };
    }
}
