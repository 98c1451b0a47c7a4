using System.Globalization;
using Nexus.Gateway.GraphQL.Execution;
using Nexus.Gateway.GraphQL.Language;
using Nexus.Gateway.GraphQL.Types;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>Fields that read records: one by id, lists as connections, references, and what refers to a record.</summary>
/// <param name="operations">The pipeline.</param>
/// <param name="filters">Inputs that say which records are meant.</param>
/// <param name="partial">Lists may be null, so that a composed answer keeps the rest where this node fails.</param>
internal sealed class RecordQueries(IResourceOperations operations, FilterTypes filters, bool partial)
{
    private const int MaxPage = 1000;
    private const int DefaultPage = 50;

    /// <summary>A page as the connection specification has it.</summary>
    public static ObjectType PageInfo { get; } = CreatePageInfo();

    private static InputField First { get; } = new("first", Scalars.Int) { Default = new IntValue(0, DefaultPage.ToString(CultureInfo.InvariantCulture)), Description = "How many at most, 1 to 1000." };

    /// <summary>Adds both fields of a resource to the query type.</summary>
    public void Add(ObjectType query, BoundResource resource, ObjectType record)
    {
        query.TryAdd(new FieldType(GraphNames.One(resource.Descriptor), record)
        {
            Description = $"One record of {resource.Descriptor.Name}; null when there is none that the caller may see.",
            Arguments = [new InputField("id", Scalars.Id.NonNull)],
            Resolve = (_, arguments, run) => ReadAsync(resource, (string)arguments["id"]!, run),
        });
        var (filter, sort) = filters.For(resource);
        var described = resource.Descriptor.Description ?? $"Records of {resource.Descriptor.Name}.";
        var connection = Connection(resource, record);
        query.TryAdd(new FieldType(GraphNames.List(resource.Descriptor), partial ? connection : connection.NonNull)
        {
            Description = described,
            Arguments =
            [
                First,
                new InputField("after", Scalars.String) { Description = "Cursor of the last record of an earlier page." },
                new InputField("filter", filter),
                new InputField("sort", sort!.NonNull.List),
                .. resource.Descriptor.Search.IsDefaultOrEmpty ? (InputField[])[] : [new InputField("q", Scalars.String) { Description = "Words to search for." }],
            ],
            Repeats = static arguments => PageLength(arguments),
            Resolve = (_, arguments, run) => ListAsync(resource, arguments, run),
        });
    }

    /// <summary>Adds the record that a field refers to.</summary>
    public void AddReference(ObjectType record, FieldDescriptor field, BoundResource target, ObjectType type)
    {
        var wire = field.Name;
        record.TryAdd(new FieldType(GraphNames.Field(field.Name), type)
        {
            Description = RecordTypes.Describe(field),
            Resolve = (source, _, run) => Record.Read(source, wire) is System.Text.Json.JsonElement id ? Batch(target, run).Add(id.ToString()) : null,
        });
    }

    /// <summary>Adds the records that a list refers to.</summary>
    public void AddReferences(ObjectType record, FieldDescriptor field, BoundResource target, ObjectType type)
    {
        var wire = field.Name;
        record.TryAdd(new FieldType(GraphNames.Field(field.Name), type.List)
        {
            Description = RecordTypes.Describe(field),
            Resolve = (source, _, run) => Record.Read(source, wire) is System.Text.Json.JsonElement { ValueKind: System.Text.Json.JsonValueKind.Array } ids
                ? ids.EnumerateArray().Select(id => (object?)Batch(target, run).Add(id.ToString())).ToArray()
                : null,
        });
    }

    /// <summary>Adds the records whose field refers to a record.</summary>
    public void AddChildren(ObjectType record, string name, BoundResource children, FieldDescriptor reference, ObjectType type)
    {
        var (filter, sort) = filters.For(children);
        record.TryAdd(new FieldType(name, type.NonNull.List)
        {
            Description = $"The {children.Descriptor.Name} whose {reference.Name} is this record.",
            Arguments = [First, new InputField("filter", filter), new InputField("sort", sort!.NonNull.List)],
            Repeats = static arguments => PageLength(arguments),
            Resolve = (source, arguments, run) =>
            {
                var query = new ChildrenQuery(filters.Read(children, arguments["filter"]), FilterTypes.ReadSort(arguments["sort"]), PageLength(arguments));
                return run.Gather(arguments, () => new ChildrenBatch(operations, children, reference, (SurfaceCall)run.Context!, query)).Add(((Record)source!).Stored.Id);
            },
        });
    }

    /// <summary>Adds what every record has.</summary>
    public static void AddPlatform(ObjectType record)
    {
        void Add(string name, GraphType type, string description) =>
            record.TryAdd(new FieldType(name, type) { Description = description, Resolve = (source, _, _) => Record.Read(source, name) });

        record.TryAdd(new FieldType("id", Scalars.Id.NonNull) { Description = "Its id.", Resolve = static (source, _, _) => ((Record)source!).Stored.Id });
        record.TryAdd(new FieldType("revision", FieldScalars.Long.NonNull) { Description = "Grows by one with every change, from 1.", Resolve = static (source, _, _) => ((Record)source!).Stored.Revision });
        Add("owner", Scalars.String, "Who created it.");
        Add("team", Scalars.String, "The team it belongs to.");
        Add("createdAt", FieldScalars.DateTime, "When it was created.");
        Add("updatedAt", FieldScalars.DateTime, "When it was last changed.");
    }

