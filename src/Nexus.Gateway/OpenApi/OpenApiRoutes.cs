using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Nexus.Gateway.Platform;
using Nexus.Gateway.Rest;

namespace Nexus.Gateway.OpenApi;

/// <summary><c>/openapi.json</c>, built once for each snapshot when first asked for, and <c>/docs</c>, which draws it without any other host.</summary>
internal sealed class OpenApiRoutes(IPlugins plugins, IServiceProvider host) : IPlatformRoutes
{
    private const string Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    private static readonly FrozenDictionary<string, string> Types = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["docs.html"] = "text/html; charset=utf-8",
        ["docs.css"] = "text/css; charset=utf-8",
        ["docs.js"] = "text/javascript; charset=utf-8",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    // Each has a schema of its own, kept by those who made the form.
    private static readonly Answer File = Answer.Inline("""{"type":"object","additionalProperties":true}""");

    private volatile Built? built;

    /// <inheritdoc/>
    public IEnumerable<PlatformRoute> Routes =>
    [
        new("GET", "/openapi.json", "getOpenApi", "This document", PlatformRoute.Anyone, DocumentAsync) { Answer = File },
        new("GET", "/api/postman-collection.json", "getPostmanCollection", "Requests of what is served, for Postman and newman", PlatformRoute.Anyone, context => CollectionAsync(context, CollectionForms.Postman)) { Answer = File },
        new("GET", "/api/insomnia-collection.json", "getInsomniaCollection", "Requests of what is served, for Insomnia", PlatformRoute.Anyone, context => CollectionAsync(context, CollectionForms.Insomnia)) { Answer = File },
        new("GET", "/docs", "getDocs", "The page that shows it", PlatformRoute.Anyone, context => FileAsync(context, "docs.html")) { Hidden = true },
        new("GET", "/redoc", "getRedoc", "The same page", PlatformRoute.Anyone, context => FileAsync(context, "docs.html")) { Hidden = true },
        new("GET", "/docs/{file}", "getDocsFile", "A file of the page", PlatformRoute.Anyone, context => FileAsync(context, (string)context.Request.RouteValues["file"]!)) { Hidden = true },
    ];

    private Task DocumentAsync(HttpContext context)
    {
        var document = Current();
        context.Response.Headers.ETag = document.Tag;
        context.Response.Headers.CacheControl = "no-cache";
        if (EntityTags.IsNamed(context.Request.Headers.IfNoneMatch, document.Tag))
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }
        return JsonAnswer.SendBytesAsync(context, document.Json);
    }

    private Task CollectionAsync(HttpContext context, Func<IReadOnlyList<RequestFolder>, string, JsonObject> form)
    {
        var folders = RequestCollection.Of(JsonNode.Parse(Current().Json)!.AsObject());
        context.Response.Headers.CacheControl = "no-cache";
        return JsonAnswer.SendBytesAsync(context, JsonSerializer.SerializeToUtf8Bytes(form(folders, $"{context.Request.Scheme}://{context.Request.Host}{context.Request.PathBase}")));
    }

    private Built Current()
    {
        var snapshot = plugins.Current;
        if (built is { } known && known.Version == snapshot.Version)
            return known;
        var version = typeof(OpenApiRoutes).Assembly.GetName().Version!.ToString(3);
        var json = JsonSerializer.SerializeToUtf8Bytes(new OpenApiDocument(snapshot, host.GetRequiredService<PlatformEndpoints>().Routes, version).Build());
        return built = new Built(snapshot.Version, json, $"\"{Convert.ToHexStringLower(SHA256.HashData(json).AsSpan(0, 12))}\"");
    }

    private static async Task FileAsync(HttpContext context, string name)
    {
        if (!Types.TryGetValue(name, out var type))
            throw new NexusException(ErrorCodes.RouteNotFound, $"Nothing is served at {context.Request.Path}.");
        await using var file = typeof(OpenApiRoutes).Assembly.GetManifestResourceStream("docs/" + name)!;
        context.Response.ContentType = type;
        context.Response.ContentLength = file.Length;
        context.Response.Headers.ContentSecurityPolicy = Policy;
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers["Referrer-Policy"] = "no-referrer";
        if (!HttpMethods.IsHead(context.Request.Method))
            await file.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    /// <summary>The document of one snapshot.</summary>
    private sealed record Built(long Version, byte[] Json, string Tag);
}
