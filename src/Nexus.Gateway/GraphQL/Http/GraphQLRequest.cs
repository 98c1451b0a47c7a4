using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Nexus.Gateway.GraphQL.Http;

/// <summary>One request for an operation.</summary>
internal sealed record GraphQLRequest
{
    /// <summary>The document; null when it is named by an id or a hash.</summary>
    public string? Query { get; init; }

    /// <summary>Id of a trusted document, or null.</summary>
    public string? DocumentId { get; init; }

    /// <summary>Which operation of the document, or null for the only one.</summary>
    public string? OperationName { get; init; }

    /// <summary>Variables; undefined or null when there are none.</summary>
    public JsonElement Variables { get; init; }

    /// <summary>SHA-256 of the document by which it is kept for later requests (<c>extensions.persistedQuery</c>), or null.</summary>
    public string? Hash { get; init; }

    /// <summary>Reads a request from JSON.</summary>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c>: it does not have the form of one.</exception>
    public static GraphQLRequest Read(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw Invalid("The request is a JSON object with `query`, `variables`, `operationName` and `extensions`.");
        var extensions = Member(json, "extensions", JsonValueKind.Object);
        return Complete(new GraphQLRequest
        {
            Query = Member(json, "query", JsonValueKind.String)?.GetString(),
            DocumentId = Member(json, "documentId", JsonValueKind.String)?.GetString(),
            OperationName = Member(json, "operationName", JsonValueKind.String)?.GetString(),
            Variables = Member(json, "variables", JsonValueKind.Object) ?? default,
            Hash = HashOf(extensions),
        });
    }

    /// <summary>Reads a request from a query string.</summary>
    /// <exception cref="NexusException"><c>BAD_REQUEST</c>: it does not have the form of one.</exception>
    public static GraphQLRequest Read(IQueryCollection query) => Complete(new GraphQLRequest
    {
        Query = query["query"].FirstOrDefault(),
        DocumentId = query["documentId"].FirstOrDefault(),
        OperationName = query["operationName"].FirstOrDefault() is { Length: > 0 } name ? name : null,
        Variables = Json(query, "variables") ?? default,
        Hash = HashOf(Json(query, "extensions")),
    });

    private static GraphQLRequest Complete(GraphQLRequest request) =>
        request is { Query: null, DocumentId: null, Hash: null } ? throw Invalid("The request has no `query`.") : request;

    private static JsonElement? Json(IQueryCollection query, string name)
    {
        if (query[name].FirstOrDefault() is not { Length: > 0 } text)
            return null;
        try
        {
            var json = JsonElement.Parse(text, new JsonDocumentOptions { MaxDepth = 20 });
            return json.ValueKind is JsonValueKind.Object or JsonValueKind.Null ? json : throw Invalid($"`{name}` is a JSON object.");
        }
        catch (JsonException)
        {
            throw Invalid($"`{name}` is not well-formed JSON.");
        }
    }

    private static JsonElement? Member(JsonElement json, string name, JsonValueKind kind)
    {
        if (!json.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
            return null;
        return value.ValueKind == kind ? value : throw Invalid($"`{name}` is a JSON {kind.ToString().ToLowerInvariant()}.");
    }

    private static string? HashOf(JsonElement? extensions) =>
        extensions is { ValueKind: JsonValueKind.Object } given && given.TryGetProperty("persistedQuery", out var kept) && kept.ValueKind == JsonValueKind.Object
            && kept.TryGetProperty("sha256Hash", out var hash) && hash.ValueKind == JsonValueKind.String
            ? hash.GetString()
            : null;

    private static NexusException Invalid(string detail) => new(ErrorCodes.BadRequest, detail);
}
