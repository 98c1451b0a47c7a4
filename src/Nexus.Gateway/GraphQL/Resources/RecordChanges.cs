using System.Collections.Immutable;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>Fields that change records: create, update, replace, delete, batch, actions.</summary>
internal sealed class RecordChanges(IResourceOperations operations, RecordTypes types)
{
    private const int MaxBatch = 1000;
    private static readonly InputField Revision = new("ifRevision", FieldScalars.Long) { Description = "Refuse when the record has another revision by now." };
    private static readonly ObjectType Fault = CreateFault();

    /// <summary>Adds all of a resource's to the mutation type.</summary>
    public void Add(ObjectType mutation, BoundResource resource, ObjectType record)
    {
        var (descriptor, name) = (resource.Descriptor, resource.TypeName);
        var create = types.Object(name + "Create", descriptor.Fields, name, partial: false, $"A new {descriptor.Singular}.");
        var patch = types.Object(name + "Patch", descriptor.Fields, name, partial: true, $"What to change of a {descriptor.Singular}; null removes a value.");
        var id = new InputField("id", Scalars.Id.NonNull);
        InputField[] given = create.Fields.Count == 0 ? [] : [new InputField("input", create.Fields.Any(field => field.IsRequired) ? create.NonNull : create)];

        Add(mutation, "create" + name, record.NonNull, $"Creates a {descriptor.Singular}.", [.. given, new InputField("id", FieldScalars.Uuid) { Description = "Id of the new record, when the caller chooses it." }],
            (arguments, run) => ChangeAsync(resource, run, new ResourceChange { Kind = ChangeKind.Create, Id = (string?)arguments["id"], Body = InputJson.Write(descriptor.Fields, arguments["input"], (string?)arguments["id"]) }));
        if (patch.Fields.Count > 0)
        {
            Add(mutation, "update" + name, record.NonNull, $"Changes some fields of a {descriptor.Singular}.", [id, new InputField("input", patch.NonNull), Revision],
                (arguments, run) => ChangeAsync(resource, run, Change(ChangeKind.Merge, arguments) with { Body = InputJson.Write(descriptor.Fields, arguments["input"]) }));
            Add(mutation, "replace" + name, record.NonNull, $"Gives all fields of a {descriptor.Singular} anew.", [id, new InputField("input", create.NonNull), Revision],
                (arguments, run) => ChangeAsync(resource, run, Change(ChangeKind.Replace, arguments) with { Body = InputJson.Write(descriptor.Fields, arguments["input"]) }));
        }
        Add(mutation, "delete" + name, Scalars.Id.NonNull, $"Deletes a {descriptor.Singular}; answers its id.", [id, Revision],
            (arguments, run) => ChangeAsync(resource, run, Change(ChangeKind.Delete, arguments)));
        AddBatch(mutation, resource, record, create, patch);
        foreach (var action in descriptor.Actions)
            AddAction(mutation, resource, record, action);
    }

    private void AddAction(ObjectType mutation, BoundResource resource, ObjectType record, ActionDescriptor action)
    {
        var name = GraphNames.Camel(action.Name) + resource.TypeName;
        List<InputField> arguments = [new InputField("id", Scalars.Id.NonNull)];
        if (!action.Input.IsDefaultOrEmpty)
        {
            var input = types.Object(resource.TypeName + GraphNames.Pascal(action.Name) + "Input", action.Input, resource.TypeName + GraphNames.Pascal(action.Name), partial: false, action.Description);
            arguments.Add(new InputField("input", input.Fields.Any(field => field.IsRequired) ? input.NonNull : input));
        }
        arguments.Add(Revision);
        var verb = mutation.Find(name) is null ? name : name + "Action";
        Add(mutation, verb, record.NonNull, action.Description ?? $"The action {action.Name} of a {resource.Descriptor.Singular}.", arguments,
            (given, run) => ChangeAsync(resource, run, Change(ChangeKind.Action, given) with { Action = action.Name, Body = InputJson.Write(action.Input, given["input"]) }));
    }

    private void AddBatch(ObjectType mutation, BoundResource resource, ObjectType record, InputType create, InputType patch)
    {
        var name = resource.TypeName;
        var update = new InputType(name + "Update", "A change of one record.");
        update.TryAdd(new InputField("id", Scalars.Id.NonNull));
        update.TryAdd(new InputField("input", patch.NonNull));
        update.TryAdd(Revision is { } revision ? new InputField(revision.Name, revision.Type) { Description = revision.Description } : Revision);
        var change = new InputType(name + "Change", "One change of a batch.", isOneOf: true);
        if (create.Fields.Count > 0)
            change.TryAdd(new InputField("create", create));
        if (patch.Fields.Count > 0)
            change.TryAdd(new InputField("update", update));
        change.TryAdd(new InputField("delete", Scalars.Id) { Description = "Id of the record to delete." });
        var result = new ObjectType(name + "ChangeResult", "What became of one change of a batch.");
        result.TryAdd(new FieldType("id", Scalars.Id) { Description = "The record.", Resolve = static (source, _, _) => ((ChangeResult)source!).Id });
        result.TryAdd(new FieldType("record", record) { Description = "The record after the change.", Resolve = static (source, _, _) => ((ChangeResult)source!).Record is { } stored ? new Record(stored) : null });
        result.TryAdd(new FieldType("error", Fault) { Description = "Why it was refused.", Resolve = static (source, _, _) => ((ChangeResult)source!).Error });
        mutation.TryAdd(new FieldType("batch" + name, result.NonNull.List.NonNull)
        {
            Description = $"Changes many {resource.Descriptor.Name}, at most {MaxBatch}; each with its own result.",
            Arguments = [new InputField("changes", change.NonNull.List.NonNull), new InputField("atomic", Scalars.Boolean.NonNull) { Default = new BooleanValue(0, false), Description = "All or none." }],
            Resolve = (_, arguments, run) => BatchAsync(resource, run, arguments),
        });
    }

