using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Nexus.Data.Resources;

namespace Nexus.Data.Attachments;

/// <summary>
/// Attachments of records. A file comes in three steps: 1. its content becomes a blob, 2. the row beside the record names it, in one commit with the event and the audit entry,
/// 3. the record is looked at once more, because it may have been deleted between its being read and the commit. A crash after 1 leaves a blob that nothing names, which <see cref="AttachmentSweep"/> removes.
/// </summary>
internal sealed partial class AttachmentOperations(IStorage storage, Func<IBlobStore> blobs, IResourceOperations records, RecordAccess access, IAuditTrail trail, AttachedPictures pictures, TimeProvider time, ILogger<AttachmentOperations> log) : IAttachmentOperations
{
    private const int MaxAttempts = 100;
    private const int QuerySize = 200;

    public async ValueTask<ImmutableDictionary<string, ImmutableArray<Attachment>>> ListAsync(ResourceCall call, ImmutableArray<string> ids, CancellationToken cancellationToken)
    {
        RulesOf(call);
        var found = ImmutableDictionary.CreateBuilder<string, ImmutableArray<Attachment>>(StringComparer.Ordinal);
        if (ids is [var only])
        {
            if (await records.FindAsync(call, only, cancellationToken).ConfigureAwait(false) is { } record)
            {
                found[only] = (await AttachmentRow.FindAsync(storage, call, record.Id, cancellationToken).ConfigureAwait(false)).Row.Files;
            }

            return found.ToImmutable();
        }

        foreach (string[] part in ids.Distinct(StringComparer.Ordinal).Chunk(QuerySize))
        {
            var wanted = new Filter.In("id", [.. part.Select(id => JsonSerializer.SerializeToElement(id))]);
            var seen = await records.ListAsync(call, new ResourceQuery { Filter = wanted, Limit = part.Length }, cancellationToken).ConfigureAwait(false);
            var rows = await storage.QueryAsync(new RecordQuery { Tenant = call.Context.Tenant, Table = AttachmentRow.TableOf(call.Resource), Filter = wanted, Limit = part.Length }, cancellationToken).ConfigureAwait(false);
            var files = rows.Records.ToDictionary(r => r.Id, r => AttachmentRow.Read(r).Files, StringComparer.Ordinal);
            found.AddRange(seen.Records.Select(r => KeyValuePair.Create(r.Id, files.GetValueOrDefault(r.Id, []))));
        }

        return found.ToImmutable();
    }

    public async ValueTask<OpenedAttachment?> OpenAsync(ResourceCall call, string id, string attachment, CancellationToken cancellationToken)
    {
        RulesOf(call);
        if (await records.FindAsync(call, id, cancellationToken).ConfigureAwait(false) is not { } record || (await AttachmentRow.FindAsync(storage, call, record.Id, cancellationToken).ConfigureAwait(false)).Row.Find(attachment)?.File is not { } file)
        {
            return null;
        }

        var content = await Blobs(call, record.Id, file).OpenAsync(file.Sha256, cancellationToken).ConfigureAwait(false);
        if (content is null && (await AttachmentRow.FindAsync(storage, call, record.Id, cancellationToken).ConfigureAwait(false)).Row.Find(attachment) is not null)
        {
            throw new NexusException(ErrorCodes.StorageCorrupt, $"{file.Name} of {call.Resource.Singular} {record.Id} is listed, but its content {file.Sha256} is missing. Restore the blobs from a backup.");
        }

        return content is null ? null : new(file, content);
    }

    public async ValueTask<OpenedAttachment?> OpenPictureAsync(ResourceCall call, string id, string attachment, int width, CancellationToken cancellationToken)
    {
        RulesOf(call);
        if (!PictureWidths.All.Contains(width))
        {
            throw new NexusException(ErrorCodes.BadRequest, $"width is one of {string.Join(", ", PictureWidths.All)}; without it the original is sent.");
        }

        return await records.FindAsync(call, id, cancellationToken).ConfigureAwait(false) is { } record ? await pictures.OpenAsync(call, record.Id, attachment, width, cancellationToken).ConfigureAwait(false) : null;
    }

