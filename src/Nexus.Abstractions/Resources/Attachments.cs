using System.Collections.Immutable;

namespace Nexus;

/// <summary>What may be attached to a record of a resource.</summary>
public sealed record AttachmentRules
{
    /// <summary>Greatest size of one, in bytes: 1 to 1 GiB. Default 10 MiB.</summary>
    public long MaxBytes { get; init; } = 10 * 1024 * 1024;

    /// <summary>Greatest number of a record: 1 to 1,000. Default 50.</summary>
    public int MaxCount { get; init; } = 50;

    /// <summary>Media types that are taken, such as <c>application/pdf</c> or <c>image/*</c>; empty takes any.</summary>
    public ImmutableArray<string> Types { get; init; } = [];

    /// <summary>How long those of a deleted record wait for its being made again: 0 to 365 days. Default 7 days.</summary>
    public TimeSpan KeepDeleted { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Whether a media type, without parameters, is taken.</summary>
    public bool Takes(string contentType)
    {
        ArgumentNullException.ThrowIfNull(contentType);
        return Types.IsDefaultOrEmpty || Types.Any(t => t.EndsWith("/*", StringComparison.Ordinal)
            ? contentType.StartsWith(t[..^1], StringComparison.OrdinalIgnoreCase)
            : contentType.Equals(t, StringComparison.OrdinalIgnoreCase));
    }
}

/// <summary>A file that is attached to a record.</summary>
public sealed record Attachment
{
    /// <summary>UUIDv7.</summary>
    public required Guid Id { get; init; }

    /// <summary>File name, 1 to 255 characters.</summary>
    public required string Name { get; init; }

    /// <summary>Media type, lower case, without parameters.</summary>
    public required string ContentType { get; init; }

    /// <summary>Bytes.</summary>
    public required long Size { get; init; }

    /// <summary>SHA-256 of the content, lower-case hex.</summary>
    public required string Sha256 { get; init; }

    /// <summary>When it was attached, UTC, microseconds.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Id of who attached it.</summary>
    public required string CreatedBy { get; init; }
}

/// <summary>A file that is to be attached.</summary>
/// <param name="Name">File name.</param>
/// <param name="ContentType">Media type; parameters are dropped. Null or one that tells nothing is found by the name.</param>
/// <param name="Content">Read once, to its end.</param>
public sealed record AttachmentUpload(string Name, string? ContentType, Stream Content);

/// <summary>What became of uploads.</summary>
/// <param name="Attachments">The attachments, in the order of the uploads.</param>
/// <param name="Replayed">They were there already: an earlier request had the same idempotency key.</param>
public sealed record AttachmentsAdded(ImmutableArray<Attachment> Attachments, bool Replayed = false);

/// <summary>An attachment that is open for reading.</summary>
/// <param name="Attachment">The attachment.</param>
/// <param name="Content">Its content, seekable; the caller disposes it.</param>
public sealed record OpenedAttachment(Attachment Attachment, Stream Content);

/// <summary>The one pipeline to attachments of records, beside <see cref="IResourceOperations"/>: who may read a record reads its attachments, who may update it adds and removes them. Thread-safe.</summary>
public interface IAttachmentOperations
{
    /// <summary>Attachments of several records, oldest first, each record under its id. A record that is not there, or that the caller may not see, is not among them.</summary>
    /// <exception cref="NexusException"><c>ROUTE_NOT_FOUND</c>: the resource has no attachments; <c>PERMISSION_DENIED</c>.</exception>
    ValueTask<ImmutableDictionary<string, ImmutableArray<Attachment>>> ListAsync(ResourceCall call, ImmutableArray<string> ids, CancellationToken cancellationToken);

