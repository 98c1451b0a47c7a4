using System.Reflection;

namespace Nexus;

/// <summary>What is known of a typed event. Statics of a generic over a collectible type belong to that type's load context, so no plugin is held by this class.</summary>
internal static class TypedEvent<T>
{
    private static readonly EventAttribute? Declared = typeof(T).GetCustomAttribute<EventAttribute>();
    private static readonly PropertyInfo? KeyProperty = Declared?.Key is { } key ? typeof(T).GetProperty(key) : null;

    internal static string Name
    {
        get
        {
            if (Declared is null)
                throw new NexusException(ErrorCodes.InvalidEventType, $"{typeof(T).Name} has no event name. Mark it with [Event(\"…\")], such as [Event(\"orders.created\")].");
            if (Declared.Key is { } key && KeyProperty is null)
                throw new NexusException(ErrorCodes.InvalidEventType, $"[Event] on {typeof(T).Name} names the key {key}, but there is no such property.");
            EventName.Check(Declared.Name);
            return Declared.Name;
        }
    }

    internal static EventMessage ToMessage(T data) => new()
    {
        Name = Name,
        Data = JsonCodec.For<T>().Serialize(data),
        Key = KeyProperty?.GetValue(data)?.ToString(),
        Encrypted = Declared!.Encrypted,
    };

    internal static T FromMessage(EventMessage message) => JsonCodec.For<T>().Deserialize(message.Data.Span)
        ?? throw new System.Text.Json.JsonException($"The data of event {message.Id} is null; {typeof(T).Name} was expected.");
}
