using System.Text.Json.Nodes;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.OpenApi;

/// <summary>The operations of one resource.</summary>
internal sealed class ResourceOperations(ActivePlugin plugin, ResourceDescriptor resource, JsonObject schemas, Action<string, string, string, string, JsonObject> add)
{
    private readonly string path = $"{plugin.Manifest.RoutePrefix}/{resource.Name}";
    private readonly string schema = OpenApiDocument.Pascal(plugin.Manifest.ShortName) + resource.Singular;

    /// <summary>What the plugin says of the version that the resource belongs to, or null.</summary>
    public ApiVersionContribution? Version { get; init; }

    /// <summary>Adds the schemas and all operations.</summary>
    public void AddAll()
    {
        schemas[schema] = SchemaNodes.Record(resource);
        if (resource.View is null)
            AddInputs();
        var many = resource.Name;
        var one = resource.Singular;
        var article = "AEIO".Contains(one[0], StringComparison.Ordinal) ? "an" : "a";
        string[] listParameters = ["Limit", "Cursor", "Page", "Sort", "Fields", "Count", "Filter", "IfNoneMatch"];
        Add("", "GET", "list", $"List {many}", Operation(resource.Search.IsEmpty ? listParameters : [.. listParameters, "Search"], "200", OpenApiParts.Answer($"A page of {many}.", Array(), Listed(), "Link", "X-Total-Count", "ETag")));
        Add("/{id}", "GET", "get", $"Get {article} {one}", NotModified(Operation(["Fields", "IfNoneMatch"], "200", OpenApiParts.Answer($"The {one}.", Record(), Sample(), "ETag"))));
        if (resource.View is null)
            AddChanges(many, one, article);
    }

    private void AddInputs()
    {
        schemas[schema + "Input"] = SchemaNodes.Input(resource, partial: false);
        schemas[schema + "Patch"] = SchemaNodes.Input(resource, partial: true);
        schemas[schema + "BatchPatch"] = OneOfMany(SchemaNodes.Input(resource, partial: true));
    }

