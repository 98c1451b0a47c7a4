using System.Text.Json.Nodes;

namespace Nexus.Gateway.OpenApi;

/// <summary>A collection of requests in the forms of Postman (v2.1) and Insomnia (v4).</summary>
internal static class CollectionForms
{
    // Refusals are answers too: what was set up otherwise on this host is told as a problem, never as a failure of the server.
    private static readonly string[] Check =
    [
        "pm.test('answers as documented', () => {",
        "  const problem = (pm.response.headers.get('Content-Type') || '').startsWith('application/problem+json');",
        "  pm.expect(pm.response.code, pm.response.text()).to.be.below(500);",
        "  pm.expect(pm.response.code < 400 || problem, pm.response.text()).to.be.true;",
        "});",
    ];

    /// <summary>For Postman and what runs its collections.</summary>
    public static JsonObject Postman(IReadOnlyList<RequestFolder> folders, string address) => new()
    {
        ["info"] = new JsonObject { ["name"] = "Nexus", ["description"] = "What this node serves: a record of each resource made, read, changed and removed, and everything that only reads.", ["schema"] = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json" },
        ["variable"] = new JsonArray(Variable("baseUrl", address), Variable("token", "")),
        ["auth"] = new JsonObject { ["type"] = "bearer", ["bearer"] = new JsonArray(new JsonObject { ["key"] = "token", ["value"] = "{{token}}", ["type"] = "string" }) },
        ["item"] = new JsonArray([.. folders.Select(folder => (JsonNode)new JsonObject { ["name"] = folder.Name, ["item"] = new JsonArray([.. folder.Requests.Select(request => (JsonNode)Postman(request))]) })]),
    };

    /// <summary>For Insomnia.</summary>
    public static JsonObject Insomnia(IReadOnlyList<RequestFolder> folders, string address)
    {
        var resources = new JsonArray(
            new JsonObject { ["_id"] = "wrk_nexus", ["_type"] = "workspace", ["parentId"] = null, ["name"] = "Nexus", ["scope"] = "collection" },
            new JsonObject { ["_id"] = "env_nexus", ["_type"] = "environment", ["parentId"] = "wrk_nexus", ["name"] = "Base", ["data"] = new JsonObject { ["baseUrl"] = address, ["token"] = "" } });
        var number = 0;
        foreach (var folder in folders)
        {
            var group = $"fld_{++number}";
            resources.Add(new JsonObject { ["_id"] = group, ["_type"] = "request_group", ["parentId"] = "wrk_nexus", ["name"] = folder.Name });
            var ids = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var request in folder.Requests)
            {
                var id = $"req_{++number}";
                if (request.Keeps is { } kept)
                    ids[kept] = id;
                resources.Add(Insomnia(request, id, group, ids));
            }
        }
        return new JsonObject { ["_type"] = "export", ["__export_format"] = 4, ["__export_source"] = "nexus", ["resources"] = resources };
    }

    private static JsonObject Postman(CollectedRequest request)
    {
        var sent = new JsonObject
        {
            ["method"] = request.Method,
            ["header"] = request.ContentType is { } type ? new JsonArray(new JsonObject { ["key"] = "Content-Type", ["value"] = type }) : new JsonArray(),
            ["url"] = new JsonObject { ["raw"] = "{{baseUrl}}" + request.Address, ["host"] = new JsonArray("{{baseUrl}}"), ["path"] = new JsonArray([.. request.Address.Trim('/').Split('/').Select(part => (JsonNode)part)]) },
        };
        if (request.Body is { } body)
            sent["body"] = new JsonObject { ["mode"] = "raw", ["raw"] = body };
        string[] script = request.Keeps is { } id ? [.. Check, "if (pm.response.code === 201) pm.collectionVariables.set('" + id + "', pm.response.json().id);"] : Check;
        return new JsonObject
        {
            ["name"] = request.Name,
            ["request"] = sent,
            ["event"] = new JsonArray(new JsonObject { ["listen"] = "test", ["script"] = new JsonObject { ["type"] = "text/javascript", ["exec"] = new JsonArray([.. script.Select(line => (JsonNode)line)]) } }),
        };
    }

    /// <summary>Insomnia takes a value out of an earlier answer where Postman keeps it in a variable.</summary>
    private static JsonObject Insomnia(CollectedRequest request, string id, string group, Dictionary<string, string> ids)
    {
        var address = request.Address;
        foreach (var (name, from) in ids)
            address = address.Replace("{{" + name + "}}", $$"""{% response 'body', '{{from}}', 'b64::JC5pZA==::46b', 'never', 60 %}""", StringComparison.Ordinal);
        var sent = new JsonObject
        {
            ["_id"] = id,
            ["_type"] = "request",
            ["parentId"] = group,
            ["name"] = request.Name,
            ["method"] = request.Method,
            ["url"] = "{{ _.baseUrl }}" + address,
            ["headers"] = request.ContentType is { } type ? new JsonArray(new JsonObject { ["name"] = "Content-Type", ["value"] = type }) : new JsonArray(),
            ["authentication"] = new JsonObject { ["type"] = "bearer", ["token"] = "{{ _.token }}" },
        };
        if (request.Body is { } body)
            sent["body"] = new JsonObject { ["mimeType"] = request.ContentType, ["text"] = body };
        return sent;
    }

    private static JsonObject Variable(string name, string value) => new() { ["key"] = name, ["value"] = value, ["type"] = "string" };
}
