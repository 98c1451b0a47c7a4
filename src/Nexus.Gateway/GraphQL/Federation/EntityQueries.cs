using System.Text.Json;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Resources;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Federation;

/// <summary>
/// What a composing gateway asks a subgraph (Apollo Federation 2): its schema, and entities by their key. An entity is every record, its key is <c>id</c>; each is read through the
/// pipeline that all surfaces share, those of one type by one question.
/// </summary>
internal sealed class EntityQueries(RecordQueries queries)
{
    private const int MaxRepresentations = 1000;
    private readonly Dictionary<string, BoundResource> records = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ObjectType> types = new(StringComparer.Ordinal);
    private string? sdl;

    /// <summary>An object as a gateway names it: its type and its key.</summary>
    private static ScalarType Any { get; } = new("_Any", "An entity by its type and its key.")
    {
        ReadLiteral = value => FieldScalars.Any.ReadLiteral(value) is JsonElement { ValueKind: JsonValueKind.Object } json ? json : throw new ScalarException($"_Any is an object with __typename and a key, found: {Language.Printer.Print(value)}."),
        ReadValue = value => value.ValueKind == JsonValueKind.Object ? value : throw new ScalarException($"_Any is an object with __typename and a key, found: {Inspection.Of(value)}."),
        Write = value => value,
    };

    /// <summary>Makes the records of a resource entities.</summary>
    public void Add(BoundResource resource, ObjectType type) => (records[type.Name], types[type.Name]) = (resource, type);

    /// <summary>Adds a field that refers to records of a plugin that this node does not have: another subgraph has the rest of them.</summary>
    /// <returns>The type of what is referred to.</returns>
    public ObjectType AddForeign(ObjectType referring, FieldDescriptor field, string target)
    {
        if (!types.TryGetValue(target, out var type))
        {
            types[target] = type = new ObjectType(target, "A record of another subgraph.");
            type.TryAdd(new FieldType("id", Scalars.Id.NonNull) { Description = "Its id.", Resolve = static (source, _, _) => ((Record)source!).Stored.Id });
        }
        var (wire, isList) = (field.Name, field.Kind == FieldKind.List);
        referring.TryAdd(new FieldType(GraphNames.Field(field.Name), isList ? type.List : type)
        {
            Description = RecordTypes.Describe(field),
            Resolve = (source, _, run) => Record.Read(source, wire) switch
            {
                JsonElement { ValueKind: JsonValueKind.String } id => Find(target, id.GetString()!, run),
                JsonElement { ValueKind: JsonValueKind.Array } ids => ids.EnumerateArray().Select(id => (object?)Find(target, id.ToString(), run)).ToArray(),
                _ => null,
            },
        });
        return type;
    }

    /// <summary>Adds the fields of the contract, once all entities are known.</summary>
    public void AddTo(ObjectType query)
    {
        var service = new ObjectType("_Service", "This subgraph.");
        service.TryAdd(new FieldType("sdl", Scalars.String.NonNull) { Description = "Its schema with the directives of Federation 2.", Resolve = (_, _, run) => sdl ??= SubgraphText.Print(run.Schema, types) });
        query.TryAdd(new FieldType("_service", service.NonNull) { Description = "What a composing gateway asks for the schema.", Resolve = static (_, _, _) => "" });
        if (types.Count == 0)
            return;
        var entity = new UnionType("_Entity", "Everything that can be found by its key.") { TypeOf = static value => ((Record)value).Type };
        foreach (var type in types.Values)
            entity.Add(type);
        query.TryAdd(new FieldType("_entities", entity.List.NonNull)
        {
            Description = $"Entities by their keys, in the order that was asked for; null where there is none that the caller may see. At most {MaxRepresentations}.",
            Arguments = [new InputField("representations", Any.NonNull.List.NonNull)],
            Repeats = static arguments => Math.Max(1, ((object?[])arguments["representations"]!).Length),
            Resolve = (_, arguments, run) => Find((object?[])arguments["representations"]!, run),
        });
    }

    private object?[] Find(object?[] representations, OperationRun run) =>
        representations.Length <= MaxRepresentations
            ? [.. representations.Select(one => Find((JsonElement)one!, run))]
            : throw new NexusException(ErrorCodes.ArrayTooLong, $"`representations` has {representations.Length} elements; {MaxRepresentations} are allowed.");

    private object? Find(JsonElement representation, OperationRun run)
    {
        if (!representation.TryGetProperty("__typename", out var named) || named.ValueKind != JsonValueKind.String)
            return Refuse("A representation names its type by `__typename`.");
        var name = named.GetString()!;
        if (!types.ContainsKey(name))
            return Refuse($"{Inspection.Of(name)} is no entity of this subgraph.");
        if (!representation.TryGetProperty("id", out var key) || key.ValueKind != JsonValueKind.String)
            return Refuse($"A representation of {name} has its key, the text `id`.");
        if (records.TryGetValue(name, out var resource) && resource.Descriptor.View is not null)
            return Find(name, key.GetString()!, run);
        // Ids of records are UUIDs: by another text nothing can be found, and it would make the question wrong for its neighbours.
        return Guid.TryParse(key.GetString(), out var id) ? Find(name, id.ToString(), run) : null;
    }

    /// <summary>The promise of a record; or one of which this node knows the id alone, and another subgraph whether there is one.</summary>
    private object Find(string type, string id, OperationRun run) => records.TryGetValue(type, out var resource)
        ? queries.Find(resource, id, run)
        : new Record(new StoredRecord { Id = id, Revision = 0, Json = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string> { ["id"] = id }) }, type);

    /// <summary>The error of one representation; those beside it are answered.</summary>
    private static Task<object?> Refuse(string problem) => Task.FromException<object?>(new GraphException(problem));
}
