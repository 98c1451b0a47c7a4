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
internal sealed record KeptAttachment(Attachment File, string? Request = null);
