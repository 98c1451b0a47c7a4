using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Nexus.Kernel.Events.Transport;

/// <summary>Deliveries of one event that travel together.</summary>
/// <param name="Deliveries">At least one.</param>
/// <param name="LeaseEnds">When the store may give them to somebody else.</param>
internal sealed record CarriedEvent(ImmutableArray<EventDelivery> Deliveries, DateTimeOffset LeaseEnds);

/// <summary>A carried event as a message: JSON, so that an operator can read it in the engine's own tools.</summary>
internal static class DeliveryJson
{
    private const int Version = 1;

    // A copy costs less than a new one, which gets an id of its own.
    private static readonly EventMessage Blank = new() { Name = "" };

    public static ReadOnlyMemory<byte> Write(ReadOnlySpan<EventDelivery> deliveries, DateTimeOffset leaseEnds)
    {
        var message = deliveries[0].Message;
        var buffer = new ArrayBufferWriter<byte>(message.Data.Length + 384);
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true });
        json.WriteStartObject();
        json.WriteNumber("v", Version);
        json.WriteNumber("leaseEnds", leaseEnds.ToUnixTimeMilliseconds());
        json.WriteStartArray("to");
        foreach (var delivery in deliveries)
        {
            json.WriteStartObject();
            json.WriteString("group", delivery.Group);
            json.WriteNumber("attempt", delivery.Attempt);
            json.WriteNumber("fence", delivery.Fence);
            if (delivery.LastError is { } error)
                json.WriteString("error", error);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("id", message.Id);
        json.WriteString("name", message.Name);
        json.WriteString("occurredAt", message.OccurredAt);
        json.WriteString("source", message.Source);
        json.WriteString("tenant", message.Tenant);
        if (message.CorrelationId is { } correlation)
            json.WriteString("correlationId", correlation);
        if (message.Key is { } key)
            json.WriteString("key", key);
        if (message.Priority != 0)
            json.WriteNumber("priority", message.Priority);
        if (message.ExpiresAt is { } expires)
            json.WriteString("expiresAt", expires);
        if (!message.Headers.IsEmpty)
        {
            json.WriteStartObject("headers");
            foreach (var (name, value) in message.Headers)
                json.WriteString(name, value);
            json.WriteEndObject();
        }

        json.WritePropertyName("data");
        json.WriteRawValue(message.Data.Span, skipInputValidation: true);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    /// <summary>Reads a message; null when it is not one of ours or of a later version.</summary>
    public static CarriedEvent? Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            var root = json.RootElement;
            if (root.GetProperty("v").GetInt32() != Version)
                return null;
            var message = Blank with
            {
                Id = root.GetProperty("id").GetGuid(),
                Name = root.GetProperty("name").GetString()!,
                OccurredAt = root.GetProperty("occurredAt").GetDateTimeOffset(),
                Source = root.GetProperty("source").GetString()!,
                Tenant = root.GetProperty("tenant").GetString()!,
                CorrelationId = TextOf(root, "correlationId"),
                Key = TextOf(root, "key"),
                Priority = root.TryGetProperty("priority", out var priority) ? priority.GetInt32() : 0,
                ExpiresAt = root.TryGetProperty("expiresAt", out var expires) ? expires.GetDateTimeOffset() : null,
                Headers = root.TryGetProperty("headers", out var headers) ? headers.EnumerateObject().ToImmutableDictionary(h => h.Name, h => h.Value.GetString()!) : ImmutableDictionary<string, string>.Empty,
                Data = JsonMarshal.GetRawUtf8Value(root.GetProperty("data")).ToArray(),
            };
            var to = root.GetProperty("to");
            if (to.GetArrayLength() == 0)
                return null;
            ImmutableArray<EventDelivery> deliveries =
            [
                .. to.EnumerateArray().Select(t => new EventDelivery(message, t.GetProperty("group").GetString()!, t.GetProperty("attempt").GetInt32(), DeliveryState.Pending, TextOf(t, "error"), t.GetProperty("fence").GetInt64())),
            ];
            return new CarriedEvent(deliveries, DateTimeOffset.FromUnixTimeMilliseconds(root.GetProperty("leaseEnds").GetInt64()));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            return null;
        }
    }

    private static string? TextOf(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.GetString() : null;
}
