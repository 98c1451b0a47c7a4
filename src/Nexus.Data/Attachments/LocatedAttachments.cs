using System.Collections.Immutable;
using Nexus.Data.Resources;

namespace Nexus.Data.Attachments;

/// <summary>The pipeline to attachments, whose failures say from which resource of which plugin they come.</summary>
internal sealed class LocatedAttachments(AttachmentOperations operations) : IAttachmentOperations
{
    public ValueTask<ImmutableDictionary<string, ImmutableArray<Attachment>>> ListAsync(ResourceCall call, ImmutableArray<string> ids, CancellationToken cancellationToken) =>
        LocatedOperations.LocateAsync(call.Plugin, call.Resource.Table, operations.ListAsync(call, ids, cancellationToken));

    public ValueTask<AttachmentsAdded> AddAsync(ResourceCall call, string id, IAsyncEnumerable<AttachmentUpload> files, CancellationToken cancellationToken) =>
        LocatedOperations.LocateAsync(call.Plugin, call.Resource.Table, operations.AddAsync(call, id, files, cancellationToken));

    public ValueTask<OpenedAttachment?> OpenAsync(ResourceCall call, string id, string attachment, CancellationToken cancellationToken) =>
        LocatedOperations.LocateAsync(call.Plugin, call.Resource.Table, operations.OpenAsync(call, id, attachment, cancellationToken));

    public ValueTask<OpenedAttachment?> OpenPictureAsync(ResourceCall call, string id, string attachment, int width, CancellationToken cancellationToken) =>
        LocatedOperations.LocateAsync(call.Plugin, call.Resource.Table, operations.OpenPictureAsync(call, id, attachment, width, cancellationToken));

    public async ValueTask RemoveAsync(ResourceCall call, string id, string attachment, CancellationToken cancellationToken) =>
        await LocatedOperations.LocateAsync(call.Plugin, call.Resource.Table, RemovedAsync(call, id, attachment, cancellationToken)).ConfigureAwait(false);

    private async ValueTask<bool> RemovedAsync(ResourceCall call, string id, string attachment, CancellationToken cancellationToken)
    {
        await operations.RemoveAsync(call, id, attachment, cancellationToken).ConfigureAwait(false);
        return true;
    }
}