    /// <summary>Promises the record of an id, loaded with others of its level.</summary>
    public Promise Find(BoundResource resource, string id, OperationRun run) => Batch(resource, run).Add(id);

    private ReferenceBatch Batch(BoundResource target, OperationRun run) =>
        run.Gather(target, () => new ReferenceBatch(operations, target, (SurfaceCall)run.Context!));

    private static int PageLength(Arguments arguments)
    {
        var first = arguments["first"] as int? ?? DefaultPage;
        return first >= 1 ? Math.Min(first, MaxPage) : throw new NexusException(ErrorCodes.BadRequest, "`first` is a whole number from 1.");
    }

    /// <summary>The record of an id as it is now.</summary>
    public async Task<object?> ReadAsync(BoundResource resource, string id, OperationRun run)
    {
        var call = (SurfaceCall)run.Context!;
        var found = await operations.FindAsync(resource.For(call), id, run.Cancellation);
        return found is null ? null : new Record(found);
    }

    private Task<object?> ListAsync(BoundResource resource, Arguments arguments, OperationRun run)
    {
        var start = PageStart.Read((string?)arguments["after"]);
        var length = PageLength(arguments);
        var query = new ResourceQuery
        {
            Filter = filters.Read(resource, arguments["filter"]),
            Sort = FilterTypes.ReadSort(arguments["sort"]),
            Search = arguments["q"] as string,
            Limit = Math.Min(length + start.Skip, MaxPage),
            Cursor = start.Cursor,
            Count = run.Selects("totalCount"),
        };
        return LoadAsync();

        async Task<object?> LoadAsync()
        {
            var call = (SurfaceCall)run.Context!;
            var page = await operations.ListAsync(resource.For(call), query, run.Cancellation);
            return new RecordList(page, start, [.. page.Records.Select(stored => call.Keep(resource, stored))]);
        }
    }

    private static ObjectType Connection(BoundResource resource, ObjectType record)
    {
        var edge = new ObjectType(resource.TypeName + "Edge", "A record on a page.");
        edge.TryAdd(new FieldType("cursor", Scalars.String.NonNull) { Description = "Names the record's place, for `after`.", Resolve = static (source, _, _) => ((Edge)source!).Cursor });
        edge.TryAdd(new FieldType("node", record.NonNull) { Description = "The record.", Resolve = static (source, _, _) => ((Edge)source!).Record });
        var connection = new ObjectType(resource.TypeName + "Connection", $"A page of {resource.Descriptor.Name}.");
        connection.TryAdd(new FieldType("edges", edge.NonNull.List.NonNull) { Description = "The records with their places.", Resolve = static (source, _, _) => Edges((RecordList)source!) });
        connection.TryAdd(new FieldType("nodes", record.NonNull.List.NonNull) { Description = "The records.", Resolve = static (source, _, _) => Nodes((RecordList)source!) });
        connection.TryAdd(new FieldType("pageInfo", PageInfo.NonNull) { Description = "Whether there are more.", Resolve = static (source, _, _) => source });
        connection.TryAdd(new FieldType("totalCount", FieldScalars.Long) { Description = "Number of all records that match; counted only when it is asked for.", Resolve = static (source, _, _) => ((RecordList)source!).Page.Total });
        return connection;
    }

    private static ObjectType CreatePageInfo()
    {
        var type = new ObjectType("PageInfo", "Where a page lies in the whole.");
        type.TryAdd(new FieldType("hasNextPage", Scalars.Boolean.NonNull) { Description = "There are records after it.", Resolve = static (source, _, _) => ((RecordList)source!).Page.NextCursor is not null });
        type.TryAdd(new FieldType("hasPreviousPage", Scalars.Boolean.NonNull) { Description = "It was asked for after a cursor.", Resolve = static (source, _, _) => ((RecordList)source!).Start != PageStart.First });
        type.TryAdd(new FieldType("startCursor", Scalars.String) { Description = "Cursor of its first record.", Resolve = static (source, _, _) => Edges((RecordList)source!) is [Edge first, ..] ? first.Cursor : null });
        type.TryAdd(new FieldType("endCursor", Scalars.String) { Description = "Cursor of its last record.", Resolve = static (source, _, _) => Edges((RecordList)source!) is [.., Edge last] ? last.Cursor : null });
        return type;
    }

    private static object?[] Nodes(RecordList list) => [.. list.Records.Skip(list.Start.Skip)];

    private static object?[] Edges(RecordList list)
    {
        var edges = new List<object?>(list.Records.Length);
        for (var i = list.Start.Skip; i < list.Records.Length; i++)
        {
            var isLast = i == list.Records.Length - 1 && list.Page.NextCursor is not null;
            var cursor = isLast ? new PageStart(list.Page.NextCursor, 0) : new PageStart(list.Start.Cursor, i + 1);
            edges.Add(new Edge(list.Records[i], cursor.ToString()));
        }
        return [.. edges];
    }

    /// <summary>A record on a page.</summary>
    private sealed record Edge(Record Record, string Cursor);
}
