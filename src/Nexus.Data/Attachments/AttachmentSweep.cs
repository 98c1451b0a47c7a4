using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Nexus.Data.Attachments;

/// <summary>
/// Removes the content of attachments that nothing names any more: of records that were deleted long enough ago, and of uploads that a crash cut off before they were attached.
/// Several nodes may do so at once, and what fails is tried again at the next turn.
/// </summary>
internal sealed partial class AttachmentSweep(Func<IStorage> storage, Func<IBlobStore> blobs, Func<IPlugins?> plugins, TimeProvider time, ILogger<AttachmentSweep> log) : BackgroundService
{
    private static readonly TimeSpan Turn = TimeSpan.FromHours(6);

    /// <summary>No upload lasts longer: content that is older and not named belongs to none.</summary>
    private static readonly TimeSpan LongestUpload = TimeSpan.FromDays(1);

    /// <summary>One turn; how many contents it removed.</summary>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        int removed = 0;
        foreach (var plugin in plugins()?.Current.Plugins ?? [])
        {
            var resources = plugin.Resources.Where(r => r.Attachments is not null).ToDictionary(r => r.Name, StringComparer.Ordinal);
            if (resources.Count == 0)
            {
                continue;
            }

            await foreach (var blob in blobs().ListAsync(plugin.Manifest.Name, cancellationToken: cancellationToken).ConfigureAwait(false))
            {
                if (AttachmentRow.ReadOwner(blob.Owner) is { } owner && resources.TryGetValue(owner.Resource, out var resource) && await IsOverAsync(resource, blob.Tenant, owner.Record, owner.Attachment, cancellationToken).ConfigureAwait(false)
                    && await blobs().Get(blob.Owner, blob.Tenant).DeleteAsync(blob.Sha256, cancellationToken).ConfigureAwait(false))
                {
                    plugin.Quota?.Store(-blob.Length);
                    removed++;
                }
            }
        }

        if (removed > 0)
        {
            Swept(log, removed);
        }

        return removed;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Turn, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
            {
                try
                {
                    await RunAsync(stoppingToken).ConfigureAwait(false);
                }
                catch (Exception e) when (e is NexusException or IOException)
                {
                    Failed(log, e.Message);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }

    private async ValueTask<bool> IsOverAsync(ResourceDescriptor resource, string tenant, string record, Guid attachment, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var key = AttachmentRow.KeyOf(resource, tenant, record);
        var stored = await storage().FindAsync(key, cancellationToken).ConfigureAwait(false);
        var row = stored is null ? AttachmentRow.Empty : AttachmentRow.Read(stored);
        if (row.Attachments.All(a => a.File.Id != attachment))
        {
            return now - CreatedAt(attachment) > LongestUpload;
        }

        // Named by a row without its record: a node died while it attached to a record that was being deleted.
        bool isOver = row.DeletedAt is null
            ? now - stored!.UpdatedAt > LongestUpload && await storage().FindAsync(new(tenant, resource.Table, record), cancellationToken).ConfigureAwait(false) is null
            : AttachmentKeeping.IsOver(row, resource.Attachments!, now);
        if (!isOver)
        {
            return false;
        }

        try
        {
            // The row goes first: what is listed has its content.
            await storage().CommitAsync(new() { Writes = [new() { Key = key, ExpectedRevision = stored!.Revision }] }, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (StorageConflictException)
        {
            return false;
        }
    }

    // The first 48 bits of a UUIDv7 are its time in milliseconds.
    private static DateTimeOffset CreatedAt(Guid id) => DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(id.ToString("N").AsSpan(0, 12), System.Globalization.NumberStyles.AllowHexSpecifier, System.Globalization.CultureInfo.InvariantCulture));

    [LoggerMessage(1, LogLevel.Information, "{Count} contents of attachments that nothing names any more were removed.")]
    private static partial void Swept(ILogger log, int count);

    [LoggerMessage(2, LogLevel.Warning, "Contents of attachments were not looked through and will be later: {Cause}")]
    private static partial void Failed(ILogger log, string cause);
}
