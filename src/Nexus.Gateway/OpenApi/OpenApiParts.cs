using System.Text.Json.Nodes;

namespace Nexus.Gateway.OpenApi;

/// <summary>Parts of the document that do not depend on the snapshot.</summary>
internal static class OpenApiParts
{
    public static JsonObject Problem() => Parse("""
        {"type":"object","description":"Problem details (RFC 9457).","required":["type","title","status","detail","code","traceId"],"properties":{
          "type":{"type":"string","format":"uri-reference"},"title":{"type":"string"},"status":{"type":"integer"},"detail":{"type":"string"},"instance":{"type":"string"},
          "code":{"type":"string","description":"Stable code; /api/v1/errors lists them all."},"traceId":{"type":"string"},
          "errors":{"type":"array","items":{"type":"object","required":["pointer","code","detail"],"properties":{"pointer":{"type":"string","description":"JSON pointer to the value."},"code":{"type":"string"},"detail":{"type":"string"}}}}}}
        """);

    public static JsonObject BatchResult() => Parse("""
        {"type":"object","required":["succeeded","failed","results"],"properties":{"succeeded":{"type":"integer"},"failed":{"type":"integer"},
          "results":{"type":"array","items":{"type":"object","required":["status"],"properties":{"status":{"type":"integer"},"id":{"type":["string","null"]},"record":{"type":"object"},"error":{"type":"object"}}}}}}
        """);

    public static JsonObject Responses() => new() { ["Problem"] = new JsonObject { ["description"] = "Refused or failed.", ["content"] = new JsonObject { ["application/problem+json"] = new JsonObject { ["schema"] = Reference("schemas", "Problem") } } } };

    public static JsonObject Parameters() => Parse("""
        {"Limit":{"name":"limit","in":"query","description":"Greatest number of records; above 1000 means 1000.","schema":{"type":"integer","minimum":1,"default":50}},
         "Cursor":{"name":"cursor","in":"query","description":"Cursor of the next page, from the Link header; stable while records change.","schema":{"type":"string"}},
         "Page":{"name":"page","in":"query","description":"Page number, instead of a cursor.","schema":{"type":"integer","minimum":1}},
         "Sort":{"name":"sort","in":"query","description":"Field names, with - for descending: -price,name.","schema":{"type":"string"}},
         "Fields":{"name":"fields","in":"query","description":"Fields to return: id,name.","schema":{"type":"string"}},
         "Count":{"name":"count","in":"query","description":"Also count all matches (X-Total-Count).","schema":{"type":"boolean"}},
         "Search":{"name":"q","in":"query","description":"Full-text search.","schema":{"type":"string"}},
         "Filter":{"name":"filter","in":"query","style":"deepObject","explode":true,"description":"filter[field]=x, or filter[field][$op]=x with $eq $ne $gt $gte $lt $lte $in $prefix.","schema":{"type":"object","additionalProperties":true}},
         "IfMatch":{"name":"If-Match","in":"header","description":"ETag that the record must have.","schema":{"type":"string"}},
         "IfNoneMatch":{"name":"If-None-Match","in":"header","description":"ETag that the caller has; 304 when it is current.","schema":{"type":"string"}},
         "IdempotencyKey":{"name":"Idempotency-Key","in":"header","description":"Makes a repeated request be carried out once.","schema":{"type":"string","maxLength":200}},
         "Atomic":{"name":"atomic","in":"query","description":"All or nothing.","schema":{"type":"boolean"}}}
        """);

    public static JsonObject Reference(string kind, string name) => new() { ["$ref"] = $"#/components/{kind}/{name}" };

    public static JsonObject ProblemReference() => Reference("responses", "Problem");

    public static JsonArray ParameterReferences(params string[] names) => new([.. names.Select(n => (JsonNode)Reference("parameters", n))]);

    public static JsonObject JsonBody(JsonNode schema, string type = "application/json", bool required = true) =>
        new() { ["required"] = required, ["content"] = new JsonObject { [type] = new JsonObject { ["schema"] = schema } } };

    public static JsonObject Answer(string description, JsonNode? schema = null, params string[] headers)
    {
        var answer = new JsonObject { ["description"] = description };
        if (headers.Length > 0)
            answer["headers"] = new JsonObject(headers.Select(h => KeyValuePair.Create(h, (JsonNode?)new JsonObject { ["schema"] = new JsonObject { ["type"] = "string" } })));
        if (schema is not null)
            answer["content"] = new JsonObject { ["application/json"] = new JsonObject { ["schema"] = schema } };
        return answer;
    }

    private static JsonObject Parse(string json) => JsonNode.Parse(json)!.AsObject();
}
