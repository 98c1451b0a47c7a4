namespace Nexus;

/// <summary>Gives a record the name that it is published and subscribed by: <c>[Event("orders.created")] sealed record OrderCreated(Guid OrderId);</c>.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct, Inherited = false)]
public sealed class EventAttribute(string name) : Attribute
{
    /// <summary>The event's name; see <see cref="EventName"/> for the grammar.</summary>
    public string Name { get; } = name;

    /// <summary>Name of the property whose value is the event's <see cref="EventMessage.Key"/>, or null for no order.</summary>
    public string? Key { get; init; }

    /// <summary>The data are stored and carried encrypted; see <see cref="EventMessage.Encrypted"/>.</summary>
    public bool Encrypted { get; init; }
}
