using Nexus.Data.Resources;
using Nexus.Data.Units;

namespace Nexus.Data.Attachments;

/// <summary>What becomes of attachments when their record is deleted, and when one of its id is made again. A resource without attachments pays nothing.</summary>
internal sealed class AttachmentKeeping(IStorage storage, RecordAccess access, TimeProvider time)
{
    /// <summary>The write that goes with the deletion of a record: its attachments wait a while for its being made again; null when it has none.</summary>
    public async ValueTask<RecordWrite?> OnDeleteAsync(ResourceCall call, StoredRecord record, StagedRecords? staged, CancellationToken cancellationToken)
    {
        if (call.Resource.Attachments is not { } rules || await FindAsync(call, record.Id, staged, cancellationToken).ConfigureAwait(false) is not { } stored)
        {
            return null;
        }

        var key = AttachmentRow.KeyOf(call.Resource, call.Context.Tenant, record.Id);
        var now = time.GetUtcNow();
        var row = AttachmentRow.Read(stored);
        return row.Attachments.IsEmpty || rules.KeepDeleted == TimeSpan.Zero
            ? new RecordWrite { Key = key, ExpectedRevision = stored.Revision }
            : (row with { DeletedAt = now }).Write(key, stored, record, now);
    }

    /// <summary>The write that goes with a new record under an id that had attachments: who could see the deleted record has them back, for anybody else they are gone. Null when there is nothing.</summary>
    public async ValueTask<RecordWrite?> OnCreateAsync(ResourceCall call, StoredRecord record, StagedRecords? staged, CancellationToken cancellationToken)
    {
        if (call.Resource.Attachments is not { } rules || await FindAsync(call, record.Id, staged, cancellationToken).ConfigureAwait(false) is not { } stored)
        {
            return null;
        }

        var key = AttachmentRow.KeyOf(call.Resource, call.Context.Tenant, record.Id);
        var now = time.GetUtcNow();
        var row = AttachmentRow.Read(stored);
        var allowed = await access.DecideAsync(call.Context, RecordShape.For(call.Resource).ReadPermission, cancellationToken).ConfigureAwait(false);
        return RecordAccess.Covers(allowed, call.Context.Caller, stored) && !IsOver(row, rules, now)
            ? (row with { DeletedAt = null }).Write(key, stored, record, now)
            : new RecordWrite { Key = key, ExpectedRevision = stored.Revision };
    }

    /// <summary>Whether attachments of a deleted record have waited long enough.</summary>
    public static bool IsOver(AttachmentRow row, AttachmentRules rules, DateTimeOffset now) => row.DeletedAt is { } at && now - at >= rules.KeepDeleted;

    private async ValueTask<StoredRecord?> FindAsync(ResourceCall call, string id, StagedRecords? staged, CancellationToken cancellationToken)
    {
        var key = AttachmentRow.KeyOf(call.Resource, call.Context.Tenant, id);
        return staged is not null && staged.TryGet(key, out var pending) ? pending : await storage.FindAsync(key, cancellationToken).ConfigureAwait(false);
    }
}
