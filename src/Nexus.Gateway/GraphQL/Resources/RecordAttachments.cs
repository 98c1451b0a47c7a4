using System.Text.Json;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Types;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>The field of what is attached to a record, and that which removes one. Content goes by its address alone.</summary>
internal sealed class RecordAttachments(Func<IAttachmentOperations> operations)
{
    private readonly ObjectType type = CreateType();

    /// <summary>Adds both for a resource that has attachments.</summary>
    public void Add(ObjectType record, ObjectType mutation, BoundResource resource)
    {
        if (resource.Descriptor.Attachments is null)
            return;
        record.TryAdd(new FieldType("attachments", type.NonNull.List)
        {
            Description = "What is attached to it, oldest first.",
            Resolve = (source, arguments, run) => run.Gather(arguments, () => new AttachmentBatch(operations(), resource, (SurfaceCall)run.Context!)).Add(((Record)source!).Stored.Id),
        });
        mutation.TryAdd(new FieldType("detach" + resource.TypeName, Scalars.Id.NonNull)
        {
            Description = $"Removes what is attached to a {resource.Descriptor.Singular}; answers its id.",
            Arguments = [new InputField("id", Scalars.Id.NonNull), new InputField("attachment", Scalars.Id.NonNull)],
            Resolve = (_, arguments, run) => DetachAsync(resource, arguments, run),
        });
    }

    private async Task<object?> DetachAsync(BoundResource resource, Arguments arguments, OperationRun run)
    {
        var attachment = (string)arguments["attachment"]!;
        await operations().RemoveAsync(resource.For((SurfaceCall)run.Context!), (string)arguments["id"]!, attachment, CancellationToken.None);
        return attachment;
    }

    private static ObjectType CreateType()
    {
        var created = new ObjectType("Attachment", "A file that is attached to a record.");
        void Add(string name, GraphType kind, string description) =>
            created.TryAdd(new FieldType(name, kind.NonNull) { Description = description, Resolve = (source, _, _) => Record.Read(source, name) });

        Add("id", Scalars.Id, "Its id.");
        Add("name", Scalars.String, "File name.");
        Add("contentType", Scalars.String, "Media type.");
        Add("size", FieldScalars.Long, "Bytes.");
        Add("sha256", Scalars.String, "SHA-256 of the content, lower-case hex.");
        Add("createdAt", FieldScalars.DateTime, "When it was attached.");
        Add("createdBy", Scalars.String, "Id of who attached it.");
        Add("url", Scalars.String, "Where its content is: GET, with the rights of the record.");
        return created;
    }
}

/// <summary>What is attached to the records of one level, loaded by one question.</summary>
internal sealed class AttachmentBatch(IAttachmentOperations operations, BoundResource resource, SurfaceCall call) : Batch
{
    private readonly HashSet<string> ids = new(StringComparer.Ordinal);
    private readonly Dictionary<string, object?[]> found = new(StringComparer.Ordinal);

    /// <summary>Asks for those of a record.</summary>
    public Promise Add(string id)
    {
        ids.Add(id);
        return new Promise(this, id);
    }

    /// <inheritdoc/>
    protected override async Task LoadAsync(CancellationToken cancellationToken)
    {
        foreach (var (id, files) in await operations.ListAsync(resource.For(call), [.. ids], cancellationToken))
        {
            var list = AttachmentJson.Of(files, AttachmentJson.AddressOf(resource.Plugin, resource.Descriptor, id));
            found[id] = [.. list.EnumerateArray().Select(file => (object?)file)];
        }
    }

    /// <inheritdoc/>
    protected override object? Find(object key) => found.GetValueOrDefault((string)key, []);
}
