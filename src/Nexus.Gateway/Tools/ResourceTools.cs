using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Nexus.Gateway.OpenApi;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.Tools;

/// <summary>The tools of one resource: list, get, create, update, delete and its actions.</summary>
internal sealed class ResourceTools(ActivePlugin plugin, ResourceDescriptor resource, IResourceOperations operations, IReadOnlyList<string> hiddenFields, int resultBytes)
{
    private const int MaxList = 100;
    private const int ListLength = 20;

    private readonly JsonProjection? always = JsonProjection.For(resource, hiddenFields);

    /// <summary>What reaches attachments; asked for by resources that have them.</summary>
    public required Func<IAttachmentOperations> Attachments { get; init; }

    /// <summary>All of them.</summary>
    public IEnumerable<Tool> Tools()
    {
        var many = resource.Description is { } text ? $"{resource.Name} ({text.TrimEnd('.')})" : resource.Name;
        yield return Of("list", $"List {resource.Name}", $"Finds {many}: filter, search, sort, page. Returns items and, when there are more, nextCursor.", ListInput(), "read", ListAsync) with { Lists = resource.Table };
        yield return Of("get", $"Get one of {resource.Name}", $"Reads one of {many} by its id.", Arguments(["id"], ("id", Id())), "read", GetAsync);
        if (resource.View is not null)
            yield break;
        yield return Of("create", $"Create {resource.Singular}", $"Creates one of {many}.", ToolSchemas.Closed(SchemaNodes.Input(resource, partial: false)), "create", CreateAsync) with { Writes = true };
        yield return Of("update", $"Update {resource.Singular}", $"Changes fields of one of {many}; what is not named stays.", Arguments(["id", "changes"], ("id", Id()), ("changes", ToolSchemas.Closed(SchemaNodes.Input(resource, partial: true))), ("revision", Revision())), "update", UpdateAsync) with { Writes = true, Destructive = true, Repeatable = true };
        yield return Of("delete", $"Delete {resource.Singular}", $"Deletes one of {many}.", Arguments(["id"], ("id", Id()), ("revision", Revision())), "delete", DeleteAsync) with { Writes = true, Destructive = true, Repeatable = true };
        if (resource.Attachments is not null)
            yield return Of("attachments", $"List attachments of {resource.Singular}", $"Lists the files that are attached to one of {many}, with the address of each.", Arguments(["id"], ("id", Id())), "read", ListAttachmentsAsync);
        foreach (var action in resource.Actions)
        {
            var input = action.Input.IsDefaultOrEmpty ? null : ToolSchemas.Closed(SchemaNodes.Group(action.Input));
            var schema = input is null ? Arguments(["id"], ("id", Id()), ("revision", Revision())) : Arguments(input["required"] is null ? ["id"] : ["id", "input"], ("id", Id()), ("input", input), ("revision", Revision()));
            yield return Of(action.Name, $"{action.Name} {resource.Singular}", $"{action.Description ?? $"The action {action.Name}"} Acts on one of {many}.", schema, action.Name, (call, token) => ActAsync(action, call, token)) with { Writes = true, Destructive = true };
        }
    }

    private Tool Of(string verb, string title, string description, JsonObject input, string permission, Func<ToolCall, CancellationToken, Task<JsonObject>> run) => new()
    {
        Name = ToolSchemas.NameOf($"{resource.Table}_{verb}"),
        Title = title,
        Description = description,
        Input = ToolSchemas.Of(input),
        Permission = resource.PermissionFor(permission),
        Keyed = true,
        Origin = FailureOrigin.Of(plugin, resource.Table),
        Run = run,
    };

    private JsonObject ListInput()
    {
        var input = Arguments(
            [],
            ("filter", new JsonObject { ["type"] = "object", ["description"] = "Conditions by field, all of which hold, such as {\"status\":\"Open\",\"total.amount\":{\"$gt\":\"10\"}}. Operators: $eq $ne $gt $gte $lt $lte $in $prefix $and $or $not." }),
            ("sort", new JsonObject { ["type"] = "string", ["description"] = "Fields by comma, - before one for descending, such as -createdAt,id." }),
            ("limit", new JsonObject { ["type"] = "integer", ["minimum"] = 1, ["maximum"] = MaxList, ["default"] = ListLength }),
            ("cursor", new JsonObject { ["type"] = "string", ["description"] = "nextCursor of an earlier page." }),
            ("count", new JsonObject { ["type"] = "boolean", ["description"] = "Also count all matches." }));
        if (!resource.Search.IsDefaultOrEmpty)
            input["properties"]!["q"] = new JsonObject { ["type"] = "string", ["description"] = $"Words to find in {string.Join(", ", resource.Search)}." };
        return input;
    }

    private JsonObject Id() => resource.View is null ? new() { ["type"] = "string", ["format"] = "uuid" } : new() { ["type"] = "string" };

    private static JsonObject Revision() => new() { ["type"] = "integer", ["minimum"] = 1, ["description"] = "Revision that the record must have; the call is refused when somebody changed it since." };

    private static JsonObject Arguments(string[] required, params (string Name, JsonObject Schema)[] properties)
    {
        var schema = new JsonObject { ["type"] = "object", ["properties"] = new JsonObject(properties.Select(p => KeyValuePair.Create(p.Name, (JsonNode?)p.Schema))), ["additionalProperties"] = false };
        if (required.Length > 0)
            schema["required"] = new JsonArray([.. required.Select(r => (JsonNode)r)]);
        return schema;
    }

