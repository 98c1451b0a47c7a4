using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Nexus.Gateway.Platform;

namespace Nexus.Gateway.OpenApi;

/// <summary>Builds the OpenAPI 3.1 document of a snapshot: platform routes, resources from their descriptors, and the plugins' own routes from the operation each brought along.</summary>
internal sealed partial class OpenApiDocument(PlatformSnapshot snapshot, IReadOnlyList<PlatformRoute> platform, string version)
{
    private readonly JsonObject paths = [];
    private readonly JsonObject schemas = [];
    private readonly SortedDictionary<string, string> tags = new(StringComparer.Ordinal);
    private readonly HashSet<string> operationIds = new(StringComparer.Ordinal);

    /// <summary>The whole document.</summary>
    public JsonObject Build()
    {
        schemas["Problem"] = OpenApiParts.Problem();
        schemas["BatchResult"] = OpenApiParts.BatchResult();
        foreach (var route in platform.Where(r => !r.Hidden))
            AddPlatform(route);
        foreach (var plugin in snapshot.Plugins)
        {
            foreach (var endpoint in plugin.Endpoints)
                AddEndpoint(plugin, endpoint);
            foreach (var resource in plugin.Resources)
                new ResourceOperations(plugin, resource, schemas, Add) { Version = Rest.ApiVersions.Find(plugin, $"{plugin.Manifest.RoutePrefix}/{resource.Name}") }.AddAll();
        }
        var sorted = new JsonObject(paths.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone())));
        var used = sorted.ToJsonString();
        bool IsUsed(KeyValuePair<string, JsonNode?> part, string kind) => used.Contains($"\"#/components/{kind}/{part.Key}\"", StringComparison.Ordinal);
        if (!IsUsed(KeyValuePair.Create("BatchResult", (JsonNode?)null), "schemas"))
            schemas.Remove("BatchResult");
        return new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject { ["title"] = "Nexus", ["version"] = version, ["description"] = "Everything that this node serves now.", ["license"] = new JsonObject { ["name"] = "MIT", ["identifier"] = "MIT" } },
            ["servers"] = new JsonArray(new JsonObject { ["url"] = "/" }),
            ["security"] = OpenApiParts.Security(),
            ["tags"] = new JsonArray([.. tags.Select(t => (JsonNode)new JsonObject { ["name"] = t.Key, ["description"] = t.Value })]),
            ["paths"] = sorted,
            ["components"] = new JsonObject { ["schemas"] = schemas, ["responses"] = OpenApiParts.Responses(), ["parameters"] = new JsonObject(OpenApiParts.Parameters().Where(parameter => IsUsed(parameter, "parameters")).Select(parameter => KeyValuePair.Create(parameter.Key, parameter.Value?.DeepClone()))), ["securitySchemes"] = OpenApiParts.SecuritySchemes() },
        };
    }

    private void AddPlatform(PlatformRoute route)
    {
        var parameters = new JsonArray([.. route.Query.Select(q => (JsonNode)new JsonObject { ["name"] = q.Name, ["in"] = "query", ["description"] = q.Meaning, ["schema"] = new JsonObject { ["type"] = "string" } })]);
        var operation = new JsonObject
        {
            ["operationId"] = route.Name,
            ["summary"] = route.Summary,
            ["parameters"] = parameters,
            ["responses"] = Responses(route),
        };
        OpenApiParts.Secure(operation, route.Permission == PlatformRoute.Anyone ? null : route.Permission);
        if (route.Input is { } input)
        {
            var body = OpenApiParts.JsonBody(Named(JsonNode.Parse(input)!, ""));
            if (route.Upload is { } file)
                body["content"]!["multipart/form-data"] = new JsonObject { ["schema"] = new JsonObject { ["type"] = "object", ["required"] = new JsonArray(file), ["properties"] = new JsonObject { [file] = new JsonObject { ["type"] = "string", ["contentMediaType"] = "application/octet-stream" } } } };
            operation["requestBody"] = body;
        }
        var subject = route.Pattern.StartsWith("/api/v1/", StringComparison.Ordinal) ? route.Pattern.Split('/')[3] : "node";
        Add(route.Pattern, route.Method, "platform: " + subject, "Routes of the platform itself.", operation);
    }

    private JsonObject Responses(PlatformRoute route)
    {
        var answers = new AnswerSchemas(schemas);
        var responses = new JsonObject();
        foreach (var status in (route.Answer?.AlsoAt ?? []).Append(route.Success).Order())
        {
            var answer = route.Streams ? OpenApiParts.Stream() : new JsonObject { ["description"] = Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status) };
            if (route.Answer is { } content)
                answer["content"] = Named(content.Content(answers), "");
            responses[status.ToString(CultureInfo.InvariantCulture)] = answer;
        }
        responses["default"] = OpenApiParts.ProblemReference();
        return responses;
    }

    private void AddEndpoint(ActivePlugin plugin, EndpointDescriptor endpoint)
    {
        var pattern = endpoint.PathUnder(plugin.Manifest);
        foreach (var method in endpoint.Methods.IsEmpty ? ["GET"] : endpoint.Methods.Where(m => m is not ("HEAD" or "OPTIONS")))
        {
            var operation = endpoint.OpenApi.IsEmpty ? [] : Named(JsonNode.Parse(endpoint.OpenApi.Span)!.AsObject(), Pascal(plugin.Manifest.Name)).AsObject();
            operation["operationId"] = $"{Pascal(plugin.Manifest.Name)}_{operation["operationId"]?.GetValue<string>() ?? method.ToLowerInvariant() + Pascal(Prefix().Replace(endpoint.Pattern, ""))}";
            operation["summary"] ??= endpoint.DisplayName.Length > 0 ? endpoint.DisplayName : $"{method} {endpoint.Pattern}";
            operation.Remove("tags");
            var responses = operation["responses"] as JsonObject ?? [];
            operation["responses"] = responses;
            if (responses.Count == 0)
                responses["200"] = new JsonObject { ["description"] = "Done." };
            responses["default"] ??= OpenApiParts.ProblemReference();
            OpenApiParts.Secure(operation, endpoint.Permission);
            if (Rest.ApiVersions.Find(plugin, pattern) is { DeprecatedOn: not null } old)
                OpenApiParts.Deprecate(operation, old);
            Add(pattern, method, plugin.Manifest.Name, plugin.Manifest.Description, operation);
        }
    }

    /// <summary>The same with each object that has a type's name as <c>title</c> among the named schemas, so that what several routes speak of is one type to clients. A schema that holds itself refers to that place.</summary>
    private JsonNode Named(JsonNode node, string prefix)
    {
        if (node is JsonArray list)
            return new JsonArray([.. list.Select(one => one is null ? null : Named(one, prefix))]);
        if (node is not JsonObject schema)
            return node.DeepClone();
        var copy = new JsonObject(schema.Select(part => KeyValuePair.Create(part.Key, part.Value is null ? null : Named(part.Value, prefix))));
        if (copy["properties"] is not JsonObject || copy["title"] is not JsonValue title || !title.TryGetValue(out string? text) || !TypeName().IsMatch(text))
            return copy;

        copy.Remove("title");
        var canBeNull = copy["type"] is JsonArray;
        copy["type"] = "object";
        var name = prefix + text;
        for (var n = 2; schemas[name] is { } known && !JsonNode.DeepEquals(known, copy); n++)
            name = prefix + text + n.ToString(CultureInfo.InvariantCulture);
        schemas[name] = copy;
        var reference = OpenApiParts.Reference("schemas", name);
        return canBeNull ? new JsonObject { ["oneOf"] = new JsonArray(reference, new JsonObject { ["type"] = "null" }) } : reference;
    }

    private void Add(string pattern, string method, string tag, string tagDescription, JsonObject operation)
    {
        var path = Constraint().Replace(pattern, "{$1}");
        tags.TryAdd(tag, tagDescription);
        operation["tags"] = new JsonArray(tag);
        if (operation["responses"] is JsonObject responses && !responses.Any(r => r.Key.StartsWith('4')))
            responses["4XX"] = OpenApiParts.ProblemReference();
        operation["operationId"] = Unique(operation["operationId"]!.GetValue<string>());
        AddPathParameters(path, operation);
        if (paths[path] is not JsonObject methods)
            paths[path] = methods = [];
        methods[method.ToLowerInvariant()] ??= operation;
    }

    private static void AddPathParameters(string path, JsonObject operation)
    {
        var declared = operation["parameters"] as JsonArray ?? [];
        operation["parameters"] = declared;
        foreach (Match match in Constraint().Matches(path))
        {
            var name = match.Groups[1].Value;
            if (!declared.Any(p => p?["in"]?.GetValue<string>() == "path" && string.Equals(p["name"]?.GetValue<string>(), name, StringComparison.Ordinal)))
                declared.Add(new JsonObject { ["name"] = name, ["in"] = "path", ["required"] = true, ["schema"] = new JsonObject { ["type"] = "string" } });
        }
        if (declared.Count == 0)
            operation.Remove("parameters");
    }

    private string Unique(string id)
    {
        var unique = id;
        for (var n = 2; !operationIds.Add(unique); n++)
            unique = $"{id}_{n}";
        return unique;
    }

    /// <summary>The words of a dotted or slashed name as one PascalCase word.</summary>
    internal static string Pascal(string text) =>
        string.Concat(Words().Matches(text).Select(m => char.ToUpperInvariant(m.Value[0]) + m.Value[1..]));

    [GeneratedRegex(@"\{\*{0,2}(\w+)[^}]*\}")]
    private static partial Regex Constraint();

    [GeneratedRegex("[A-Za-z0-9]+")]
    private static partial Regex Words();

    [GeneratedRegex("^~?/api/v[0-9]+/")]
    private static partial Regex Prefix();

    [GeneratedRegex("^[A-Z][A-Za-z0-9]*$")]
    private static partial Regex TypeName();
}