    /// <summary>Attaches files, all in one commit or none; each is streamed with flat memory, and durable when this returns. <see cref="ResourceCall.Idempotency"/> is honoured.</summary>
    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>, <c>PERMISSION_DENIED</c>, <c>PAYLOAD_TOO_LARGE</c>, <c>UNSUPPORTED_MEDIA_TYPE</c>, <c>VALIDATION_ERROR</c> (name, number, no file), <c>QUOTA_EXCEEDED</c>, <c>IDEMPOTENCY_CONFLICT</c>. Nothing is attached.</exception>
    ValueTask<AttachmentsAdded> AddAsync(ResourceCall call, string id, IAsyncEnumerable<AttachmentUpload> files, CancellationToken cancellationToken);

    /// <summary>Opens one; null when there is none that the caller may see.</summary>
    ValueTask<OpenedAttachment?> OpenAsync(ResourceCall call, string id, string attachment, CancellationToken cancellationToken);

    /// <summary>Opens a picture in a width, as WebP; null when there is no such attachment that the caller may see. It is made when it is first asked for, and kept beside the original until that is removed.</summary>
    /// <param name="call">Who asks, and of what.</param>
    /// <param name="id">The record.</param>
    /// <param name="attachment">The attachment.</param>
    /// <param name="width">One of <see cref="PictureWidths.All"/>; a narrower picture keeps its width.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c>: another width; <c>PICTURE_UNREADABLE</c>: it is no whole picture, or too large; <c>SERVICE_UNAVAILABLE</c>: no plugin of this node scales pictures.</exception>
    ValueTask<OpenedAttachment?> OpenPictureAsync(ResourceCall call, string id, string attachment, int width, CancellationToken cancellationToken);

    /// <summary>Removes one, durably when this returns.</summary>
    /// <exception cref="NexusException"><c>RESOURCE_NOT_FOUND</c>, <c>PERMISSION_DENIED</c>.</exception>
    ValueTask RemoveAsync(ResourceCall call, string id, string attachment, CancellationToken cancellationToken);
}

/// <summary>Declares attachments.</summary>
public static class AttachmentVerbs
{
    /// <summary>Lets files be attached to the records of the resource: <c>…/{id}/attachments</c>. Who may read a record reads them, who may update it adds and removes them.</summary>
    /// <param name="resource">The resource.</param>
    /// <param name="rules">Changes the limits, such as <c>rules => rules with { MaxBytes = 1_000_000, Types = ["image/*"] }</c>.</param>
    /// <exception cref="NexusException"><c>PLUGIN_LOAD_FAILED</c>: a limit is out of its range, a type is no media type, or a field is called <c>attachments</c>.</exception>
    public static ResourceBuilder<T> Attachments<T>(this ResourceBuilder<T> resource, Func<AttachmentRules, AttachmentRules>? rules = null)
        where T : Resource
    {
        ArgumentNullException.ThrowIfNull(resource);
        var chosen = rules?.Invoke(new AttachmentRules()) ?? new AttachmentRules();
        var problem = chosen.MaxBytes is < 1 or > 1024L * 1024 * 1024 ? $"MaxBytes of attachments is {chosen.MaxBytes}; 1 to 1073741824 are allowed."
            : chosen.MaxCount is < 1 or > 1000 ? $"MaxCount of attachments is {chosen.MaxCount}; 1 to 1000 are allowed."
            : chosen.KeepDeleted < TimeSpan.Zero || chosen.KeepDeleted > TimeSpan.FromDays(365) ? $"KeepDeleted of attachments is {chosen.KeepDeleted}; 0 to 365 days are allowed."
            : !chosen.Types.IsDefaultOrEmpty && chosen.Types.FirstOrDefault(t => t.Split('/') is not [{ Length: > 0 } kind, { Length: > 0 }] || kind == "*") is { } type ? $"`{type}` is no media type of attachments; `image/png` or `image/*` would be one."
            : resource.Descriptor.Fields.Any(f => f.Name == "attachments") ? "a field is called `attachments`, which is the name of what is attached to a record; call it otherwise."
            : null;
        if (problem is not null)
            throw new NexusException(ErrorCodes.PluginLoadFailed, $"Resource {resource.Descriptor.Name} of plugin {resource.Descriptor.Plugin}: {problem}");
        resource.Descriptor = resource.Descriptor with { Attachments = chosen };
        return resource;
    }
}