    public async ValueTask<AttachmentsAdded> AddAsync(ResourceCall call, string id, IAsyncEnumerable<AttachmentUpload> files, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(files);
        var rules = RulesOf(call);
        // Who may not is told so before the content is read.
        var record = await FindForChangeAsync(call, id, cancellationToken).ConfigureAwait(false);
        var (row, _) = await AttachmentRow.FindAsync(storage, call, record.Id, cancellationToken).ConfigureAwait(false);
        int room = call.Idempotency is null ? rules.MaxCount - row.Attachments.Length : rules.MaxCount;
        var received = new List<KeptAttachment>();
        bool isCommitting = false;
        try
        {
            await foreach (var file in files.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                received.Add(received.Count < room ? await ReceiveAsync(call, record.Id, rules, file, received.Count, cancellationToken).ConfigureAwait(false) : throw Full(call, rules));
            }

            if (received.Count == 0)
            {
                throw new NexusException(ErrorCodes.ValidationError, "No file came; send one as the body, or several as parts of a multipart form.");
            }

            isCommitting = true;
            var added = await CommitAsync(call, record.Id, rules, received).ConfigureAwait(false);
            if (added.Replayed)
            {
                await DiscardAsync(call, record.Id, received).ConfigureAwait(false);
            }

            return added;
        }
        catch (Exception e) when (!isCommitting || e is NexusException { Status: < 500 })
        {
            // A commit whose end nobody knows may have named them.
            await DiscardAsync(call, record.Id, received).ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask RemoveAsync(ResourceCall call, string id, string attachment, CancellationToken cancellationToken)
    {
        RulesOf(call);
        for (int attempt = 1; ; attempt++)
        {
            var record = await FindForChangeAsync(call, id, cancellationToken).ConfigureAwait(false);
            var read = await AttachmentRow.FindAsync(storage, call, record.Id, cancellationToken).ConfigureAwait(false);
            var kept = read.Row.Find(attachment) ?? throw new NexusException(ErrorCodes.ResourceNotFound, $"{call.Resource.Singular} {record.Id} has no attachment {attachment}.");
            var rest = read.Row with { Attachments = read.Row.Attachments.Remove(kept) };
            try
            {
                await WriteAsync(call, record, rest, read.Stored, "detached", [kept.File]).ConfigureAwait(false);
            }
            catch (StorageConflictException) when (attempt < MaxAttempts)
            {
                await ChangeExecution.BackOffAsync(attempt, cancellationToken).ConfigureAwait(false);
                continue;
            }

            await DiscardAsync(call, record.Id, [kept]).ConfigureAwait(false);
            return;
        }
    }

    private static AttachmentRules RulesOf(ResourceCall call) =>
        call.Resource.Attachments ?? throw new NexusException(ErrorCodes.RouteNotFound, $"{call.Resource.Name} have no attachments.");

    private static NexusException Full(ResourceCall call, AttachmentRules rules) =>
        new(ErrorCodes.ValidationError, $"A {call.Resource.Singular} may have {rules.MaxCount} attachments; remove one first.");

    private IBlobs Blobs(ResourceCall call, string id, Attachment file) => blobs().Get(AttachmentRow.OwnerOf(call.Resource, id, file.Id), call.Context.Tenant);

    private async ValueTask<StoredRecord> FindForChangeAsync(ResourceCall call, string id, CancellationToken cancellationToken)
    {
        var shape = RecordShape.For(call.Resource);
        var allowed = await access.DemandAsync(call.Context, shape.UpdatePermission, cancellationToken).ConfigureAwait(false);
        var key = ChangeExecution.CanonicalId(id) ?? throw RecordAccess.NotFound(call, id);
        var record = await storage.FindAsync(new(call.Context.Tenant, shape.Table, key), cancellationToken).ConfigureAwait(false) ?? throw RecordAccess.NotFound(call, key);
        return RecordAccess.Covers(allowed, call.Context.Caller, record) ? record : throw await access.OutsideAsync(call, record, shape.UpdatePermission, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<KeptAttachment> ReceiveAsync(ResourceCall call, string id, AttachmentRules rules, AttachmentUpload upload, int number, CancellationToken cancellationToken)
    {
        string name = AttachmentNames.Check(upload.Name);
        string type = AttachmentNames.TypeOf(upload.ContentType, name);
        if (!rules.Takes(type))
        {
            throw new NexusException(ErrorCodes.UnsupportedMediaType, $"{name} is {type}; {call.Resource.Name} take {string.Join(", ", rules.Types)}.");
        }

        var now = time.GetUtcNow();
        var attachment = Guid.CreateVersion7(now);
        var owned = blobs().Get(AttachmentRow.OwnerOf(call.Resource, id, attachment), call.Context.Tenant);
        await using var content = new BoundedContent(upload.Content, name, rules.MaxBytes);
        var blob = await owned.PutAsync(content, cancellationToken).ConfigureAwait(false);
        try
        {
            call.Plugin.Quota?.Store(blob.Length);
        }
        catch (NexusException)
        {
            // The length of a stream is known only when it was read.
            await owned.DeleteAsync(blob.Sha256, CancellationToken.None).ConfigureAwait(false);
            throw;
        }

        var file = new Attachment { Id = attachment, Name = name, ContentType = type, Size = blob.Length, Sha256 = blob.Sha256, CreatedAt = Microseconds(now), CreatedBy = call.Context.Caller.Id };
        return new(file, call.Idempotency is { } request ? Digest(call, request, number) : null);
    }

    private async ValueTask<AttachmentsAdded> CommitAsync(ResourceCall call, string id, AttachmentRules rules, List<KeptAttachment> received)
    {
        // What was received whole is attached, whether or not the caller waits for the answer.
        for (int attempt = 1; ; attempt++)
        {
            var record = await FindForChangeAsync(call, id, CancellationToken.None).ConfigureAwait(false);
            var (row, stored) = await AttachmentRow.FindAsync(storage, call, id, CancellationToken.None).ConfigureAwait(false);
            if (Replayed(row, received) is { } known)
            {
                return new(known, Replayed: true);
            }

            if (row.Attachments.Length + received.Count > rules.MaxCount)
            {
                throw Full(call, rules);
            }

            ImmutableArray<Attachment> files = [.. received.Select(r => r.File)];
            try
            {
                await WriteAsync(call, record, row with { Attachments = [.. row.Attachments, .. received] }, stored, "attached", files).ConfigureAwait(false);
            }
            catch (StorageConflictException) when (attempt < MaxAttempts)
            {
                await ChangeExecution.BackOffAsync(attempt, CancellationToken.None).ConfigureAwait(false);
                continue;
            }

            if (stored is null && await storage.FindAsync(new(call.Context.Tenant, call.Resource.Table, id), CancellationToken.None).ConfigureAwait(false) is null)
            {
                await storage.CommitAsync(new() { Writes = [new() { Key = AttachmentRow.KeyOf(call.Resource, call.Context.Tenant, id) }] }, CancellationToken.None).ConfigureAwait(false);
                throw RecordAccess.NotFound(call, id);
            }

            return new(files);
        }
    }

    /// <summary>What an earlier request of the same key attached, in the order of this one; null when there was none.</summary>
    private static ImmutableArray<Attachment>? Replayed(AttachmentRow row, List<KeptAttachment> received)
    {
        var known = received.ConvertAll(r => r.Request is null ? null : row.Attachments.FirstOrDefault(a => a.Request == r.Request));
        if (known.TrueForAll(k => k is null))
        {
            return null;
        }

        return known.Zip(received).All(p => p.First is { File: var was } && p.Second.File is var now && was.Sha256 == now.Sha256 && was.Name == now.Name && was.ContentType == now.ContentType)
            ? [.. known.Select(k => k!.File)]
            : throw new NexusException(ErrorCodes.IdempotencyConflict, "The idempotency key was used for other files of this record.");
    }

    private async ValueTask WriteAsync(ResourceCall call, StoredRecord record, AttachmentRow row, StoredRecord? before, string verb, ImmutableArray<Attachment> files)
    {
        var now = time.GetUtcNow();
        var key = AttachmentRow.KeyOf(call.Resource, call.Context.Tenant, record.Id);
        await storage.CommitAsync(
            new()
            {
                Writes = [row.Attachments.IsEmpty ? new RecordWrite { Key = key, ExpectedRevision = before!.Revision } : row.Write(key, before, record, now)],
                Events = [.. files.Select(f => AttachmentTold.EventOf(call, record.Id, verb, f, now))],
                Audit = trail.IsKept ? [.. files.Select(f => AttachmentTold.AuditOf(call, record.Id, verb, f, now))] : [],
            },
            CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Removes the content of what is not attached, or not any more. What fails here is swept later.</summary>
    private async ValueTask DiscardAsync(ResourceCall call, string id, List<KeptAttachment> files)
    {
        foreach (var (file, blob) in files.SelectMany(f => f.Blobs.Select(b => (f.File, Blob: b))))
        {
            try
            {
                await Blobs(call, id, file).DeleteAsync(blob.Sha256, CancellationToken.None).ConfigureAwait(false);
                call.Plugin.Quota?.Store(-blob.Length);
            }
            catch (Exception e) when (e is NexusException or IOException)
            {
                NotDiscarded(log, blob.Sha256, e.Message);
            }
        }
    }

    // Hashed, because a key and a caller's id are nobody else's to read.
    private static string Digest(ResourceCall call, IdempotentRequest request, int number) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{call.Context.Caller.Id}\n{request.Key}\n{number}")));

    private static DateTimeOffset Microseconds(DateTimeOffset now) => new(now.UtcTicks - (now.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);

    [LoggerMessage(1, LogLevel.Warning, "The content {Sha256} of an attachment was not removed and will be later: {Cause}")]
    private static partial void NotDiscarded(ILogger log, string sha256, string cause);
}
