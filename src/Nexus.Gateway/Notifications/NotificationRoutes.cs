using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Notifications;

/// <summary>What concerns the caller, and what of it was seen. It is the caller's own, so it takes no permission; each part asks for the one that guards what it tells of.</summary>
internal sealed class NotificationRoutes(NotificationFeed feed, NotificationMarks marks, RequestBody bodies) : IPlatformRoutes
{
    private const string Root = "/api/v1/notifications";

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", Root, "listNotifications", "What happened lately and concerns the caller, newest first: own tasks that ended, changes of the own account, and for who may read them plugins that failed and dead letters", PlatformRoute.Anyone, context => SendAsync(context, null)) { Answer = Answer.Of<NotificationList>() },
        new("POST", Root + "/read", "readNotifications", "Mark notifications as seen: those named, or all", PlatformRoute.Anyone, MarkAsync) { Input = """{"type":"object","properties":{"ids":{"type":"array","maxItems":50,"items":{"type":"string","maxLength":500}}}}""", Answer = Answer.Of<NotificationList>() },
    ];

    private async Task MarkAsync(HttpContext context)
    {
        var caller = Caller(context);
        var ids = Read(await bodies.ReadJsonAsync(context, GatewayRequest.Of(context)));
        var told = await feed.ReadAsync(caller, context.RequestAborted);
        await SendAsync(context, told, await marks.MarkAsync(caller, told, ids, CancellationToken.None));
    }

    private async Task SendAsync(HttpContext context, NotificationMarks.Seen? seen)
    {
        var caller = Caller(context);
        await SendAsync(context, await feed.ReadAsync(caller, context.RequestAborted), seen ?? await marks.ReadAsync(caller, context.RequestAborted));
    }

    private static Task SendAsync(HttpContext context, ImmutableArray<Notification> told, NotificationMarks.Seen seen)
    {
        ImmutableArray<Notification> items = [.. told.Select(n => n with { Read = seen.Has(n) })];
        return JsonAnswer.SendAsync(context, new NotificationList(items.Count(n => !n.Read), items));
    }

    private static CallContext Caller(HttpContext context)
    {
        var caller = GatewayRequest.Of(context).Context;
        return ReferenceEquals(caller.Caller, Nexus.Caller.Anonymous) ? throw new NexusException(ErrorCodes.AuthenticationRequired, "Sign in: notifications are a person's own.") : caller;
    }

    private static HashSet<string>? Read(ReadOnlyMemory<byte> body)
    {
        if (body.IsEmpty)
            return null;
        using var document = JsonDocument.Parse(body);
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("ids", out var ids) || ids.ValueKind == JsonValueKind.Null)
            return null;
        return ids.ValueKind == JsonValueKind.Array && ids.EnumerateArray().All(id => id.ValueKind == JsonValueKind.String)
            ? ids.EnumerateArray().Select(id => id.GetString()!).ToHashSet(StringComparer.Ordinal)
            : throw new NexusException(ErrorCodes.BadRequest, "`ids` is a list of ids of notifications; without it all are marked.");
    }
}
