using Nexus.Data.Resources;

namespace Nexus.Data.Attachments;

/// <summary>The event and the audit entry of an attachment that came or went.</summary>
internal static class AttachmentTold
{
    public static EventMessage EventOf(ResourceCall call, string id, string verb, Attachment file, DateTimeOffset now) => new()
    {
        Id = Guid.CreateVersion7(now),
        Name = call.Resource.EventFor(verb),
        Data = Detail(file, id),
        OccurredAt = now,
        Source = call.Resource.Plugin,
        Tenant = call.Context.Tenant,
        CorrelationId = call.Context.CorrelationId,
        Key = $"{call.Resource.Table}/{id}",
    };

    public static AuditEntry AuditOf(ResourceCall call, string id, string verb, Attachment file, DateTimeOffset now) =>
        AuditEntry.For(call.Context, now, call.Resource.EventFor(verb), $"{call.Resource.Name}/{id}", AuditResult.Success, Detail(file, null));

    private static ReadOnlyMemory<byte> Detail(Attachment file, string? id)
    {
        var (buffer, writer) = RecordComposer.Rent();
        writer.WriteStartObject();
        if (id is not null)
        {
            writer.WriteString("id"u8, id);
        }

        writer.WriteStartObject("attachment"u8);
        writer.WriteString("id"u8, file.Id);
        writer.WriteString("name"u8, file.Name);
        writer.WriteString("contentType"u8, file.ContentType);
        writer.WriteNumber("size"u8, file.Size);
        writer.WriteString("sha256"u8, file.Sha256);
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }
}
