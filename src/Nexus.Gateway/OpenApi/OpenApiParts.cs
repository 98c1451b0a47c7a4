using System.Text.Json.Nodes;

namespace Nexus.Gateway.OpenApi;

/// <summary>Parts of the document that do not depend on the snapshot.</summary>
internal static class OpenApiParts
{
    public static JsonObject Problem() => Parse("""
        {"type":"object","description":"Problem details (RFC 9457).","required":["type","title","status","detail","code","traceId"],"properties":{
          "type":{"type":"string","format":"uri-reference"},"title":{"type":"string"},"status":{"type":"integer"},"detail":{"type":"string"},"instance":{"type":"string"},
          "code":{"type":"string","description":"Stable code; /api/v1/errors lists them all."},"requestId":{"type":"string"},"traceId":{"type":"string"},
          "plugin":{"type":"string","description":"Where it comes from; shown, with version and component, to callers with platform.plugins:read."},"version":{"type":"string"},"component":{"type":"string"},
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
         "FileName":{"name":"name","in":"query","description":"Name of the file, where Content-Disposition does not say it.","schema":{"type":"string","maxLength":255}},
         "PictureWidth":{"name":"width","in":"query","description":"Sends the picture as WebP, upright, without metadata and at most this wide in pixels, in place of the original.","schema":{"type":"integer","enum":[WIDTHS]}},
         "Range":{"name":"Range","in":"header","description":"The part that is wanted, such as bytes=0-999.","schema":{"type":"string"}},
         "Atomic":{"name":"atomic","in":"query","description":"All or nothing.","schema":{"type":"boolean"}}}
        """.Replace("WIDTHS", string.Join(',', PictureWidths.All), StringComparison.Ordinal));

    public static JsonObject SecuritySchemes() => Parse("""
        {"bearer":{"type":"http","scheme":"bearer","description":"An access token of a sign-in, or an API key."},
         "apiKey":{"type":"apiKey","in":"header","name":"X-API-Key","description":"An API key."},
         "cookie":{"type":"apiKey","in":"cookie","name":"nexus_session","description":"The cookie of a sign-in; what changes something also sends X-CSRF-Token."}}
        """);

    /// <summary>Any one of the schemes.</summary>
    public static JsonArray Security() => [new JsonObject { ["bearer"] = new JsonArray() }, new JsonObject { ["apiKey"] = new JsonArray() }, new JsonObject { ["cookie"] = new JsonArray() }];

    /// <summary>Says which permission an operation needs, or that it is open to anybody.</summary>
    public static void Secure(JsonObject operation, string? permission)
    {
        if (permission is null)
            operation["security"] = new JsonArray();
        else
            operation["x-permission"] = permission;
    }

    /// <summary>Says that an operation will go away, and when.</summary>
    public static void Deprecate(JsonObject operation, ApiVersionContribution version)
    {
        operation["deprecated"] = true;
        if (version.SunsetOn is { } gone)
            operation["x-sunset"] = gone.ToString("O", System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>An answer that goes on for ever.</summary>
    public static JsonObject Stream() => new() { ["description"] = "Events, until the caller leaves.", ["content"] = new JsonObject { ["text/event-stream"] = new JsonObject { ["schema"] = new JsonObject { ["type"] = "string" } } } };

    public static JsonObject Reference(string kind, string name) => new() { ["$ref"] = $"#/components/{kind}/{name}" };

    public static JsonObject ProblemReference() => Reference("responses", "Problem");

    public static JsonArray ParameterReferences(params string[] names) => new([.. names.Select(n => (JsonNode)Reference("parameters", n))]);

    public static JsonObject JsonBody(JsonNode schema, string type = "application/json", bool required = true, JsonNode? example = null)
    {
        var media = new JsonObject { ["schema"] = schema };
        if (example is not null)
            media["example"] = example;
        return new() { ["required"] = required, ["content"] = new JsonObject { [type] = media } };
    }

    public static JsonObject Answer(string description, JsonNode? schema = null, JsonNode? example = null, params string[] headers)
    {
        var answer = new JsonObject { ["description"] = description };
        if (headers.Length > 0)
            answer["headers"] = new JsonObject(headers.Select(h => KeyValuePair.Create(h, (JsonNode?)new JsonObject { ["schema"] = new JsonObject { ["type"] = "string" } })));
        if (schema is not null)
            answer["content"] = JsonBody(schema, example: example)["content"]!.DeepClone();
        return answer;
    }

    private static JsonObject Parse(string json) => JsonNode.Parse(json)!.AsObject();
}
