using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Nexus.Gateway.Live;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;
using Nexus.Gateway.Security.Callers;

namespace Nexus.Gateway.Platform;

/// <summary>Stored events for operators: publish, look, follow, replay.</summary>
internal sealed class EventRoutes(IServiceProvider host, RequestBody bodies, TimeProvider time, IHostApplicationLifetime lifetime, OpenCallers callers, EventSight sight) : IPlatformRoutes
{
    private const string Root = "/api/v1/events";
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", Root, "listEvents", "Stored events, oldest first", "platform.events:read", ListAsync) { Query = [("pattern", "pattern of names, such as orders.*"), ("after", "only events after this sequence"), ("correlationId", "of one cause"), ("from", "not before, RFC 3339"), ("to", "before, RFC 3339"), ("newest", "newest first"), ("limit", "1 to 1000")], Answer = EventJson.Form.Many() },
        new("POST", Root, "publishEvent", "Publish an event", "platform.events:create", PublishAsync)
        {
            Success = 202,
            Input = """{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"data":{},"key":{"type":"string"},"priority":{"type":"integer"},"correlationId":{"type":"string"},"expiresAt":{"type":"string","format":"date-time"},"transient":{"type":"boolean"},"encrypted":{"type":"boolean"}}}""",
            Answer = Answer.Of<EventPublished>(),
        },
        new("POST", Root + "/bulk", "publishEvents", "Publish up to 1,000 events in one commit: all or none", "platform.events:create", PublishAllAsync)
        {
            Success = 202,
            Input = """{"type":"object","required":["events"],"properties":{"events":{"type":"array","minItems":1,"maxItems":1000,"items":{"type":"object","required":["name"],"properties":{"name":{"type":"string"}}}}}}""",
            Answer = Answer.Of<EventsPublished>(),
        },
        new("GET", Root + "/stats", "getEventStats", "Counts since the node started, in all and by event name", "platform.events:read", StatisticsAsync) { Query = [("group_by", "name, or domain: the first word of the name")], Answer = Answer.Of<EventStatistics>() },
        new("GET", Root + "/subscribers", "listEventSubscribers", "Subscriptions that are active on this node", "platform.events:read", context => JsonAnswer.SendAsync(context, Log.GetSubscribers())) { Answer = Answer.Of<EventSubscriber[]>() },
        new("GET", Root + "/dead-letters", "listDeadLetters", "Deliveries that failed for good", "platform.events:read", DeadLettersAsync) { Query = [("group", "of one group"), ("limit", "1 to 1000")], Answer = EventJson.Form.Many() },
        new("POST", Root + "/dead-letters/replay", "replayDeadLetters", "Make dead letters due again", "platform.events:update", ReplayDeadAsync) { Query = [("group", "of one group"), ("event", "of one event")], Answer = Answer.Of<DeliveriesReplayed>() },
        new("POST", Root + "/replay", "replayEvents", "Make stored events due again for one group", "platform.events:update", ReplayAsync) { Input = """{"type":"object","required":["group"],"properties":{"group":{"type":"string"},"pattern":{"type":"string"},"from":{"type":"string","format":"date-time"},"to":{"type":"string","format":"date-time"},"dryRun":{"type":"boolean"},"mode":{"enum":["all","dead"],"description":"all that fit, or those that failed for good"},"delaySeconds":{"type":"number","minimum":0,"maximum":604800,"description":"before the first"},"spacingSeconds":{"type":"number","minimum":0,"maximum":3600,"description":"between one and the next"}}}""", Answer = Answer.Of<EventsReplayed>() },
        new("GET", Root + "/replay", "getEventReplay", "How far a group is with the events of a replay", "platform.events:read", ProgressAsync) { Query = [("group", "the group"), ("pattern", "pattern of names"), ("from", "not before, RFC 3339"), ("to", "before, RFC 3339")], Answer = Answer.Of<ReplayProgress>() },
        new("POST", Root + "/purge", "purgeEvents", "Remove stored events that no group waits for", "platform.events:delete", PurgeAsync) { Input = """{"type":"object","required":["before"],"properties":{"before":{"type":"string","format":"date-time"},"pattern":{"type":"string"},"dryRun":{"type":"boolean"}}}""", Answer = Answer.Of<EventsPurged>() },
        new("GET", Root + "/stream", "streamEvents", "Follow events as server-sent events, or over a WebSocket where it is asked for; Last-Event-ID goes on from there", "platform.events:read", FollowAsync) { Streams = true, Query = [("pattern", "pattern of names"), ("filter", "only events whose data match: a filter as JSON"), ("last_event_id", "go on after this position; Last-Event-ID does the same")] },
        new("GET", Root + "/{id}", "getEvent", "One event with its publisher and each delivery", "platform.events:read", GetAsync) { Answer = EventJson.Form },
    ];

    private IEventHistory Store => (IEventHistory?)host.GetService<IEventLog>() ?? host.GetService<IEventStore>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host stores no events.");

    private IEventLog Log => host.GetService<IEventLog>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host keeps no event log.");

    private IEvents Bus => host.GetService<IEvents>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no event bus.");

    private ValueTask<ImmutableArray<EventMessage>> ShowAsync(IEnumerable<EventMessage> messages, HttpContext context) =>
        sight.ShowAsync([.. messages], GatewayRequest.Of(context).Context, context.RequestAborted);

    private static string Tenant(HttpContext context) => GatewayRequest.Of(context).Context.Tenant;

    private Task StatisticsAsync(HttpContext context)
    {
        var counted = Log.GetStatistics();
        Func<string, string> group = context.Request.Query["group_by"].FirstOrDefault() switch
        {
            null or "" or "name" => name => name,
            "domain" => name => name.Split('.', 2)[0],
            var other => throw new NexusException(ErrorCodes.BadRequest, $"group_by is {other}; it can be name or domain."),
        };
        var groups = counted.ByName.GroupBy(n => group(n.Key), n => n.Value, StringComparer.Ordinal).ToImmutableSortedDictionary(g => g.Key, g => g.Aggregate(EventCounts.Add), StringComparer.Ordinal);
        return JsonAnswer.SendAsync(context, counted with { ByName = groups });
    }

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
        var shown = await ShowAsync(page.Events.Select(e => e.Message), context);
        await JsonAnswer.SendAsync(context, json =>
        {
            json.WriteStartArray();
            for (var i = 0; i < shown.Length; i++)
                EventJson.Write(json, shown[i], page.Events[i].Sequence, null);
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
        var deliveries = await Store.DeliveriesAsync(new DeliveryQuery(id, Limit: 1000, Tenant: Tenant(context)), context.RequestAborted);
        var shown = await ShowAsync([stored.Message], context);
        await JsonAnswer.SendAsync(context, json => EventJson.Write(json, shown[0], stored.Sequence, deliveries));
    }

    private async Task PublishAsync(HttpContext context)
    {
        var request = GatewayRequest.Of(context);
        var body = await bodies.ReadJsonAsync(context, request);
        var asked = EventJson.Read<EventRequest>(body);
        var message = EventRequest.ToMessage(asked, "", request);
        var id = await Bus.PublishAsync(message, asked!.Transient ? Delivery.Transient : Delivery.Durable, CancellationToken.None);
        context.Response.Headers.Location = $"{Root}/{id}";
        await JsonAnswer.SendAsync(context, new EventPublished(id, message.Name, message.CorrelationId), StatusCodes.Status202Accepted);
    }

    private async Task PublishAllAsync(HttpContext context)
    {
        var request = GatewayRequest.Of(context);
        var body = await bodies.ReadJsonAsync(context, request);
        var messages = EventRequest.ToMessages(EventJson.Read<EventsRequest>(body)?.Events, request);
        var ids = await Bus.PublishAsync(messages, Delivery.Durable, CancellationToken.None);
        await JsonAnswer.SendAsync(context, new EventsPublished(ids, ids.Length), StatusCodes.Status202Accepted);
    }

    private async Task PurgeAsync(HttpContext context)
    {
        var body = await bodies.ReadJsonAsync(context, GatewayRequest.Of(context));
        if (EventJson.Read<EventPurge>(body) is not { Before: var before } purge || before == default)
            throw new NexusException(ErrorCodes.ValidationError, "A purge needs an instant.") { Errors = [new FieldError("/before", "required", "before must be given, such as 2030-01-31T12:00:00Z; events that happened earlier are removed.")] };
        purge = purge with { Pattern = purge.Pattern ?? "*", Tenant = Tenant(context) };
        var purged = await Store.PurgeAsync(purge, CancellationToken.None);
        if (!purge.DryRun && host.GetService<IAuditTrail>() is { } trail)
            await trail.RecordAsync(AuditEntry.For(CallContext.Current, time.GetUtcNow(), "platform.events.purged", "events", AuditResult.Success, JsonSerializer.SerializeToUtf8Bytes(new { before, pattern = purge.Pattern, purged })), CancellationToken.None);
        await JsonAnswer.SendAsync(context, new EventsPurged(purged, purge.DryRun));
    }

    private async Task DeadLettersAsync(HttpContext context)
    {
        var dead = await Store.DeliveriesAsync(new DeliveryQuery(State: DeliveryState.Dead, Group: context.Request.Query["group"].FirstOrDefault(), Limit: (int)Number(context, "limit", 100, 1000), Tenant: Tenant(context)), context.RequestAborted);
        var shown = await ShowAsync(dead.Select(d => d.Message), context);
        await JsonAnswer.SendAsync(context, json =>
        {
            json.WriteStartArray();
            for (var i = 0; i < shown.Length; i++)
                EventJson.Write(json, shown[i], null, [dead[i]]);
            json.WriteEndArray();
        });
    }

    private async Task ReplayDeadAsync(HttpContext context)
    {
        Guid? id = context.Request.Query["event"] is [{ } text] ? Guid.TryParse(text, out var parsed) ? parsed : throw new NexusException(ErrorCodes.EventNotFound, "An event's id is a UUID.") : null;
        var replayed = await Store.DeliveriesAsync(new DeliveryQuery(id, DeliveryState.Dead, context.Request.Query["group"].FirstOrDefault(), Replay: true, Limit: 1000, Tenant: Tenant(context)), CancellationToken.None);
        await JsonAnswer.SendAsync(context, new DeliveriesReplayed(replayed.Length));
    }

    private async Task ReplayAsync(HttpContext context)
    {
        var body = await bodies.ReadJsonAsync(context, GatewayRequest.Of(context));
        if (EventJson.Read<ReplayBody>(body) is not { Group: { Length: > 0 } } replay)
            throw new NexusException(ErrorCodes.ValidationError, "A replay needs a group.") { Errors = [new FieldError("/group", "required", "group must be given; /api/v1/events/subscribers names the groups.")] };
        ImmutableArray<FieldError> errors =
        [
            .. replay.Mode is null or "all" or "dead" ? [] : new[] { new FieldError("/mode", "enum", "mode must be all or dead.") },
            .. replay.DelaySeconds is >= 0 and <= 604_800 ? [] : new[] { new FieldError("/delaySeconds", "range", "delaySeconds must be 0 to 604800.") },
            .. replay.SpacingSeconds is >= 0 and <= 3_600 ? [] : new[] { new FieldError("/spacingSeconds", "range", "spacingSeconds must be 0 to 3600.") },
        ];
        if (!errors.IsEmpty)
            throw new NexusException(ErrorCodes.ValidationError, errors[0].Message) { Errors = errors };
        var asked = new EventReplay(replay.Group, replay.Pattern ?? "*", replay.From, replay.To, replay.DryRun, Tenant(context))
        {
            Delay = TimeSpan.FromSeconds(replay.DelaySeconds),
            Spacing = TimeSpan.FromSeconds(replay.SpacingSeconds),
            OnlyDead = replay.Mode == "dead",
        };
        await JsonAnswer.SendAsync(context, new EventsReplayed(await Store.ReplayAsync(asked, CancellationToken.None), replay.DryRun));
    }

    private async Task ProgressAsync(HttpContext context)
    {
        if (context.Request.Query["group"].FirstOrDefault() is not { Length: > 0 } group)
            throw new NexusException(ErrorCodes.BadRequest, "group must be given; /api/v1/events/subscribers names the groups.");
        var now = await Store.LookAsync(new EventReplay(group, Pattern(context), Instant(context, "from"), Instant(context, "to"), Tenant: Tenant(context)), context.RequestAborted);
        var percent = now.Events == 0 ? 100 : Math.Round(100.0 * (now.Events - now.Waiting) / now.Events, 1);
        await JsonAnswer.SendAsync(context, new ReplayProgress(now.Events, now.Waiting, now.Dead, percent));
    }

    private Task FollowAsync(HttpContext context) =>
        context.WebSockets.IsWebSocketRequest ? host.GetRequiredService<LiveSockets>().ConverseAsync(context) : StreamAsync(context);

    private async Task StreamAsync(HttpContext context)
    {
        var store = Store;
        var filter = context.Request.Query["filter"].FirstOrDefault() is { Length: > 0 } json ? FilterJson.Parse(json) : null;
        var (pattern, tenant) = (Pattern(context), Tenant(context));
        using var caller = callers.Open(context);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping, caller.Ended);
        var after = long.TryParse(context.Request.Headers["Last-Event-ID"].FirstOrDefault() ?? context.Request.Query["last_event_id"].FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var last)
            ? last
            : (await store.ReadAsync(new EventQuery { Near = tenant, Newest = true, Limit = 1 }, ends.Token)).Events.FirstOrDefault()?.Sequence ?? 0;
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsync(": following\n\n", ends.Token);
        await context.Response.Body.FlushAsync(ends.Token);
        try
        {
            while (!ends.IsCancellationRequested)
            {
                var page = await store.ReadAsync(new EventQuery { Tenant = tenant, Pattern = pattern, AfterSequence = after, Limit = 500, MaxWait = Heartbeat }, ends.Token);
                var shown = await sight.ShowAsync([.. page.Events.Select(e => e.Message)], caller.Context, ends.Token);
                for (var i = 0; i < shown.Length; i++)
                {
                    if (EventSight.Fits(filter, shown[i]))
                        await context.Response.WriteAsync($"id: {page.Events[i].Sequence}\nevent: {shown[i].Name}\ndata: {Text(page.Events[i] with { Message = shown[i] })}\n\n", ends.Token);
                }

                if (page.Events.IsEmpty)
                    await context.Response.WriteAsync(": alive\n\n", ends.Token);
                after = Math.Max(after, page.Events.IsEmpty ? page.LastSequence : page.Events[^1].Sequence);
                await context.Response.Body.FlushAsync(ends.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The follower left, the node stops or the credentials ended: all are how a stream ends.
        }

        await StreamEnd.SendAsync(context, caller);
    }

    private static string Text(StoredEvent stored)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonAnswer.WriterOptions))
            EventJson.Write(json, stored.Message, stored.Sequence, null);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
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

    private sealed record ReplayBody(string Group, string? Pattern, DateTimeOffset? From, DateTimeOffset? To, bool DryRun, string? Mode, double DelaySeconds, double SpacingSeconds);
}

/// <summary>An event that was published.</summary>
internal sealed record EventPublished(Guid Id, string Name, string? CorrelationId);

/// <summary>Events that were published in one commit.</summary>
internal sealed record EventsPublished(ImmutableArray<Guid> Ids, int Published);

/// <summary>How many events a purge removed, or would.</summary>
internal sealed record EventsPurged(long Purged, bool DryRun);

/// <summary>How many deliveries were made due again.</summary>
internal sealed record DeliveriesReplayed(int Replayed);

/// <summary>How many events were made due again, or would be.</summary>
internal sealed record EventsReplayed(long Replayed, bool DryRun);

/// <summary>How far a group is with the events of a replay.</summary>
internal sealed record ReplayProgress(long Events, long Waiting, long Dead, double Percent);
