using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Security.Cryptography;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Nexus.Kernel.Events.Webhooks;

/// <summary>Makes each enabled webhook a durable subscriber of the host, one group a pattern, so that retries, dead letters, replay and taking turns between nodes are those of every other subscriber.</summary>
internal sealed class WebhookDelivery(
    WebhookStore stored,
    WebhookSender sender,
    IEventStore events,
    Subscribers subscribers,
    IServiceProvider host,
    TimeProvider time,
    IOptions<EventsOptions> options,
    ILogger<WebhookDelivery> log) : IHostedService, IWebhooks, IDisposable
{
    private const int MaxPatterns = 20;
    private const int MaxBatch = 100;
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Overlap = TimeSpan.FromDays(1);
    private readonly SemaphoreSlim gate = new(1, 1);
    private readonly ConcurrentDictionary<Guid, StoredWebhook> active = new();
    private string? follower;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await ApplyAsync(cancellationToken);
        follower = subscribers.Add(EventBus.HostSource, new SubscriptionDescriptor { Pattern = WebhookStore.Changed, Group = "nexus/webhooks", Durable = false, Handle = async (_, _, stop) => await ApplyAsync(stop) }, null, host).Key;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        if (follower is { } key)
            subscribers.Remove(key);
        return Task.CompletedTask;
    }

    public void Dispose() => gate.Dispose();

    public async ValueTask<ImmutableArray<Webhook>> ListAsync(CancellationToken cancellationToken) =>
        [.. (await stored.ReadAsync(cancellationToken)).Select(s => s.Webhook).Where(w => w.Tenant == CallContext.Current.Tenant)];

    public async ValueTask<WebhookSecret> CreateAsync(WebhookChange settings, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var blank = new Webhook { Id = Guid.CreateVersion7(), Tenant = CallContext.Current.Tenant, Url = new Uri("about:blank"), Patterns = [], CreatedAt = time.GetUtcNow() };
        var webhook = Changed(blank, settings with { Url = settings.Url ?? "", Patterns = settings.Patterns ?? [] });
        var secret = NewSecret();
        await stored.AddAsync(new StoredWebhook(webhook, await stored.SealAsync(webhook.Id, secret)));
        await ApplyAsync(CancellationToken.None);
        return new WebhookSecret(webhook, secret);
    }

    public async ValueTask<Webhook> ChangeAsync(Guid id, WebhookChange change, CancellationToken cancellationToken)
    {
        var tenant = CallContext.Current.Tenant;
        var changed = await stored.UpdateAsync(id, s => s.Webhook.Tenant == tenant ? s with { Webhook = Changed(s.Webhook, change) } : null) ?? throw NotFound(id);
        await ApplyAsync(CancellationToken.None);
        return changed.Webhook;
    }

    public async ValueTask<WebhookSecret> RotateAsync(Guid id, CancellationToken cancellationToken)
    {
        var (tenant, secret) = (CallContext.Current.Tenant, NewSecret());
        var sealedSecret = await stored.SealAsync(id, secret);
        var changed = await stored.UpdateAsync(id, s => s.Webhook.Tenant == tenant ? s with { Secret = sealedSecret, PreviousSecret = s.Secret, PreviousUntil = time.GetUtcNow() + Overlap } : null) ?? throw NotFound(id);
        await ApplyAsync(CancellationToken.None);
        return new WebhookSecret(changed.Webhook, secret);
    }

    public async ValueTask DeleteAsync(Guid id, CancellationToken cancellationToken)
    {
        var tenant = CallContext.Current.Tenant;
        if (await stored.UpdateAsync(id, s => s.Webhook.Tenant == tenant ? s : null, remove: true) is null)
            throw NotFound(id);
        await events.DeclareAsync(Owner(id), [], CancellationToken.None);
        await ApplyAsync(CancellationToken.None);
    }

    private static string Owner(Guid id) => $"webhook/{id}";

    private static string NewSecret() => "whsec_" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    private static NexusException NotFound(Guid id) => new(ErrorCodes.ResourceNotFound, $"There is no webhook {id}.");

    private static Webhook Changed(Webhook webhook, WebhookChange change)
    {
        var errors = ImmutableArray.CreateBuilder<FieldError>();
        var url = webhook.Url;
        if (change.Url is { } text && (!Uri.TryCreate(text, UriKind.Absolute, out url) || url.Scheme is not ("http" or "https") || url.UserInfo.Length > 0))
            errors.Add(new FieldError("/url", "format", "url must be an http or https address without a user name."));
        if (change.Patterns is { } patterns && (patterns.IsDefaultOrEmpty || patterns.Length > MaxPatterns))
            errors.Add(new FieldError("/patterns", "required", $"patterns must be a list of 1 to {MaxPatterns} patterns, such as orders.*."));
        if (change.MaxAttempts is < 1 or > 20)
            errors.Add(new FieldError("/maxAttempts", "range", "maxAttempts must be from 1 to 20."));
        if (change.RetrySeconds is { } seconds && seconds is not (>= 0.01 and <= 3600))
            errors.Add(new FieldError("/retrySeconds", "range", "retrySeconds must be from 0.01 to 3600."));
        if (change.BatchSize is < 1 or > MaxBatch)
            errors.Add(new FieldError("/batchSize", "range", $"batchSize must be from 1 to {MaxBatch}."));
        if (change.MinPriority is < -1000 or > 1000)
            errors.Add(new FieldError("/minPriority", "range", "minPriority must be from -1000 to 1000."));
        if (change.MaxPriority is < -1000 or > 1000)
            errors.Add(new FieldError("/maxPriority", "range", "maxPriority must be from -1000 to 1000."));
        if (errors.Count > 0)
            throw new NexusException(ErrorCodes.ValidationError, "The webhook is not valid.") { Errors = errors.ToImmutable() };
        foreach (var pattern in change.Patterns ?? [])
            EventPattern.Parse(pattern);
        if (change.Filter is { } filter)
            FilterJson.Parse(filter);
        return webhook with
        {
            Url = url!,
            Patterns = change.Patterns is { } named ? [.. named.Distinct(StringComparer.Ordinal)] : webhook.Patterns,
            Filter = change.Filter ?? webhook.Filter,
            MinPriority = change.MinPriority ?? webhook.MinPriority,
            MaxPriority = change.MaxPriority ?? webhook.MaxPriority,
            BatchSize = change.BatchSize ?? webhook.BatchSize,
            Enabled = change.Enabled ?? webhook.Enabled,
            DisabledReason = change.Enabled is null ? webhook.DisabledReason : null,
            FailuresInARow = change.Enabled == true ? 0 : webhook.FailuresInARow,
            Decrypt = change.Decrypt ?? webhook.Decrypt,
            MaxAttempts = change.MaxAttempts ?? webhook.MaxAttempts,
            RetrySeconds = change.RetrySeconds ?? webhook.RetrySeconds,
        };
    }

    /// <summary>Makes this node's subscribers those of the stored webhooks.</summary>
    private async Task ApplyAsync(CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken);
        try
        {
            var all = (await stored.ReadAsync(cancellationToken)).Where(s => s.Webhook.Enabled).ToDictionary(s => s.Webhook.Id);
            foreach (var gone in active.Keys.Except(all.Keys).ToList())
            {
                await events.DeclareAsync(Owner(gone), [], cancellationToken);
                active.TryRemove(gone, out _);
            }

            foreach (var (id, webhook) in all)
            {
                if (!active.TryGetValue(id, out var known) || !known.Webhook.Patterns.SequenceEqual(webhook.Webhook.Patterns))
                    await events.DeclareAsync(Owner(id), [.. webhook.Webhook.Patterns.Zip(webhook.Webhook.Groups, (pattern, group) => new EventGroup(group, pattern, 0))], cancellationToken);
                active[id] = webhook;
            }

            subscribers.SetStanding([.. all.Values.SelectMany(Handlers)]);
        }
        finally
        {
            gate.Release();
        }
    }

    private IEnumerable<Subscriber> Handlers(StoredWebhook webhook)
    {
        var patterns = webhook.Webhook.Patterns.Select(EventPattern.Parse).ToList();
        for (var i = 0; i < patterns.Count; i++)
        {
            var earlier = patterns[..i];
            var id = webhook.Webhook.Id;
            var descriptor = new SubscriptionDescriptor
            {
                Pattern = patterns[i].Text,
                Group = webhook.Webhook.Groups[i],
                Filter = webhook.Webhook.Filter is { } filter ? FilterJson.Parse(filter) : null,
                MaxAttempts = webhook.Webhook.MaxAttempts,
                RetryDelay = TimeSpan.FromSeconds(webhook.Webhook.RetrySeconds),
                Timeout = TimeLimit,
                Handle = (_, context, stop) => new ValueTask(DeliverAsync(id, [context], earlier, stop)),
                BatchSize = webhook.Webhook.BatchSize,
                HandleBatch = webhook.Webhook.BatchSize > 1 ? (_, contexts, stop) => new ValueTask(DeliverAsync(id, contexts, earlier, stop)) : null,
            };
            yield return new Subscriber(descriptor.Group, EventBus.HostSource, descriptor, patterns[i], null, host) { Opens = webhook.Webhook.Decrypt };
        }
    }

    /// <summary>Posts those that the webhook is for; what an earlier pattern of it matches goes by that one.</summary>
    private async Task DeliverAsync(Guid id, ImmutableArray<EventContext> contexts, List<EventPattern> earlier, CancellationToken stop)
    {
        if (!active.TryGetValue(id, out var current))
            return;
        ImmutableArray<EventContext> wanted =
        [
            .. contexts.Where(c => c.Message.Tenant == current.Webhook.Tenant && !(c.Message.Priority < current.Webhook.MinPriority) && !(c.Message.Priority > current.Webhook.MaxPriority) && !earlier.Exists(p => p.Matches(c.Message.Name))),
        ];
        if (wanted.IsEmpty)
            return;
        try
        {
            await sender.SendAsync(current.Webhook, wanted, await SecretsAsync(id, current), stop);
        }
        catch (Exception e) when (e is WebhookRefusedException { Gone: true } || (contexts.Length == 1 && contexts[0].Attempt >= current.Webhook.MaxAttempts))
        {
            await CountAsync(id, e);
            throw;
        }

        if (current.Webhook.FailuresInARow > 0)
            await stored.UpdateAsync(id, s => s.Webhook.FailuresInARow == 0 ? null : s with { Webhook = s.Webhook with { FailuresInARow = 0 } });
    }

    private async Task<IReadOnlyList<byte[]>> SecretsAsync(Guid id, StoredWebhook current)
    {
        var secrets = new List<byte[]> { await stored.OpenAsync(id, current.Secret) };
        if (current.PreviousSecret is { } previous && current.PreviousUntil > time.GetUtcNow())
            secrets.Add(await stored.OpenAsync(id, previous));
        return secrets;
    }

    /// <summary>Counts an event that its receiver will not get; too many in a row, or an answer that it wants no more, disable the webhook.</summary>
    private async Task CountAsync(Guid id, Exception failure)
    {
        var changed = await stored.UpdateAsync(id, s =>
        {
            var failures = s.Webhook.FailuresInARow + 1;
            var reason = failure is WebhookRefusedException { Gone: true } ? "Its receiver answered 410: it wants no more."
                : failures >= options.Value.WebhookFailures ? $"{failures} events in a row could not be delivered; the last: {HandlerRun.Describe(failure)}" : null;
            return s with { Webhook = s.Webhook with { FailuresInARow = failures, Enabled = reason is null && s.Webhook.Enabled, DisabledReason = reason ?? s.Webhook.DisabledReason } };
        });
        if (changed is { Webhook: { Enabled: false, DisabledReason: { } why } })
            log.LogWarning("Webhook {Webhook} is disabled: {Reason}", id, why);
    }
}
