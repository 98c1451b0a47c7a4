using Microsoft.Extensions.Logging;
using Nexus.Data.Resources;

namespace Nexus.Data.Attachments;

/// <summary>
/// Attached pictures in the widths that somebody asked for. Each is made once: its bytes are a blob of the attachment's own owner, and the row names it, so that whatever removes the
/// attachment removes it too. A crash between the two leaves a blob that goes with the attachment.
/// </summary>
internal sealed partial class AttachedPictures(IStorage storage, Func<IBlobStore> blobs, PictureScaler scaler, ILogger<AttachedPictures> log)
{
    private const int MaxAttempts = 100;

    // Who asks for what is being made waits for it: a page shows one picture to many at once.
    private readonly SemaphoreSlim[] making = [.. Enumerable.Range(0, 64).Select(_ => new SemaphoreSlim(1))];

    /// <summary>The picture of a record that the caller may see; null when there is no such attachment.</summary>
    public async ValueTask<OpenedAttachment?> OpenAsync(ResourceCall call, string id, string attachment, int width, CancellationToken cancellationToken)
    {
        var (kept, made) = await FindAsync(call, id, attachment, width, cancellationToken).ConfigureAwait(false);
        if (kept is null || made is not null)
        {
            return kept is null ? null : new(kept.File, made!);
        }

        var gate = making[(uint)HashCode.Combine(kept.File.Id, width) % making.Length];
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            (kept, made) = await FindAsync(call, id, attachment, width, cancellationToken).ConfigureAwait(false);
            return kept is null ? null : new(kept.File, made ?? await MakeAsync(call, id, kept.File, width, cancellationToken).ConfigureAwait(false));
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>The attachment, and the picture if it was made.</summary>
    private async ValueTask<(KeptAttachment? Kept, Stream? Made)> FindAsync(ResourceCall call, string id, string attachment, int width, CancellationToken cancellationToken)
    {
        var (row, _) = await AttachmentRow.FindAsync(storage, call, id, cancellationToken).ConfigureAwait(false);
        var kept = row.Find(attachment);
        return (kept, kept?.PictureOf(width) is { } picture ? await Blobs(call, id, kept.File).OpenAsync(picture.Sha256, cancellationToken).ConfigureAwait(false) : null);
    }

    private async ValueTask<Stream> MakeAsync(ResourceCall call, string id, Attachment file, int width, CancellationToken cancellationToken)
    {
        byte[] picture;
        var original = await Blobs(call, id, file).OpenAsync(file.Sha256, cancellationToken).ConfigureAwait(false)
            ?? throw new NexusException(ErrorCodes.StorageCorrupt, $"{file.Name} of {call.Resource.Singular} {id} is listed, but its content {file.Sha256} is missing. Restore the blobs from a backup.");
        await using (original.ConfigureAwait(false))
        {
            picture = await scaler.ScaleAsync(file, original, width, cancellationToken).ConfigureAwait(false);
        }

        try
        {
            await KeepAsync(call, id, file, width, picture).ConfigureAwait(false);
        }
        catch (Exception e) when (e is NexusException or StorageConflictException or IOException)
        {
            // It is shown all the same; what has no room is made again next time.
            NotKept(log, width, file.Sha256, e.Message);
        }

        return new MemoryStream(picture, writable: false);
    }

    private async ValueTask KeepAsync(ResourceCall call, string id, Attachment file, int width, byte[] picture)
    {
        call.Plugin.Quota?.Store(picture.Length);
        BlobReference blob;
        try
        {
            using var content = new MemoryStream(picture, writable: false);
            blob = await Blobs(call, id, file).PutAsync(content, CancellationToken.None).ConfigureAwait(false);
        }
        catch
        {
            call.Plugin.Quota?.Store(-picture.Length);
            throw;
        }

        for (int attempt = 1; ; attempt++)
        {
            var (row, stored) = await AttachmentRow.FindAsync(storage, call, id, CancellationToken.None).ConfigureAwait(false);
            var kept = row.Find(file.Id.ToString());
            bool isKnown = kept is not null && kept.Blobs.Any(b => b.Sha256 == blob.Sha256);
            if (kept is null || kept.PictureOf(width)?.Sha256 == blob.Sha256)
            {
                // Removed meanwhile, or made by another node.
                await LetGoAsync(call, id, file, blob, isKnown).ConfigureAwait(false);
                return;
            }

            try
            {
                var with = row with { Attachments = row.Attachments.Replace(kept, kept.With(new(width, blob.Sha256, blob.Length))) };
                await storage.CommitAsync(new() { Writes = [with.Write(AttachmentRow.KeyOf(call.Resource, call.Context.Tenant, id), stored, stored!, stored!.UpdatedAt)] }, CancellationToken.None).ConfigureAwait(false);
            }
            catch (StorageConflictException) when (attempt < MaxAttempts)
            {
                await ChangeExecution.BackOffAsync(attempt, CancellationToken.None).ConfigureAwait(false);
                continue;
            }

            if (isKnown)
            {
                // Two widths of a picture that is narrower than both are one blob.
                call.Plugin.Quota?.Store(-blob.Length);
            }

            return;
        }
    }

    private async ValueTask LetGoAsync(ResourceCall call, string id, Attachment file, BlobReference blob, bool isNamed)
    {
        if (!isNamed)
        {
            await Blobs(call, id, file).DeleteAsync(blob.Sha256, CancellationToken.None).ConfigureAwait(false);
        }

        call.Plugin.Quota?.Store(-blob.Length);
    }

    private IBlobs Blobs(ResourceCall call, string id, Attachment file) => blobs().Get(AttachmentRow.OwnerOf(call.Resource, id, file.Id), call.Context.Tenant);

    [LoggerMessage(1, LogLevel.Warning, "The picture {Width} of {Sha256} is made again at each request, because it was not kept: {Cause}")]
    private static partial void NotKept(ILogger log, int width, string sha256, string cause);
}
