using System.Collections.Immutable;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Nexus.Kernel.Plugins.Endpoints;

/// <summary>Writes the OpenAPI 3.1 operation object of a route from its metadata, with the plugin's own JSON options, as text.</summary>
internal sealed class OperationWriter(IServiceProvider services, PluginManifest manifest)
{
    private readonly JsonSerializerOptions json = services.GetRequiredService<IOptions<JsonOptions>>().Value.SerializerOptions;
    private readonly IServiceProviderIsService known = services.GetRequiredService<IServiceProviderIsService>();

    public byte[] Write(RouteEndpoint endpoint)
    {
        var operation = new JsonObject();
        var metadata = endpoint.Metadata;
        if (metadata.GetMetadata<IEndpointNameMetadata>()?.EndpointName is { } name)
        {
            operation["operationId"] = name;
        }

        if (metadata.GetMetadata<IEndpointSummaryMetadata>()?.Summary is { } summary)
        {
            operation["summary"] = summary;
        }

        if (metadata.GetMetadata<IEndpointDescriptionMetadata>()?.Description is { } description)
        {
            operation["description"] = description;
        }

        var tags = metadata.GetMetadata<ITagsMetadata>()?.Tags ?? [manifest.Name];
        operation["tags"] = new JsonArray([.. tags.Select(t => (JsonNode)t)]);
        WriteInput(endpoint, operation);
        operation["responses"] = Responses(endpoint);
        return Encoding.UTF8.GetBytes(operation.ToJsonString());
    }

    private void WriteInput(RouteEndpoint endpoint, JsonObject operation)
    {
        var parameters = new JsonArray();
        var form = new JsonObject();
        foreach (var parameter in endpoint.Metadata.GetOrderedMetadata<IParameterBindingMetadata>())
        {
            var place = Place(endpoint, parameter);
            var (wireName, schema) = (WireName(parameter.ParameterInfo) ?? parameter.Name, Schema(parameter.ParameterInfo.ParameterType));
            switch (place)
            {
                case "path" or "query" or "header":
                    parameters.Add(new JsonObject
                    {
                        ["name"] = wireName,
                        ["in"] = place,
                        ["required"] = place == "path" || !parameter.IsOptional,
                        ["schema"] = Plain(schema),
                    });
                    break;
                case "form":
                    form[wireName] = schema;
                    break;
                case "body":
                    operation["requestBody"] = Body(endpoint.Metadata.GetMetadata<IAcceptsMetadata>(), required: !parameter.IsOptional, Sent(schema));
                    break;
            }
        }

        // A handler that reads the request itself has no bound parameters: the pattern and Accepts<T> say what it takes.
        foreach (var part in endpoint.RoutePattern.Parameters.Where(p => !parameters.Any(known => (string?)known!["in"] == "path" && string.Equals((string?)known["name"], p.Name, StringComparison.OrdinalIgnoreCase))))
        {
            parameters.Add(new JsonObject { ["name"] = part.Name, ["in"] = "path", ["required"] = true, ["schema"] = new JsonObject { ["type"] = "string" } });
        }

        foreach (var query in endpoint.Metadata.GetOrderedMetadata<QueryParameter>())
        {
            parameters.Add(new JsonObject { ["name"] = query.Name, ["in"] = "query", ["required"] = query.IsRequired, ["description"] = query.Description, ["schema"] = new JsonObject { ["type"] = "string" } });
        }

        if (!operation.ContainsKey("requestBody") && form.Count == 0 && endpoint.Metadata.GetMetadata<IAcceptsMetadata>() is { ContentTypes.Count: > 0 } accepts)
        {
            operation["requestBody"] = Body(accepts, required: !accepts.IsOptional, accepts.RequestType is { } type ? Sent(Schema(type)) : new JsonObject());
        }

        if (parameters.Count > 0)
        {
            operation["parameters"] = parameters;
        }

        if (form.Count > 0)
        {
            var schema = new JsonObject { ["type"] = "object", ["properties"] = form };
            operation["requestBody"] = new JsonObject { ["content"] = new JsonObject { ["multipart/form-data"] = new JsonObject { ["schema"] = schema } } };
        }
    }

    /// <summary>Where a parameter is bound from, by the rules of minimal APIs; null when it is not part of the request.</summary>
    private string? Place(RouteEndpoint endpoint, IParameterBindingMetadata parameter)
    {
        var info = parameter.ParameterInfo;
        var attributes = info.GetCustomAttributes(inherit: true);
        var type = info.ParameterType;
        if (attributes.OfType<IFromServiceMetadata>().Any() || attributes.OfType<FromKeyedServicesAttribute>().Any() || IsContext(type))
        {
            return null;
        }

        return attributes switch
        {
            _ when attributes.OfType<IFromRouteMetadata>().Any() => "path",
            _ when attributes.OfType<IFromQueryMetadata>().Any() => "query",
            _ when attributes.OfType<IFromHeaderMetadata>().Any() => "header",
            _ when attributes.OfType<IFromBodyMetadata>().Any() => "body",
            _ when attributes.OfType<IFromFormMetadata>().Any() || typeof(IFormFile).IsAssignableFrom(type) || type == typeof(IFormFileCollection) => "form",
            _ when parameter.HasBindAsync => null,
            _ when endpoint.RoutePattern.Parameters.Any(p => string.Equals(p.Name, parameter.Name, StringComparison.OrdinalIgnoreCase)) => "path",
            _ when parameter.HasTryParse || type == typeof(string) || IsParsedList(type) => "query",
            _ when known.IsService(type) => null,
            _ => "body",
        };
    }

