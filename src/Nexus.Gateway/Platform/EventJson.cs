using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>How events stand in answers, and how what is asked for is read.</summary>
internal static class EventJson
{
    /// <summary>The form of an event. Its data are absent while it is sealed; its sequence, version and deliveries stand where they are known.</summary>
    public static Answer Form { get; } = Answer.Written("EventView", """
        {"type":"object","required":["id","name","occurredAt","publisher","correlationId","key","priority"],"properties":{"id":{"type":"string","format":"uuid"},"name":{"type":"string"},"sequence":{"type":"integer","format":"int64"},"version":{"type":"integer","format":"int64"},
          "occurredAt":{"type":"string","format":"date-time"},"publisher":{"type":"string"},"correlationId":{"type":["string","null"]},"key":{"type":["string","null"]},"priority":{"type":"integer"},"expiresAt":{"type":"string","format":"date-time"},"encrypted":{"type":"boolean"},
          "headers":{"type":"object","additionalProperties":{"type":"string"}},"data":{},
          "deliveries":{"type":"array","items":{"type":"object","required":["group","state","attempt","lastError"],"properties":{"group":{"type":"string"},"state":{"type":"string","enum":["Pending","Done","Dead","Cancelled","Expired"]},"attempt":{"type":"integer"},"lastError":{"type":["string","null"]}}}}}}
        """);

    /// <summary>Writes an event, with its deliveries when they are given. One that is sealed is written without its data.</summary>
    public static void Write(Utf8JsonWriter json, EventMessage message, long? sequence, IEnumerable<EventDelivery>? deliveries, long? version = null)
    {
        json.WriteStartObject();
        json.WriteString("id", message.Id);
        json.WriteString("name", message.Name);
        if (sequence is { } position)
            json.WriteNumber("sequence", position);
        if (version is { } number)
            json.WriteNumber("version", number);
        json.WriteString("occurredAt", message.OccurredAt.UtcDateTime);
        json.WriteString("publisher", message.Source);
        json.WriteString("correlationId", message.CorrelationId);
        json.WriteString("key", message.Key);
        json.WriteNumber("priority", message.Priority);
        if (message.ExpiresAt is { } expires)
            json.WriteString("expiresAt", expires.UtcDateTime);
        if (message.Encrypted)
            json.WriteBoolean("encrypted", true);
        var headers = message.Headers.Remove(SealedEvent.Header);
        if (!headers.IsEmpty)
        {
            json.WriteStartObject("headers");
            foreach (var (name, value) in headers.OrderBy(h => h.Key, StringComparer.Ordinal))
                json.WriteString(name, value);
            json.WriteEndObject();
        }

        if (!message.IsSealed())
            WriteData(json, message);
        if (deliveries is not null)
            WriteDeliveries(json, deliveries);
        json.WriteEndObject();
    }

    private static void WriteData(Utf8JsonWriter json, EventMessage message)
    {
        json.WritePropertyName("data");
        json.WriteRawValue(message.Data.IsEmpty ? "null"u8 : message.Data.Span, skipInputValidation: true);
    }

    private static void WriteDeliveries(Utf8JsonWriter json, IEnumerable<EventDelivery> deliveries)
    {
        json.WriteStartArray("deliveries");
        foreach (var delivery in deliveries)
        {
            json.WriteStartObject();
            json.WriteString("group", delivery.Group);
            json.WriteString("state", delivery.State.ToString());
            json.WriteNumber("attempt", delivery.Attempt);
            json.WriteString("lastError", delivery.LastError);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>A body in its form; null when there is none.</summary>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c>, with the place that does not fit.</exception>
    public static T? Read<T>(ReadOnlyMemory<byte> body)
        where T : class
    {
        try
        {
            return body.IsEmpty ? null : JsonSerializer.Deserialize<T>(body.Span, JsonAnswer.Options);
        }
        catch (JsonException exception)
        {
            throw new NexusException(ErrorCodes.BadRequest, $"The body does not have the form that is asked for, at {exception.Path}.");
        }
    }
}

/// <summary>Several events to publish.</summary>
internal sealed record EventsRequest(ImmutableArray<EventRequest?>? Events, long? ExpectedVersion);

/// <summary>An event to publish.</summary>
internal sealed record EventRequest(string? Name, JsonElement? Data, string? Key, int Priority, string? CorrelationId, DateTimeOffset? ExpiresAt, bool Transient, bool Encrypted, ImmutableDictionary<string, string>? Headers)
{
    private const int MaxEvents = 1000;

    /// <summary>The message of an event that was asked for.</summary>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c>, <c>INVALID_EVENT_TYPE</c>.</exception>
    public static EventMessage ToMessage(EventRequest? asked, string place, GatewayRequest request)
    {
        if (asked?.Name is not { Length: > 0 } name)
            throw new NexusException(ErrorCodes.ValidationError, "An event needs a name.") { Errors = [new FieldError($"{place}/name", "required", "name must be given, such as orders.created.")] };
        EventName.Check(name);
        return new EventMessage
        {
            Name = name,
            Data = asked.Data is { } data ? Encoding.UTF8.GetBytes(data.GetRawText()) : "{}"u8.ToArray(),
            Source = EventPublisher.Client,
            Tenant = request.Context.Tenant,
            CorrelationId = asked.CorrelationId ?? request.Id,
            Key = asked.Key,
            Priority = asked.Priority,
            ExpiresAt = asked.ExpiresAt,
            Encrypted = asked.Encrypted,
            Headers = asked.Headers ?? ImmutableDictionary<string, string>.Empty,
        };
    }

    /// <summary>The messages of several.</summary>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c>, <c>INVALID_EVENT_TYPE</c>.</exception>
    public static ImmutableArray<EventMessage> ToMessages(ImmutableArray<EventRequest?>? asked, GatewayRequest request)
    {
        if (asked is not { IsDefaultOrEmpty: false } events || events.Length > MaxEvents)
            throw new NexusException(ErrorCodes.ValidationError, $"1 to {MaxEvents} events are taken at once.") { Errors = [new FieldError("/events", "required", $"events must be a list of 1 to {MaxEvents} events.")] };
        return [.. events.Select((e, i) => ToMessage(e, $"/events/{i}", request))];
    }
}
