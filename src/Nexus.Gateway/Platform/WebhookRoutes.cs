using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Pipeline;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Platform;

/// <summary>Webhooks of a tenant: make, look at, change, rotate the secret of, remove; what became of their deliveries.</summary>
internal sealed class WebhookRoutes(IServiceProvider host, RequestBody bodies, TimeProvider time, EventSight sight) : IPlatformRoutes
{
    private const string Root = "/api/v1/events/webhooks";
    private const int MaxDeliveries = 1000;
    private const string Settings = """{"type":"object","properties":{"url":{"type":"string","format":"uri"},"patterns":{"type":"array","minItems":1,"maxItems":20,"items":{"type":"string"}},"filter":{"type":"object"},"enabled":{"type":"boolean"},"decrypt":{"type":"boolean"},"maxAttempts":{"type":"integer","minimum":1,"maximum":20},"retrySeconds":{"type":"number","minimum":0.01,"maximum":3600},"minPriority":{"type":"integer","minimum":-1000,"maximum":1000},"maxPriority":{"type":"integer","minimum":-1000,"maximum":1000},"batchSize":{"type":"integer","minimum":1,"maximum":100}}}""";

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", Root, "listWebhooks", "Webhooks, oldest first", "platform.webhooks:read", async context => await JsonAnswer.SendAsync(context, await Webhooks.ListAsync(context.RequestAborted))) { Answer = Answer.Of<Webhook[]>() },
        new("POST", Root, "createWebhook", "Send matching events to an address, signed; the answer has the secret, this once", "platform.webhooks:create", CreateAsync) { Success = 201, Input = Settings, Answer = Answer.Of<WebhookSecret>() },
        new("GET", Root + "/{id}", "getWebhook", "One webhook", "platform.webhooks:read", async context => await JsonAnswer.SendAsync(context, await WebhookOf(context))) { Answer = Answer.Of<Webhook>() },
        new("PATCH", Root + "/{id}", "changeWebhook", "Change, enable or disable a webhook", "platform.webhooks:update", ChangeAsync) { Input = Settings, Answer = Answer.Of<Webhook>() },
        new("DELETE", Root + "/{id}", "deleteWebhook", "Remove a webhook with what waits for it", "platform.webhooks:delete", DeleteAsync) { Success = 204 },
        new("POST", Root + "/{id}/rotate", "rotateWebhookSecret", "Give a webhook another secret; the one before signs as well for a day", "platform.webhooks:update", RotateAsync) { Answer = Answer.Of<WebhookSecret>() },
        new("GET", Root + "/{id}/deliveries", "listWebhookDeliveries", "What became of the events for a webhook", "platform.webhooks:read", DeliveriesAsync) { Query = [("state", "Pending, Done, Dead, Cancelled or Expired")], Answer = EventJson.Form.Many() },
    ];

    private IWebhooks Webhooks => host.GetService<IWebhooks>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host has no webhooks.");

    private IEventHistory Events => host.GetService<IEventLog>() ?? throw new NexusException(ErrorCodes.ServiceUnavailable, "This host keeps no event log.");

    private static Guid Id(HttpContext context) =>
        Guid.TryParse((string?)context.Request.RouteValues["id"], out var id) ? id : throw new NexusException(ErrorCodes.ResourceNotFound, "A webhook's id is a UUID.");

    private async Task<Webhook> WebhookOf(HttpContext context)
    {
        var id = Id(context);
        return (await Webhooks.ListAsync(context.RequestAborted)).FirstOrDefault(w => w.Id == id) ?? throw new NexusException(ErrorCodes.ResourceNotFound, $"There is no webhook {id}.");
    }

    private async Task<WebhookChange> ReadAsync(HttpContext context) =>
        EventJson.Read<WebhookChange>(await bodies.ReadJsonAsync(context, GatewayRequest.Of(context))) ?? new WebhookChange();

    private async Task CreateAsync(HttpContext context)
    {
        var settings = await ReadAsync(context);
        if (settings.Decrypt == true)
            await sight.DemandAsync(GatewayRequest.Of(context).Context, context.RequestAborted);
        var made = await Webhooks.CreateAsync(settings, CancellationToken.None);
        await RecordAsync("platform.webhook.created", made.Webhook.Id, new { url = made.Webhook.Url, patterns = made.Webhook.Patterns, decrypt = made.Webhook.Decrypt });
        context.Response.Headers.Location = $"{Root}/{made.Webhook.Id}";
        await JsonAnswer.SendAsync(context, made, StatusCodes.Status201Created);
    }

    private async Task ChangeAsync(HttpContext context)
    {
        var change = await ReadAsync(context);
        // Whoever sends elsewhere what was decrypted for another could read it there.
        if (change.Decrypt == true || (change is not { Decrypt: false } && (await WebhookOf(context)).Decrypt))
            await sight.DemandAsync(GatewayRequest.Of(context).Context, context.RequestAborted);
        var changed = await Webhooks.ChangeAsync(Id(context), change, CancellationToken.None);
        await RecordAsync("platform.webhook.changed", changed.Id, new { url = changed.Url, patterns = changed.Patterns, enabled = changed.Enabled, decrypt = changed.Decrypt });
        await JsonAnswer.SendAsync(context, changed);
    }

    private async Task RotateAsync(HttpContext context)
    {
        var rotated = await Webhooks.RotateAsync(Id(context), CancellationToken.None);
        await RecordAsync("platform.webhook.rotated", rotated.Webhook.Id, new { });
        await JsonAnswer.SendAsync(context, rotated);
    }

    private async Task DeleteAsync(HttpContext context)
    {
        var id = Id(context);
        await Webhooks.DeleteAsync(id, CancellationToken.None);
        await RecordAsync("platform.webhook.deleted", id, new { });
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async Task DeliveriesAsync(HttpContext context)
    {
        DeliveryState? state = context.Request.Query["state"].FirstOrDefault() is { Length: > 0 } text
            ? Enum.TryParse<DeliveryState>(text, ignoreCase: true, out var named) ? named : throw new NexusException(ErrorCodes.BadRequest, "state must be Pending, Done, Dead, Cancelled or Expired.")
            : null;
        var webhook = await WebhookOf(context);
        var found = ImmutableArray.CreateBuilder<EventDelivery>();
        foreach (var group in webhook.Groups)
            found.AddRange(await Events.DeliveriesAsync(new DeliveryQuery(State: state, Group: group, Limit: MaxDeliveries, Tenant: webhook.Tenant), context.RequestAborted));
        var shown = await sight.ShowAsync([.. found.Select(d => d.Message)], GatewayRequest.Of(context).Context, context.RequestAborted);
        await JsonAnswer.SendAsync(context, json =>
        {
            json.WriteStartArray();
            for (var i = 0; i < shown.Length; i++)
                EventJson.Write(json, shown[i], null, [found[i]]);
            json.WriteEndArray();
        });
    }

    private async Task RecordAsync(string action, Guid id, object detail)
    {
        if (host.GetService<IAuditTrail>() is { } trail)
            await trail.RecordAsync(AuditEntry.For(CallContext.Current, time.GetUtcNow(), action, $"webhooks/{id}", AuditResult.Success, JsonSerializer.SerializeToUtf8Bytes(detail, JsonSerializerOptions.Web)), CancellationToken.None);
    }
}