    private void AddChanges(string many, string one, string article)
    {
        Add("", "POST", "create", $"Create {article} {one}", Operation(["IdempotencyKey"], "201", OpenApiParts.Answer("Created.", Record(), Sample(), "Location", "ETag"), Input()));
        Add("/{id}", "PUT", "replace", $"Replace {article} {one}", Operation(["IfMatch"], "200", OpenApiParts.Answer("Replaced.", Record(), Sample(), "ETag"), Input()));
        Add("/{id}", "PATCH", "update", $"Change some fields of {article} {one}", Operation(["IfMatch"], "200", OpenApiParts.Answer("Changed.", Record(), Sample(), "ETag"), OpenApiParts.JsonBody(OpenApiParts.Reference("schemas", schema + "Patch"), "application/merge-patch+json", example: Examples.Patch(resource))));
        Add("/{id}", "DELETE", "delete", $"Delete {article} {one}", Operation(["IfMatch"], "204", OpenApiParts.Answer("Deleted.")));
        Add("/batch", "POST", "createBatch", $"Create many {many}", Batch("201", OpenApiParts.JsonBody(Array("Input"), example: new JsonArray(Examples.Input(resource))), "Atomic", "IdempotencyKey"));
        Add("/batch", "PUT", "replaceBatch", $"Replace many {many}", Batch("200", OpenApiParts.JsonBody(Array("Input"), example: new JsonArray(Examples.Input(resource))), "Atomic"));
        Add("/batch", "PATCH", "updateBatch", $"Change some fields of many {many}", Batch("200", OpenApiParts.JsonBody(Array("BatchPatch"), example: new JsonArray(ExampleOfMany())), "Atomic"));
        var ids = new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["type"] = "string" } };
        Add("/batch", "DELETE", "deleteBatch", $"Delete many {many}", Batch("200", OpenApiParts.JsonBody(ids.DeepClone().AsObject(), required: false), "Atomic"));
        if (resource.Attachments is { } rules)
            AddAttachments(rules, $"{article} {one}");
        foreach (var action in resource.Actions)
        {
            var input = SchemaNodes.Group(action.Input);
            Add($"/{{id}}/actions/{action.Name}", "POST", OpenApiDocument.Pascal(action.Name), action.Description ?? $"{action.Name} {article} {one}", Operation(["IfMatch", "IdempotencyKey"], "200", OpenApiParts.Answer("Done.", Record(), Sample(), "ETag"), OpenApiParts.JsonBody(input, required: action.Input.Any(f => f.Required), example: Examples.Of(action.Input))));
            var onMany = new JsonObject { ["type"] = "object", ["required"] = new JsonArray("ids"), ["properties"] = new JsonObject { ["ids"] = ids.DeepClone(), ["input"] = input.DeepClone() } };
            Add($"/batch/actions/{action.Name}", "POST", OpenApiDocument.Pascal(action.Name) + "Batch", $"{action.Name} many {many}", Batch("200", OpenApiParts.JsonBody(onMany, example: new JsonObject { ["ids"] = new JsonArray(Sample()["id"]?.DeepClone()), ["input"] = Examples.Of(action.Input) }), "Atomic", "IdempotencyKey"));
        }
    }

    private void AddAttachments(AttachmentRules rules, string one)
    {
        schemas["Attachment"] ??= JsonNode.Parse(AttachmentJson.Schema);
        JsonObject Many() => new() { ["type"] = "array", ["items"] = OpenApiParts.Reference("schemas", "Attachment") };
        Add("/{id}/attachments", "GET", "listAttachments", $"List what is attached to {one}", Operation([], "200", OpenApiParts.Answer("The attachments, oldest first.", Many())));
        var file = new JsonObject { ["type"] = "string", ["format"] = "binary" };
        var form = new JsonObject { ["type"] = "object", ["properties"] = new JsonObject { ["files"] = new JsonObject { ["type"] = "array", ["items"] = file.DeepClone() } } };
        var body = new JsonObject
        {
            ["required"] = true,
            ["description"] = $"The file itself, its name in Content-Disposition or ?name=, or several as a multipart form; at most {rules.MaxBytes} bytes each, {(rules.Types.IsDefaultOrEmpty ? "of any type" : string.Join(", ", rules.Types))}, {rules.MaxCount} a record.",
            ["content"] = new JsonObject { ["application/octet-stream"] = new JsonObject { ["schema"] = file }, ["multipart/form-data"] = new JsonObject { ["schema"] = form } },
        };
        var attach = Operation(["IdempotencyKey", "FileName"], "201", OpenApiParts.Answer("Attached.", Many(), null, "Location"), body);
        Add("/{id}/attachments", "POST", "attach", $"Attach files to {one}", attach);
        var content = OpenApiParts.Answer("Its content, or the part that Range asks for; with width, the picture as WebP.", null, null, "ETag", "Content-Disposition");
        content["content"] = new JsonObject { ["application/octet-stream"] = new JsonObject { ["schema"] = file.DeepClone() }, ["image/webp"] = new JsonObject { ["schema"] = file.DeepClone() } };
        var download = NotModified(Operation(["PictureWidth", "IfNoneMatch", "Range"], "200", content));
        download["responses"]!["206"] = content.DeepClone();
        Add("/{id}/attachments/{attachment}", "GET", "getAttachment", $"Download what is attached to {one}", download);
        Add("/{id}/attachments/{attachment}", "DELETE", "detach", $"Remove what is attached to {one}", Operation([], "204", OpenApiParts.Answer("Removed.")));
    }

    private void Add(string suffix, string method, string verb, string summary, JsonObject operation)
    {
        if (Version is { DeprecatedOn: not null } old)
            OpenApiParts.Deprecate(operation, old);
        operation["operationId"] = $"{schema}_{verb}";
        OpenApiParts.Secure(operation, resource.PermissionFor(PermissionOf(suffix, method)));
        operation["summary"] = summary;
        add(path + suffix, method, plugin.Manifest.Name, plugin.Manifest.Description, operation);
    }

    private static JsonObject Operation(string[] parameters, string status, JsonObject answer, JsonObject? body = null)
    {
        var operation = new JsonObject { ["parameters"] = OpenApiParts.ParameterReferences(parameters) };
        if (body is not null)
            operation["requestBody"] = body;
        operation["responses"] = new JsonObject { [status] = answer, ["default"] = OpenApiParts.ProblemReference() };
        return operation;
    }

    private static JsonObject Batch(string status, JsonObject body, params string[] parameters)
    {
        var operation = Operation(parameters, status, OpenApiParts.Answer("All were done.", OpenApiParts.Reference("schemas", "BatchResult")), body);
        operation["responses"]!["207"] = OpenApiParts.Answer("Some were refused; each result has its own status.", OpenApiParts.Reference("schemas", "BatchResult"));
        return operation;
    }

    private static JsonObject NotModified(JsonObject operation)
    {
        operation["responses"]!["304"] = OpenApiParts.Answer("Unchanged.");
        return operation;
    }

    private static string PermissionOf(string suffix, string method) =>
        suffix.IndexOf("/actions/", StringComparison.Ordinal) is >= 0 and var at ? suffix[(at + "/actions/".Length)..]
        : suffix.Contains("/attachments", StringComparison.Ordinal) ? method == "GET" ? "read" : "update"
        : method switch { "GET" => "read", "POST" => "create", "DELETE" => "delete", _ => "update" };

    /// <summary>A change among many: it names its record.</summary>
    private static JsonObject OneOfMany(JsonObject patch)
    {
        patch["properties"]!.AsObject().Insert(0, "id", new JsonObject { ["type"] = "string", ["format"] = "uuid" });
        patch["required"] = new JsonArray("id");
        return patch;
    }

    private JsonObject ExampleOfMany()
    {
        var patch = Examples.Patch(resource);
        patch.Insert(0, "id", Sample()["id"]?.DeepClone());
        return patch;
    }

    private JsonObject Sample() => Examples.Record(resource);

    private JsonArray Listed() => [Examples.Record(resource)];

    private JsonObject Record() => OpenApiParts.Reference("schemas", schema);

    private JsonObject Input() => OpenApiParts.JsonBody(OpenApiParts.Reference("schemas", schema + "Input"), example: Examples.Input(resource));

    private JsonObject Array(string suffix = "") => new() { ["type"] = "array", ["items"] = OpenApiParts.Reference("schemas", schema + suffix) };
}