    private static void Add(ObjectType mutation, string name, GraphType type, string description, IReadOnlyList<InputField> arguments, Func<Arguments, OperationRun, Task<object?>> change) =>
        mutation.TryAdd(new FieldType(name, type) { Description = description, Arguments = arguments, Resolve = (_, given, run) => change(given, run) });

    private static ResourceChange Change(ChangeKind kind, Arguments arguments) =>
        new() { Kind = kind, Id = (string)arguments["id"]!, ExpectedRevision = arguments["ifRevision"] as long? };

    private async Task<object?> ChangeAsync(BoundResource resource, OperationRun run, ResourceChange change)
    {
        // No cancellation: what was asked completely is done, whether or not the caller waits for the answer.
        var results = await operations.ChangeAsync(WithKey(resource, run), [change], atomic: true, CancellationToken.None);
        var result = results[0];
        ((SurfaceCall)run.Context!).Loaded.Clear();
        if (result.Error is { } error)
            throw error.Code == ErrorCodes.Conflict && change.ExpectedRevision is { } expected ? FailureOrigin.Keep(new NexusException(ErrorCodes.PreconditionFailed, $"{error.Message} ifRevision demanded {expected}."), FailureOrigin.Find(error)) : error;
        return change.Kind == ChangeKind.Delete ? result.Id ?? change.Id : result.Record is { } record ? new Record(record) : null;
    }

    private async Task<object?> BatchAsync(BoundResource resource, OperationRun run, Arguments arguments)
    {
        var changes = ((object?[])arguments["changes"]!).Select(one => Read(resource, (Dictionary<string, object?>)one!)).ToImmutableArray();
        if (changes.Length is 0 or > MaxBatch)
            throw new NexusException(ErrorCodes.ArrayTooLong, $"A batch has 1 to {MaxBatch} changes.");
        var results = await operations.ChangeAsync(WithKey(resource, run), changes, (bool)arguments["atomic"]!, CancellationToken.None);
        ((SurfaceCall)run.Context!).Loaded.Clear();
        return results.Select((result, i) => (object?)(result.Id is null ? result with { Id = result.Record?.Id ?? changes[i].Id } : result)).ToArray();
    }

    private static ResourceChange Read(BoundResource resource, Dictionary<string, object?> change)
    {
        var fields = resource.Descriptor.Fields;
        if (change.TryGetValue("create", out var created))
            return new ResourceChange { Kind = ChangeKind.Create, Body = InputJson.Write(fields, created) };
        if (change.TryGetValue("delete", out var deleted))
            return new ResourceChange { Kind = ChangeKind.Delete, Id = (string)deleted! };
        var update = new Arguments((Dictionary<string, object?>)change["update"]!);
        return Change(ChangeKind.Merge, update) with { Body = InputJson.Write(fields, update["input"]) };
    }

    /// <summary>Each field of a request that was sent with an idempotency key has a key of its own.</summary>
    private static ResourceCall WithKey(BoundResource resource, OperationRun run)
    {
        var call = (SurfaceCall)run.Context!;
        return call.Idempotency is { } key ? resource.For(call) with { Idempotency = key with { Key = $"{key.Key}#{run.CurrentKey}" } } : resource.For(call);
    }

    private static ObjectType CreateFault()
    {
        var type = new ObjectType("ChangeError", "Why a change was refused.");
        type.TryAdd(new FieldType("code", Scalars.String.NonNull) { Description = "Stable code.", Resolve = static (source, _, _) => ((NexusException)source!).Code });
        type.TryAdd(new FieldType("message", Scalars.String.NonNull) { Description = "What is wrong, for people.", Resolve = static (source, _, _) => Masking.Mask(((NexusException)source!).Message) });
        var field = new ObjectType("ChangeFieldError", "What is wrong with a field.");
        field.TryAdd(new FieldType("pointer", Scalars.String.NonNull) { Description = "JSON pointer to the value.", Resolve = static (source, _, _) => ((FieldError)source!).Pointer });
        field.TryAdd(new FieldType("code", Scalars.String.NonNull) { Description = "Stable code.", Resolve = static (source, _, _) => ((FieldError)source!).Code });
        field.TryAdd(new FieldType("message", Scalars.String.NonNull) { Description = "What is wrong, for people.", Resolve = static (source, _, _) => Masking.Mask(((FieldError)source!).Message) });
        type.TryAdd(new FieldType("fields", field.NonNull.List.NonNull) { Description = "What is wrong with which fields.", Resolve = static (source, _, _) => ((NexusException)source!).Errors.ToArray() });
        return type;
    }
}
