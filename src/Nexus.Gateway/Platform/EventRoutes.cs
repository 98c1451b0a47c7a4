using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>Stored events for operators: publish, look, follow, replay.</summary>
internal sealed class EventRoutes(IServiceProvider host, RequestBody bodies, IHostApplicationLifetime lifetime) : IPlatformRoutes
{
    private const string Root = "/api/v1/events";
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", Root, "listEvents", "Stored events, oldest first", "platform.events:read", ListAsync) { Query = [("pattern", "pattern of names, such as orders.*"), ("after", "only events after this sequence"), ("correlationId", "of one cause"), ("from", "not before, RFC 3339"), ("to", "before, RFC 3339"), ("newest", "newest first"), ("limit", "1 to 1000")] },
        new("POST", Root, "publishEvent", "Publish an event", "platform.events:create", PublishAsync)
        {
            Success = 202,
            Input = """{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"data":{},"key":{"type":"string"},"priority":{"type":"integer"},"correlationId":{"type":"string"},"expiresAt":{"type":"string","format":"date-time"},"transient":{"type":"boolean"}}}""",
        },
        new("GET", Root + "/stats", "getEventStats", "Counts since the node started, in all and by event name", "platform.events:read", context => JsonAnswer.SendAsync(context, Log.GetStatistics())),
        new("GET", Root + "/subscribers", "listEventSubscribers", "Subscriptions that are active on this node", "platform.events:read", context => JsonAnswer.SendAsync(context, Log.GetSubscribers())),
        new("GET", Root + "/dead-letters", "listDeadLetters", "Deliveries that failed for good", "platform.events:read", DeadLettersAsync) { Query = [("group", "of one group"), ("limit", "1 to 1000")] },
        new("POST", Root + "/dead-letters/replay", "replayDeadLetters", "Make dead letters due again", "platform.events:update", ReplayDeadAsync) { Query = [("group", "of one group"), ("event", "of one event")] },
        new("POST", Root + "/replay", "replayEvents", "Make stored events due again for one group", "platform.events:update", ReplayAsync) { Input = """{"type":"object","required":["group"],"properties":{"group":{"type":"string"},"pattern":{"type":"string"},"from":{"type":"string","format":"date-time"},"to":{"type":"string","format":"date-time"},"dryRun":{"type":"boolean"}}}""" },
        new("GET", Root + "/stream", "streamEvents", "Follow events as server-sent events; Last-Event-ID goes on from there", "platform.events:read", StreamAsync) { Query = [("pattern", "pattern of names")] },
        new("GET", Root + "/{id}", "getEvent", "One event with its publisher and each delivery", "platform.events:read", GetAsync),
    ];

    private IEventHistory Store => (IEventHistory?)host.GetService<IEventLog>() ?? host.GetService<IEventStore>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host stores no events.");

    private IEventLog Log => host.GetService<IEventLog>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host keeps no event log.");

    private IEvents Bus => host.GetService<IEvents>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no event bus.");

    private static string Tenant(HttpContext context) => GatewayRequest.Of(context).Context.Tenant;

    private async Task ListAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var page = await Store.ReadAsync(
            new EventQuery
            {
                Tenant = Tenant(context),
                Pattern = Pattern(context),
                AfterSequence = Number(context, "after", 0, long.MaxValue),
                CorrelationId = query["correlationId"].FirstOrDefault(),
                From = Instant(context, "from"),
                To = Instant(context, "to"),
                Newest = query["newest"] is ["" or "true" or "1"],
                Limit = (int)Number(context, "limit", 100, 1000),
            },
            context.RequestAborted);
        if (page.Events.Length > 0 && query["newest"].Count == 0)
            context.Response.Headers.Link = $"<{Root}?pattern={Uri.EscapeDataString(Pattern(context))}&after={page.LastSequence}>; rel=\"next\"";
        await JsonAnswer.SendAsync(context, json =>
        {
            json.WriteStartArray();
            foreach (var stored in page.Events)
                WriteEvent(json, stored.Message, stored.Sequence, null);
            json.WriteEndArray();
        });
    }

    private async Task GetAsync(HttpContext context)
    {
        if (!Guid.TryParse((string?)context.Request.RouteValues["id"], out var id))
            throw new NexusException(ErrorCodes.EventNotFound, "An event's id is a UUID.");
        var page = await Store.ReadAsync(new EventQuery { Id = id, Limit = 1, Tenant = Tenant(context) }, context.RequestAborted);
        if (page.Events is not [var stored, ..])
            throw new NexusException(ErrorCodes.EventNotFound, $"No event {id} is stored.");
        var deliveries = await Store.DeliveriesAsync(new DeliveryQuery(id, Limit: 1000), context.RequestAborted);
        await JsonAnswer.SendAsync(context, json => WriteEvent(json, stored.Message, stored.Sequence, deliveries));
    }

    private async Task PublishAsync(HttpContext context)
    {
        var request = GatewayRequest.Of(context);
        var body = await bodies.ReadJsonAsync(context, request);
        var asked = Read<PublishRequest>(body);
        if (asked?.Name is not { Length: > 0 } name)
            throw new NexusException(ErrorCodes.ValidationError, "An event needs a name.") { Errors = [new FieldError("/name", "required", "name must be given, such as orders.created.")] };
        EventName.Check(name);
        var message = new EventMessage
        {
            Name = name,
            Data = asked.Data is { } data ? Encoding.UTF8.GetBytes(data.GetRawText()) : "{}"u8.ToArray(),
            Source = "nexus",
            Tenant = request.Context.Tenant,
            CorrelationId = asked.CorrelationId ?? request.Id,
            Key = asked.Key,
            Priority = asked.Priority,
            ExpiresAt = asked.ExpiresAt,
        };
        var id = await Bus.PublishAsync(message, asked.Transient ? Delivery.Transient : Delivery.Durable, CancellationToken.None);
        context.Response.Headers.Location = $"{Root}/{id}";
        await JsonAnswer.SendAsync(context, new { id, name, correlationId = message.CorrelationId }, StatusCodes.Status202Accepted);
    }

    private async Task DeadLettersAsync(HttpContext context)
    {
        var dead = await Store.DeliveriesAsync(new DeliveryQuery(State: DeliveryState.Dead, Group: context.Request.Query["group"].FirstOrDefault(), Limit: (int)Number(context, "limit", 100, 1000), Tenant: Tenant(context)), context.RequestAborted);
        await JsonAnswer.SendAsync(context, json =>
        {
            json.WriteStartArray();
            foreach (var delivery in dead)
                WriteEvent(json, delivery.Message, null, [delivery]);
            json.WriteEndArray();
        });
    }

    private async Task ReplayDeadAsync(HttpContext context)
    {
        Guid? id = context.Request.Query["event"] is [{ } text] ? Guid.TryParse(text, out var parsed) ? parsed : throw new NexusException(ErrorCodes.EventNotFound, "An event's id is a UUID.") : null;
        var replayed = await Store.DeliveriesAsync(new DeliveryQuery(id, DeliveryState.Dead, context.Request.Query["group"].FirstOrDefault(), Replay: true, Limit: 1000, Tenant: Tenant(context)), CancellationToken.None);
        await JsonAnswer.SendAsync(context, new { replayed = replayed.Length });
    }

    private async Task ReplayAsync(HttpContext context)
    {
        var body = await bodies.ReadJsonAsync(context, GatewayRequest.Of(context));
        if (Read<EventReplay>(body) is not { Group: { Length: > 0 } } replay)
            throw new NexusException(ErrorCodes.ValidationError, "A replay needs a group.") { Errors = [new FieldError("/group", "required", "group must be given; /api/v1/events/subscribers names the groups.")] };
        await JsonAnswer.SendAsync(context, new { replayed = await Store.ReplayAsync(replay with { Pattern = replay.Pattern ?? "*", Tenant = Tenant(context) }, CancellationToken.None), dryRun = replay.DryRun });
    }

    private async Task StreamAsync(HttpContext context)
    {
        var store = Store;
        var (pattern, tenant) = (Pattern(context), Tenant(context));
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        var after = long.TryParse(context.Request.Headers["Last-Event-ID"], NumberStyles.None, CultureInfo.InvariantCulture, out var last)
            ? last
            : (await store.ReadAsync(new EventQuery { Newest = true, Limit = 1 }, ends.Token)).Events.FirstOrDefault()?.Sequence ?? 0;
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsync(": following\n\n", ends.Token);
        await context.Response.Body.FlushAsync(ends.Token);
        try
        {
            while (!ends.IsCancellationRequested)
            {
                var page = await store.ReadAsync(new EventQuery { Tenant = tenant, Pattern = pattern, AfterSequence = after, Limit = 500, MaxWait = Heartbeat }, ends.Token);
                foreach (var stored in page.Events)
                    await context.Response.WriteAsync($"id: {stored.Sequence}\nevent: {stored.Message.Name}\ndata: {Text(stored)}\n\n", ends.Token);
                if (page.Events.IsEmpty)
                    await context.Response.WriteAsync(": alive\n\n", ends.Token);
                after = Math.Max(after, page.Events.IsEmpty ? page.LastSequence : page.Events[^1].Sequence);
                await context.Response.Body.FlushAsync(ends.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The follower left, or the node stops: both are how a stream ends.
        }
    }

    private static string Text(StoredEvent stored)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonAnswer.WriterOptions))
            WriteEvent(json, stored.Message, stored.Sequence, null);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void WriteEvent(Utf8JsonWriter json, EventMessage message, long? sequence, IEnumerable<EventDelivery>? deliveries)
    {
        json.WriteStartObject();
        json.WriteString("id", message.Id);
        json.WriteString("name", message.Name);
        if (sequence is { } position)
            json.WriteNumber("sequence", position);
        json.WriteString("occurredAt", message.OccurredAt.UtcDateTime);
        json.WriteString("publisher", message.Source);
        json.WriteString("correlationId", message.CorrelationId);
        json.WriteString("key", message.Key);
        json.WriteNumber("priority", message.Priority);
        json.WritePropertyName("data");
        json.WriteRawValue(message.Data.IsEmpty ? "null"u8 : message.Data.Span, skipInputValidation: true);
        if (deliveries is not null)
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
        json.WriteEndObject();
    }

    private static string Pattern(HttpContext context) =>
        context.Request.Query["pattern"].FirstOrDefault() is { Length: > 0 } pattern ? EventPattern.Parse(pattern).Text : "*";

    private static long Number(HttpContext context, string name, long otherwise, long max)
    {
        if (context.Request.Query[name].FirstOrDefault() is not { Length: > 0 } text)
            return otherwise;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? Math.Min(number, max) : throw new NexusException(ErrorCodes.BadRequest, $"{name} must be a whole number.");
    }

    private static DateTimeOffset? Instant(HttpContext context, string name)
    {
        if (context.Request.Query[name].FirstOrDefault() is not { Length: > 0 } text)
            return null;
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var instant) ? instant : throw new NexusException(ErrorCodes.BadRequest, $"{name} must be an instant such as 2030-01-31T12:00:00Z.");
    }

    private static T? Read<T>(ReadOnlyMemory<byte> body)
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

    /// <summary>An event to publish.</summary>
    private sealed record PublishRequest(string? Name, JsonElement? Data, string? Key, int Priority, string? CorrelationId, DateTimeOffset? ExpiresAt, bool Transient);
}
