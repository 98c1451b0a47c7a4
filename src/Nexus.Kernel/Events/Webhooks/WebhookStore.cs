using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.Kernel.Events.Webhooks;

/// <summary>A webhook as it is stored: its secrets are sealed where the host protects fields.</summary>
internal sealed record StoredWebhook(Webhook Webhook, string Secret, string? PreviousSecret = null, DateTimeOffset? PreviousUntil = null);

/// <summary>Webhooks as records. Each write publishes <see cref="Changed"/> in its commit, by which every node learns of it.</summary>
internal sealed class WebhookStore(IStorage storage, TimeProvider time, IServiceProvider host)
{
    public const string Changed = "platform.webhooks.changed";
    private const string Table = "nexus.webhooks";
    private const int MaxAttempts = 20;
    private const int Page = 500;

    public async ValueTask<ImmutableArray<StoredWebhook>> ReadAsync(CancellationToken cancellationToken)
    {
        var found = ImmutableArray.CreateBuilder<StoredWebhook>();
        string? cursor = null;
        do
        {
            var page = await storage.QueryAsync(new RecordQuery { Tenant = CallContext.DefaultTenant, Table = Table, Limit = Page, Cursor = cursor }, cancellationToken);
            found.AddRange(page.Records.Select(Read));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return [.. found.OrderBy(w => w.Webhook.CreatedAt).ThenBy(w => w.Webhook.Id)];
    }

    public ValueTask AddAsync(StoredWebhook webhook) => WriteAsync(webhook.Webhook.Id, webhook, 0);

    /// <summary>Changes one to what <paramref name="change"/> makes of it; null from it leaves it as it is.</summary>
    /// <param name="id">Which.</param>
    /// <param name="change">Called again after somebody else was faster.</param>
    /// <param name="remove">Remove it instead, when the change wants it.</param>
    /// <returns>What it is now; null when there is none of that id, or the change left it.</returns>
    public async ValueTask<StoredWebhook?> UpdateAsync(Guid id, Func<StoredWebhook, StoredWebhook?> change, bool remove = false)
    {
        for (var attempt = 1; ; attempt++)
        {
            if (await storage.FindAsync(KeyOf(id), CancellationToken.None) is not { } record || change(Read(record)) is not { } changed)
                return null;
            try
            {
                await WriteAsync(id, remove ? null : changed, record.Revision);
                return changed;
            }
            catch (StorageConflictException) when (attempt < MaxAttempts)
            {
                // Somebody else changed it: look again.
            }
        }
    }

    public async ValueTask<string> SealAsync(Guid id, string secret)
    {
        if (host.GetService<IFieldProtection>() is not { } protection)
            return secret;
        return "sealed:" + Convert.ToBase64String((await protection.ProtectAsync(CallContext.DefaultTenant, Encoding.UTF8.GetBytes(secret), Place(id), CancellationToken.None)).Span);
    }

    public async ValueTask<byte[]> OpenAsync(Guid id, string secret)
    {
        if (!secret.StartsWith("sealed:", StringComparison.Ordinal))
            return Encoding.UTF8.GetBytes(secret);
        return (await host.GetRequiredService<IFieldProtection>().UnprotectAsync(CallContext.DefaultTenant, Convert.FromBase64String(secret["sealed:".Length..]), Place(id), CancellationToken.None)).ToArray();
    }

    private static byte[] Place(Guid id) => Encoding.UTF8.GetBytes($"{CallContext.DefaultTenant}/{Table}/{id}/secret");

    private static RecordKey KeyOf(Guid id) => new(CallContext.DefaultTenant, Table, id.ToString());

    private static StoredWebhook Read(StoredRecord record) => JsonSerializer.Deserialize<StoredWebhook>(record.Json.Span, JsonSerializerOptions.Web)!;

    private async ValueTask WriteAsync(Guid id, StoredWebhook? webhook, long revision)
    {
        var now = time.GetUtcNow();
        var record = webhook is null ? null : new StoredRecord { Id = id.ToString(), Revision = revision + 1, CreatedAt = now, UpdatedAt = now, Json = JsonSerializer.SerializeToUtf8Bytes(webhook, JsonSerializerOptions.Web) };
        var changed = new EventMessage { Name = Changed, Source = EventBus.HostSource, OccurredAt = now, Data = JsonSerializer.SerializeToUtf8Bytes(new { id }, JsonSerializerOptions.Web) };
        await storage.CommitAsync(new WriteBatch { Writes = [new RecordWrite { Key = KeyOf(id), Record = record, ExpectedRevision = revision }], Events = [changed] }, CancellationToken.None);
    }
}
