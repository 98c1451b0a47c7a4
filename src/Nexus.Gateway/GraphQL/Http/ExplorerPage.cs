using Microsoft.AspNetCore.Http;
using Nexus.Gateway.Platform;

namespace Nexus.Gateway.GraphQL.Http;

/// <summary>A page to try operations: this node's own files only, nothing inline, so that the strictest policy holds and it works without any other host.</summary>
internal static class ExplorerPage
{
    private const string Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// <summary>Its routes under the path of the operations.</summary>
    public static IEnumerable<PlatformRoute> Routes(string path) =>
    [
        new("GET", path + "/explorer", "getGraphQLExplorer", "A page to try GraphQL", PlatformRoute.Anyone, context => FileAsync(context, "explorer.html", "text/html; charset=utf-8")) { Hidden = true },
        new("GET", path + "/explorer.js", "getGraphQLExplorerScript", "Its script", PlatformRoute.Anyone, context => FileAsync(context, "explorer.js", "text/javascript; charset=utf-8")) { Hidden = true },
        new("GET", path + "/explorer.css", "getGraphQLExplorerStyle", "Its style", PlatformRoute.Anyone, context => FileAsync(context, "explorer.css", "text/css; charset=utf-8")) { Hidden = true },
    ];

    private static async Task FileAsync(HttpContext context, string name, string type)
    {
        await using var file = typeof(ExplorerPage).Assembly.GetManifestResourceStream("graphql/" + name)!;
        context.Response.ContentType = type;
        context.Response.ContentLength = file.Length;
        context.Response.Headers.ContentSecurityPolicy = Policy;
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers["Referrer-Policy"] = "no-referrer";
        if (!HttpMethods.IsHead(context.Request.Method))
            await file.CopyToAsync(context.Response.Body, context.RequestAborted);
    }
}
