using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Nexus.Data.Attachments;

/// <summary>
/// What is attached to one record: a record beside it, of the same id, in the table <c>{plugin}.{resource}_attachments</c>. One row for all of them, so that their greatest number holds
/// whoever adds at once, and a deletion of the record takes all with it in its own commit. Their content lies in blobs, each with an owner of its own: no two attachments share a reference.
/// </summary>
/// <param name="Attachments">Oldest first.</param>
/// <param name="DeletedAt">When the record was deleted; null while it is there.</param>
internal sealed partial record AttachmentRow(ImmutableArray<KeptAttachment> Attachments, DateTimeOffset? DeletedAt = null)
{
    // No name of a resource has a low line, so no resource can be called so.
    private const string Suffix = "_attachments";

    public static AttachmentRow Empty { get; } = new([]);

    [JsonIgnore]
    public ImmutableArray<Attachment> Files => [.. Attachments.Select(a => a.File)];

    public static string TableOf(ResourceDescriptor resource) => resource.Table + Suffix;

    public static RecordKey KeyOf(ResourceDescriptor resource, string tenant, string id) => new(tenant, TableOf(resource), id);

    /// <summary>Owner of the blob of an attachment.</summary>
    public static string OwnerOf(ResourceDescriptor resource, string id, Guid attachment) => $"{resource.Plugin}/{resource.Name}/{id}/{attachment:D}";

    /// <summary>Resource, record and attachment of an owner of a blob; null for a blob that is no attachment.</summary>
    public static (string Resource, string Record, Guid Attachment)? ReadOwner(string owner) =>
        owner.Split('/') is [_, var resource, var record, var attachment] && Guid.TryParseExact(attachment, "D", out var id) ? (resource, record, id) : null;

    /// <summary>The row of a record that is there: what waits for a deleted one is not its.</summary>
    public static async ValueTask<(AttachmentRow Row, StoredRecord? Stored)> FindAsync(IStorage storage, ResourceCall call, string id, CancellationToken cancellationToken)
    {
        var stored = await storage.FindAsync(KeyOf(call.Resource, call.Context.Tenant, id), cancellationToken).ConfigureAwait(false);
        return (stored is null || Read(stored) is not { DeletedAt: null } row ? Empty : row, stored);
    }

    /// <summary>The attachment of that id; null when there is none.</summary>
    public KeptAttachment? Find(string attachment) => Guid.TryParseExact(attachment, "D", out var id) ? Attachments.FirstOrDefault(a => a.File.Id == id) : null;

    public static AttachmentRow Read(StoredRecord stored) => JsonSerializer.Deserialize(stored.Json.Span, RowJson.Default.AttachmentRow)!;

    /// <summary>The write that stores this in the place of what was there.</summary>
    /// <param name="key">The row.</param>
    /// <param name="before">The row as it was read; null when there was none.</param>
    /// <param name="of">The record: who may see it may see these, also when it is gone.</param>
    /// <param name="now">The time.</param>
    public RecordWrite Write(RecordKey key, StoredRecord? before, StoredRecord of, DateTimeOffset now) => new()
    {
        Key = key,
        ExpectedRevision = before?.Revision ?? 0,
        Record = new()
        {
            Id = key.Id,
            Revision = (before?.Revision ?? 0) + 1,
            Owner = of.Owner,
            Team = of.Team,
            CreatedAt = before?.CreatedAt ?? now,
            UpdatedAt = now,
            Json = JsonSerializer.SerializeToUtf8Bytes(this, RowJson.Default.AttachmentRow),
        },
    };

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonSerializable(typeof(AttachmentRow))]
    private sealed partial class RowJson : JsonSerializerContext;
}

/// <summary>An attachment as it is stored.</summary>
/// <param name="File">What is told of it.</param>
/// <param name="Request">The caller's idempotency key it came with, as a digest; null without one.</param>
/// <param name="Pictures">What was made of it in some widths; null when nothing was.</param>
internal sealed record KeptAttachment(Attachment File, string? Request = null, ImmutableArray<KeptPicture>? Pictures = null)
{
    /// <summary>Its blobs with their bytes, each once: the content, and what was made of it.</summary>
    [JsonIgnore]
    public IEnumerable<BlobReference> Blobs => (Pictures ?? []).Select(p => new BlobReference(p.Sha256, p.Size)).Prepend(new(File.Sha256, File.Size)).DistinctBy(b => b.Sha256);

    public KeptPicture? PictureOf(int width) => (Pictures ?? []).FirstOrDefault(p => p.Width == width);

    public KeptAttachment With(KeptPicture picture) => this with { Pictures = [.. (Pictures ?? []).Where(p => p.Width != picture.Width), picture] };
}

/// <summary>A picture that was made of an attachment.</summary>
/// <param name="Width">The width that was asked for; a narrower original has its own.</param>
/// <param name="Sha256">Its blob, of the owner of the attachment.</param>
/// <param name="Size">Bytes.</param>
internal sealed record KeptPicture(int Width, string Sha256, long Size);