    private ResourceCall CallOf(ToolCall call)
    {
        plugin.Quota?.Call();
        return new ResourceCall(plugin, resource, call.Context) { Idempotency = call.Idempotency };
    }

    private async Task<JsonObject> ListAsync(ToolCall call, CancellationToken cancellationToken)
    {
        call.Allow("filter", "sort", "limit", "cursor", "q", "count");
        if (call.Text("q") is not null && resource.Search.IsDefaultOrEmpty)
            throw new NexusException(ErrorCodes.FilterInvalid, $"{resource.Name} declare no search fields; use filter.");
        var page = await operations.ListAsync(
            CallOf(call),
            new ResourceQuery
            {
                Filter = call.Object("filter") is { } filter && filter.EnumerateObject().Any() ? FilterJson.Parse(filter) : null,
                Sort = [.. (call.Text("sort") ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(word => ListRequest.Key(resource, word))],
                Search = call.Text("q"),
                Limit = (int)(call.Number("limit", 1, MaxList) ?? ListLength),
                Cursor = call.Text("cursor"),
                Count = call.Arguments.TryGetProperty("count", out var count) && count.ValueKind == JsonValueKind.True,
            },
            cancellationToken);
        var items = new JsonArray();
        var bytes = 0;
        foreach (var record in page.Records)
        {
            var json = Shown(record);
            if ((bytes += json.Length) > resultBytes && items.Count > 0)
                break;
            items.Add(JsonNode.Parse(json.Span));
        }

        var result = new JsonObject { ["items"] = items };
        if (items.Count < page.Records.Length)
            result["cut"] = $"The result was cut after {items.Count} of {page.Records.Length} records, at {resultBytes} bytes; ask for fewer with limit.";
        else if (page.NextCursor is { } next)
            result["nextCursor"] = next;
        if (page.Total is { } total)
            result["total"] = total;
        return result;
    }

    private async Task<JsonObject> GetAsync(ToolCall call, CancellationToken cancellationToken)
    {
        call.Allow("id");
        var id = call.Text("id", required: true)!;
        return await operations.FindAsync(CallOf(call), id, cancellationToken) is { } found
            ? Node(found)
            : throw new NexusException(ErrorCodes.ResourceNotFound, $"{resource.Name} have no record {id} that you may see.");
    }

    private async Task<JsonObject> ListAttachmentsAsync(ToolCall call, CancellationToken cancellationToken)
    {
        call.Allow("id");
        var id = call.Text("id", required: true)!;
        var found = await Attachments().ListAsync(CallOf(call), [id], cancellationToken);
        return found.TryGetValue(id, out var files)
            ? new JsonObject { ["attachments"] = JsonSerializer.SerializeToNode(AttachmentJson.Of(files, AttachmentJson.AddressOf(plugin, resource, id))) }
            : throw new NexusException(ErrorCodes.ResourceNotFound, $"{resource.Name} have no record {id} that you may see.");
    }

    private Task<JsonObject> CreateAsync(ToolCall call, CancellationToken cancellationToken) =>
        ChangeAsync(call, new ResourceChange { Kind = ChangeKind.Create, Body = Bytes(call.Arguments), Id = call.Text("id") });

    private Task<JsonObject> UpdateAsync(ToolCall call, CancellationToken cancellationToken)
    {
        call.Allow("id", "changes", "revision");
        return ChangeAsync(call, Change(ChangeKind.Merge, call) with { Body = Bytes(call.Object("changes") ?? throw new NexusException(ErrorCodes.ValidationError, "The argument changes must be given.") { Errors = [new FieldError("/changes", "required", "must be given.")] }) });
    }

    private Task<JsonObject> DeleteAsync(ToolCall call, CancellationToken cancellationToken)
    {
        call.Allow("id", "revision");
        return ChangeAsync(call, Change(ChangeKind.Delete, call));
    }

    private Task<JsonObject> ActAsync(ActionDescriptor action, ToolCall call, CancellationToken cancellationToken)
    {
        call.Allow("id", "input", "revision");
        return ChangeAsync(call, Change(ChangeKind.Action, call) with { Action = action.Name, Body = call.Object("input") is { } input ? Bytes(input) : "{}"u8.ToArray() });
    }

    private static ResourceChange Change(ChangeKind kind, ToolCall call) =>
        new() { Kind = kind, Id = call.Text("id", required: true), ExpectedRevision = call.Number("revision", 1, long.MaxValue) };

    private async Task<JsonObject> ChangeAsync(ToolCall call, ResourceChange change)
    {
        // No cancellation: what was asked completely is done, whether or not the caller waits for the answer.
        var results = await operations.ChangeAsync(CallOf(call), [change], atomic: true, CancellationToken.None);
        var result = results[0];
        if (result.Error is { } error)
            throw error.Code == ErrorCodes.Conflict && change.ExpectedRevision is { } expected ? new NexusException(ErrorCodes.PreconditionFailed, $"{error.Message} revision demanded {expected}.") : error;
        return result.Record is { } record ? Node(record) : new JsonObject { ["id"] = result.Id ?? change.Id, ["deleted"] = true };
    }

    private ReadOnlyMemory<byte> Shown(StoredRecord record) => always?.Apply(record.Json) ?? record.Json;

    private JsonObject Node(StoredRecord record) => JsonNode.Parse(Shown(record).Span)!.AsObject();

    private static byte[] Bytes(JsonElement element) => JsonSerializer.SerializeToUtf8Bytes(element);
}
