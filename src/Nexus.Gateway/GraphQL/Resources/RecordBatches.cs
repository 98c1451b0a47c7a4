using System.Collections.Immutable;
using System.Text.Json;
using Nexus.Gateway.GraphQL.Execution;

namespace Nexus.Gateway.GraphQL.Resources;

/// <summary>Records that others of one level refer to, loaded by one question.</summary>
internal sealed class ReferenceBatch(IResourceOperations operations, BoundResource resource, SurfaceCall call) : Batch
{
    private const int MaxIds = 1000;
    private readonly HashSet<string> ids = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Asks for a record.</summary>
    public Promise Add(string id)
    {
        if (!call.Loaded.ContainsKey((resource.TypeName, id)))
            ids.Add(id);
        return new Promise(this, id);
    }

    /// <inheritdoc/>
    protected override async Task LoadAsync(CancellationToken cancellationToken)
    {
        foreach (var some in ids.Chunk(MaxIds))
        {
            var filter = new Filter.In("id", [.. some.Select(id => JsonSerializer.SerializeToElement(id))]);
            var page = await operations.ListAsync(resource.For(call), new ResourceQuery { Filter = filter, Limit = MaxIds }, cancellationToken);
            foreach (var id in some)
                call.Loaded.TryAdd((resource.TypeName, id), null);
            foreach (var stored in page.Records)
                call.Keep(resource, stored);
        }
    }

    /// <inheritdoc/>
    protected override object? Find(object key) => call.Loaded.GetValueOrDefault((resource.TypeName, (string)key));
}

/// <summary>Records that refer to those of one level, loaded by one question.</summary>
internal sealed class ChildrenBatch(IResourceOperations operations, BoundResource resource, FieldDescriptor reference, SurfaceCall call, ChildrenQuery query) : Batch
{
    private const int PageLength = 1000;
    private const int MaxRecords = 10_000;
    private readonly HashSet<string> parents = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, List<Record>> children = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Asks for the children of a record.</summary>
    public Promise Add(string parent)
    {
        parents.Add(parent);
        return new Promise(this, parent);
    }

    /// <inheritdoc/>
    protected override async Task LoadAsync(CancellationToken cancellationToken)
    {
        var (cursor, count) = ((string?)null, 0);
        var filter = (Filter)new Filter.In(reference.Name, [.. parents.Select(id => JsonSerializer.SerializeToElement(id))]);
        if (query.Filter is { } asked)
            filter = new Filter.And([filter, asked]);
        do
        {
            var page = await operations.ListAsync(resource.For(call), new ResourceQuery { Filter = filter, Sort = query.Sort, Limit = PageLength, Cursor = cursor }, cancellationToken);
            foreach (var stored in page.Records)
                Add(call.Keep(resource, stored));
            cursor = page.NextCursor;
            count += page.Records.Length;
            if (cursor is not null && count >= MaxRecords)
                throw new NexusException(ErrorCodes.BadRequest, $"These records have more than {MaxRecords} {resource.Descriptor.Name}; ask for fewer records at once, or narrow the filter.");
        }
        while (cursor is not null);
    }

    /// <inheritdoc/>
    protected override object? Find(object key) => children.TryGetValue((string)key, out var found) ? found.Take(query.First).ToArray() : [];

    private void Add(Record record)
    {
        if (Record.Read(record, reference.Name) is not JsonElement { ValueKind: JsonValueKind.String } parent)
            return;
        var id = parent.GetString()!;
        if (!children.TryGetValue(id, out var same))
            children[id] = same = [];
        same.Add(record);
    }
}

/// <summary>Which children, in which order, how many of each parent.</summary>
internal sealed record ChildrenQuery(Filter? Filter, ImmutableArray<SortKey> Sort, int First);
