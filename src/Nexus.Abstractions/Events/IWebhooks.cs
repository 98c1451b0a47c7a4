using System.Collections.Immutable;
using System.Text.Json;

namespace Nexus;

/// <summary>Subscriptions of programs outside: stored events that match are sent to an address over HTTP, signed, at least once, retried with growing waits, and then dead letters of the webhook's groups. Events of the caller's tenant only. Kept in the storage, so that every node serves them. Thread-safe.</summary>
public interface IWebhooks
{
    /// <summary>The webhooks of the current call's tenant, oldest first.</summary>
    ValueTask<ImmutableArray<Webhook>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Makes a webhook. It gets events that are stored after this returns.</summary>
    /// <exception cref="NexusException"><c>VALIDATION_ERROR</c>, <c>INVALID_EVENT_TYPE</c>.</exception>
    ValueTask<WebhookSecret> CreateAsync(WebhookChange settings, CancellationToken cancellationToken);

    /// <summary>Changes what is given and leaves the rest. A disabled webhook gets nothing, nor later what happened meanwhile, unless it is replayed; enabling sets its count of failures to zero.</summary>
    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>, <c>VALIDATION_ERROR</c>, <c>INVALID_EVENT_TYPE</c>.</exception>
    ValueTask<Webhook> ChangeAsync(Guid id, WebhookChange change, CancellationToken cancellationToken);

    /// <summary>Gives it another secret. The one before signs as well for a day, so that its receiver can change over.</summary>
    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>.</exception>
    ValueTask<WebhookSecret> RotateAsync(Guid id, CancellationToken cancellationToken);

    /// <summary>Removes it with what waits for it.</summary>
    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>.</exception>
    ValueTask DeleteAsync(Guid id, CancellationToken cancellationToken);
}

/// <summary>A webhook.</summary>
public sealed record Webhook
{
    /// <summary>Its id.</summary>
    public required Guid Id { get; init; }

    /// <summary>Whose events it gets.</summary>
    public required string Tenant { get; init; }

    /// <summary>Address that events are posted to.</summary>
    public required Uri Url { get; init; }

    /// <summary>Patterns of names; an event that several match is sent once.</summary>
    public required ImmutableArray<string> Patterns { get; init; }

    /// <summary>Condition on the data in the JSON form of filters, or null for all.</summary>
    public JsonElement? Filter { get; init; }

    /// <summary>Least priority of the events it gets, or null.</summary>
    public int? MinPriority { get; init; }

    /// <summary>Greatest priority of the events it gets, or null.</summary>
    public int? MaxPriority { get; init; }

    /// <summary>Events posted at once, at most; above 1 the body has <c>events</c>, a list, also when it is one.</summary>
    public int BatchSize { get; init; } = 1;

    /// <summary>It gets the data of encrypted events plain; without, it gets such events without their data.</summary>
    public bool Decrypt { get; init; }

    /// <summary>Whether it gets events.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Why the platform disabled it, or null.</summary>
    public string? DisabledReason { get; init; }

    /// <summary>Tries before an event is a dead letter.</summary>
    public int MaxAttempts { get; init; } = 8;

    /// <summary>Wait before the second try in seconds; doubles with each further one.</summary>
    public double RetrySeconds { get; init; } = 5;

    /// <summary>Events in a row that became dead letters; any success sets it to zero.</summary>
    public int FailuresInARow { get; init; }

    /// <summary>When it was made, UTC.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>The durable groups behind it, one a pattern, by which its deliveries and dead letters are found and events replayed.</summary>
    public ImmutableArray<string> Groups => [.. Patterns.Select(p => $"webhook/{Id}/{p}")];
}

/// <summary>What to set of a webhook; null leaves a value as it is, or takes its default.</summary>
public sealed record WebhookChange
{
    /// <summary>Address, http or https; needed for a new one.</summary>
    public string? Url { get; init; }

    /// <summary>Patterns, 1 to 20; needed for a new one.</summary>
    public ImmutableArray<string>? Patterns { get; init; }

    /// <summary>Condition on the data; <c>{}</c> for all.</summary>
    public JsonElement? Filter { get; init; }

    /// <summary>Least priority, −1000 to 1000; −1000 for no bound.</summary>
    public int? MinPriority { get; init; }

    /// <summary>Greatest priority, −1000 to 1000; 1000 for no bound.</summary>
    public int? MaxPriority { get; init; }

    /// <summary>Events at once, 1 to 100.</summary>
    public int? BatchSize { get; init; }

    /// <summary>Whether it gets the data of encrypted events; whoever lets this through has seen to the caller's right to them.</summary>
    public bool? Decrypt { get; init; }

    /// <summary>Whether it gets events.</summary>
    public bool? Enabled { get; init; }

    /// <summary>Tries, 1 to 20.</summary>
    public int? MaxAttempts { get; init; }

    /// <summary>First wait in seconds, 0.01 to 3600.</summary>
    public double? RetrySeconds { get; init; }
}

/// <summary>A webhook with its secret, which is shown this once.</summary>
/// <param name="Webhook">The webhook.</param>
/// <param name="Secret">Key of its signatures, as text.</param>
public sealed record WebhookSecret(Webhook Webhook, string Secret);