    private static bool IsContext(Type type) =>
        type == typeof(HttpContext) || type == typeof(HttpRequest) || type == typeof(HttpResponse) || type == typeof(CancellationToken)
        || type == typeof(System.Security.Claims.ClaimsPrincipal) || type == typeof(Stream) || type == typeof(System.IO.Pipelines.PipeReader) || type == typeof(IFormCollection);

    private static bool IsParsedList(Type type) =>
        type.IsArray && type.GetElementType() is { } element && (element == typeof(string) || element.IsPrimitive || element.IsEnum || element == typeof(Guid));

    private static string? WireName(ParameterInfo parameter) => parameter.GetCustomAttributes(inherit: true).Select(a => a switch
    {
        IFromRouteMetadata route => route.Name,
        IFromQueryMetadata query => query.Name,
        IFromHeaderMetadata header => header.Name,
        IFromFormMetadata formField => formField.Name,
        _ => null,
    }).FirstOrDefault(n => n is not null);

    private static JsonObject Body(IAcceptsMetadata? accepts, bool required, JsonNode schema)
    {
        var content = new JsonObject();
        foreach (var type in accepts?.ContentTypes ?? ["application/json"])
        {
            content[type] = new JsonObject { ["schema"] = schema.DeepClone() };
        }

        return new JsonObject { ["required"] = required, ["content"] = content };
    }

    private JsonObject Responses(RouteEndpoint endpoint)
    {
        var responses = new JsonObject();
        foreach (var response in endpoint.Metadata.GetOrderedMetadata<IProducesResponseTypeMetadata>())
        {
            responses[response.StatusCode.ToString(System.Globalization.CultureInfo.InvariantCulture)] = Response(response.StatusCode, response.Type, response.ContentTypes);
        }

        foreach (var answer in endpoint.Metadata.GetOrderedMetadata<AnswerForm>())
        {
            responses[answer.Status.ToString(System.Globalization.CultureInfo.InvariantCulture)] = new JsonObject
            {
                ["description"] = Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(answer.Status),
                ["content"] = new JsonObject { [answer.ContentType] = new JsonObject { ["schema"] = JsonNode.Parse(answer.Schema) } },
            };
        }

        if (responses.Count == 0)
        {
            var type = Unwrap(endpoint.Metadata.GetMetadata<MethodInfo>()?.ReturnType);
            string[] contentTypes = type == typeof(string) ? ["text/plain"] : ["application/json"];
            responses["200"] = Response(200, type is null || typeof(IResult).IsAssignableFrom(type) ? null : type, contentTypes);
        }

        return responses;
    }

    private JsonObject Response(int status, Type? type, IEnumerable<string> contentTypes)
    {
        var response = new JsonObject { ["description"] = Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status) };
        if (type is not null && type != typeof(void))
        {
            // What is null is left out of an answer where the plugin's JSON is told so, and stands as null elsewhere: the schema allows both.
            var schema = Optional(Schema(type, Demand));
            var content = new JsonObject();
            foreach (var contentType in contentTypes.DefaultIfEmpty("application/json"))
            {
                content[contentType] = new JsonObject { ["schema"] = schema.DeepClone() };
            }

            response["content"] = content;
        }

