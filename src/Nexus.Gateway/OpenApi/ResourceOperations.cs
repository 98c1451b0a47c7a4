using System.Text.Json.Nodes;

namespace Nexus.Gateway.OpenApi;

/// <summary>The operations of one resource.</summary>
internal sealed class ResourceOperations(ActivePlugin plugin, ResourceDescriptor resource, JsonObject schemas, Action<string, string, string, string, JsonObject> add)
{
    private readonly string path = $"{plugin.Manifest.RoutePrefix}/{resource.Name}";
    private readonly string schema = OpenApiDocument.Pascal(plugin.Manifest.ShortName) + resource.Singular;

    /// <summary>Adds the schemas and all operations.</summary>
    public void AddAll()
    {
        schemas[schema] = SchemaNodes.Record(resource);
        schemas[schema + "Input"] = SchemaNodes.Input(resource, partial: false);
        schemas[schema + "Patch"] = SchemaNodes.Input(resource, partial: true);
        var many = resource.Name;
        var one = resource.Singular;
        var article = "AEIO".Contains(one[0], StringComparison.Ordinal) ? "an" : "a";
        string[] listParameters = ["Limit", "Cursor", "Page", "Sort", "Fields", "Count", "Filter", "IfNoneMatch"];
        Add("", "GET", "list", $"List {many}", Operation(resource.Search.IsEmpty ? listParameters : [.. listParameters, "Search"], "200", OpenApiParts.Answer($"A page of {many}.", Array(), "Link", "X-Total-Count", "ETag")));
        Add("", "POST", "create", $"Create {article} {one}", Operation(["IdempotencyKey"], "201", OpenApiParts.Answer("Created.", Record(), "Location", "ETag"), Input()));
        Add("/{id}", "GET", "get", $"Get {article} {one}", NotModified(Operation(["Fields", "IfNoneMatch"], "200", OpenApiParts.Answer($"The {one}.", Record(), "ETag"))));
        Add("/{id}", "PUT", "replace", $"Replace {article} {one}", Operation(["IfMatch"], "200", OpenApiParts.Answer("Replaced.", Record(), "ETag"), Input()));
        Add("/{id}", "PATCH", "update", $"Change some fields of {article} {one}", Operation(["IfMatch"], "200", OpenApiParts.Answer("Changed.", Record(), "ETag"), OpenApiParts.JsonBody(OpenApiParts.Reference("schemas", schema + "Patch"), "application/merge-patch+json")));
        Add("/{id}", "DELETE", "delete", $"Delete {article} {one}", Operation(["IfMatch"], "204", OpenApiParts.Answer("Deleted.")));
        Add("/batch", "POST", "createBatch", $"Create many {many}", Batch("201", OpenApiParts.JsonBody(Array("Input")), "Atomic", "IdempotencyKey"));
        Add("/batch", "PUT", "replaceBatch", $"Replace many {many}", Batch("200", OpenApiParts.JsonBody(Array("Input")), "Atomic"));
        var ids = new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["type"] = "string" } };
        Add("/batch", "DELETE", "deleteBatch", $"Delete many {many}", Batch("200", OpenApiParts.JsonBody(ids, required: false), "Atomic"));
        foreach (var action in resource.Actions)
        {
            var input = SchemaNodes.Group(action.Input);
            Add($"/{{id}}/actions/{action.Name}", "POST", OpenApiDocument.Pascal(action.Name), action.Description ?? $"{action.Name} {article} {one}", Operation(["IfMatch", "IdempotencyKey"], "200", OpenApiParts.Answer("Done.", Record(), "ETag"), OpenApiParts.JsonBody(input, required: action.Input.Any(f => f.Required))));
        }
    }

    private void Add(string suffix, string method, string verb, string summary, JsonObject operation)
    {
        operation["operationId"] = $"{schema}_{verb}";
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

    private JsonObject Record() => OpenApiParts.Reference("schemas", schema);

    private JsonObject Input() => OpenApiParts.JsonBody(OpenApiParts.Reference("schemas", schema + "Input"));

    private JsonObject Array(string suffix = "") => new() { ["type"] = "array", ["items"] = OpenApiParts.Reference("schemas", schema + suffix) };
}