        return response;
    }

    private static Type? Unwrap(Type? type) => type switch
    {
        null => null,
        _ when type == typeof(void) || type == typeof(Task) || type == typeof(ValueTask) => null,
        { IsGenericType: true } when type.GetGenericTypeDefinition() is var open && (open == typeof(Task<>) || open == typeof(ValueTask<>)) => type.GetGenericArguments()[0],
        _ => type,
    };

    /// <summary>Text bound by <c>TryParse</c> never is null and, for numbers, never a string: the request has text either way.</summary>
    private static JsonNode Plain(JsonNode schema)
    {
        if (schema is JsonObject { } o && o["type"] is JsonArray types)
        {
            var kinds = types.Select(t => t!.GetValue<string>()).Where(t => t != "null").ToArray();
            o["type"] = kinds.Length > 1 && kinds.Contains("string") ? kinds.First(k => k != "string") : kinds[0];
            if (o["type"]!.GetValue<string>() != "string")
            {
                o.Remove("pattern");
            }
        }

        return schema;
    }

    /// <summary>The serializer also reads numbers that stand in quotes; what is promised is a number.</summary>
    private static JsonNode Number(JsonNode schema)
    {
        if (schema is JsonObject node && node["type"] is JsonArray types && node["pattern"] is not null && types.Any(t => (string?)t is "integer" or "number"))
        {
            var kinds = types.Select(t => (string)t!).Where(t => t != "string").ToArray();
            node["type"] = kinds.Length == 1 ? kinds[0] : new JsonArray([.. kinds.Select(k => (JsonNode)k)]);
            node.Remove("pattern");
        }

        return schema;
    }

    /// <summary>An object of the plugin has its type's name, by which the document tells that two routes speak of the same.</summary>
    private static JsonNode Titled(Type type, JsonNode schema)
    {
        var shown = Nullable.GetUnderlyingType(type) ?? type;
        if (schema is JsonObject node && node["properties"] is JsonObject && !shown.IsGenericType && !shown.IsArray && shown.Namespace?.StartsWith("System", StringComparison.Ordinal) != true)
        {
            node["title"] ??= shown.Name;
        }

        return schema;
    }

    /// <summary>The exporter refers to a type that it met before by its place below the schema's own root, which is not the document's root: the copy stands in its place, and anything where a type holds itself.</summary>
    private static JsonNode Inlined(JsonNode node, JsonObject root, ImmutableStack<string> within)
    {
        if (node is JsonArray list) return new JsonArray([.. list.Select(n => n is null ? null : Inlined(n, root, within))]);
        if (node is not JsonObject schema) return node.DeepClone();
        if (schema["$ref"] is JsonValue reference && (string?)reference is { } path && path.StartsWith('#'))
        {
            return within.Contains(path) || Target(root, path) is not { } target ? new JsonObject() : Inlined(target, root, within.Push(path));
        }

        var copy = new JsonObject();
        foreach (var (name, value) in schema)
        {
            copy[name] = value is null ? null : Inlined(value, root, within);
        }

        return copy;
    }

    private static JsonNode? Target(JsonNode root, string path)
    {
        var node = root;
        foreach (var part in path.TrimStart('#').Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            var name = part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            node = node is JsonArray list && int.TryParse(name, System.Globalization.CultureInfo.InvariantCulture, out var index) && index < list.Count ? list[index]! : node is JsonObject o && o[name] is { } next ? next : null!;
            if (node is null) return null;
        }

        return node;
    }

    /// <summary>A parameter of a record's constructor that may be null may also be left out of a request, unless the plugin's options insist.</summary>
    private JsonNode Sent(JsonNode schema) => json.RespectRequiredConstructorParameters ? schema : Optional(schema);

    private static JsonNode Optional(JsonNode schema)
    {
        if (schema is not JsonObject { } node) return schema;
        if (node["required"] is JsonArray required && node["properties"] is JsonObject properties)
        {
            foreach (var name in required.Select(r => (string)r!).Where(r => properties[r] is not JsonObject one || (one["type"] is JsonArray types && types.Any(t => (string?)t == "null"))).ToArray())
            {
                required.Remove(required.First(r => (string?)r == name));
            }

            if (required.Count == 0) node.Remove("required");
        }

        foreach (var (_, inner) in node.ToArray())
        {
            if (inner is JsonObject) Optional(inner);
        }

        return schema;
    }

    /// <summary>What is never null always stands in an answer, also where a request may leave it out.</summary>
    private static void Demand(JsonObject node, JsonTypeInfo type)
    {
        if (type.Options.DefaultIgnoreCondition == JsonIgnoreCondition.WhenWritingDefault || node["properties"] is not JsonObject properties) return;
        var always = type.Properties.Where(p => properties[p.Name] is not null && p.Get is not null && !p.IsExtensionData && p.ShouldSerialize is null
            && (p.PropertyType.IsValueType ? Nullable.GetUnderlyingType(p.PropertyType) is null : !p.IsGetNullable)).Select(p => (JsonNode)p.Name).ToArray();
        if (always.Length > 0) node["required"] = new JsonArray(always);
    }

    private JsonNode Schema(Type type, Action<JsonObject, JsonTypeInfo>? complete = null)
    {
        try
        {
            var schema = json.GetJsonSchemaAsNode(type, new JsonSchemaExporterOptions
            {
                TreatNullObliviousAsNonNullable = true,
                TransformSchemaNode = (context, node) =>
                {
                    if (node is JsonObject shown) complete?.Invoke(shown, context.TypeInfo);
                    return Titled(context.TypeInfo.Type, Number(node));
                },
            });
            return schema is JsonObject root ? Inlined(root, root, []) : new JsonObject();
        }
        catch (Exception e) when (e is NotSupportedException or InvalidOperationException or ArgumentException)
        {
            // A type that JSON cannot describe is served by its own code; an empty schema allows anything.
            return new JsonObject();
        }
    }
}
