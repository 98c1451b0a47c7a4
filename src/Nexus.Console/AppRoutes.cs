using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Net.Http.Headers;

namespace Nexus.UserInterface;

/// <summary>The page and the files of the application. They say nothing about the node, so anybody may have them.</summary>
internal static class AppRoutes
{
    private const string ScriptPolicy = "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private const string Missing = """
        <!doctype html><html lang="en"><title>No console</title><h1>This build has no console</h1>
        <p>Node.js was not on the PATH when it was built. Install Node.js 20 or newer, build again (<code>./nexus run</code> does) and reload this page. The API is described at <a href="/docs">/docs</a>.</p></html>
        """;

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("~/", context => GoTo(context, "/console/")).WithSummary("The console").AllowAnonymous().ExcludeFromDescription();
        routes.MapGet("~/console/{**path}", SendAsync).WithSummary("The console").AllowAnonymous().ExcludeFromDescription();
    }

    private static Task GoTo(HttpContext context, string path)
    {
        context.Response.Redirect(path);
        return Task.CompletedTask;
    }

    private static async Task SendAsync(HttpContext context)
    {
        var files = context.RequestServices.GetRequiredService<AppFiles>();
        var path = context.Request.RouteValues["path"] as string ?? "";
        if (files.Find(path) is { } file)
        {
            await SendAsync(context, file);
            return;
        }

        // A page of the application has no dot in its last part; a file that is gone must not come as a page, or the browser would run it as a script.
        if (Path.HasExtension(path) && path.StartsWith("assets/", StringComparison.Ordinal))
            throw new NexusException(ErrorCodes.RouteNotFound, $"The console has no file {path}. It was replaced by a newer build; reload the page.");
        var page = files.Page(context.GetContentNonce());
        var bytes = Encoding.UTF8.GetBytes(page ?? Missing);
        context.Response.StatusCode = page is null ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
            await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }

    private static async Task SendAsync(HttpContext context, AppFile file)
    {
        var headers = context.Response.Headers;
        headers.ETag = file.Tag;
        headers.Vary = HeaderNames.AcceptEncoding;
        // What a service worker may fetch is said by the answer that brought it.
        if (file.Type.StartsWith("text/javascript", StringComparison.Ordinal))
            headers.ContentSecurityPolicy = ScriptPolicy;
        headers.CacheControl = file.IsForever ? "public, max-age=31536000, immutable" : "no-cache";
        if (context.Request.Headers.IfNoneMatch.Any(t => t == file.Tag))
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        var reads = context.Request.Headers.AcceptEncoding.Any(e => e is not null && e.Contains("br", StringComparison.OrdinalIgnoreCase));
        var bytes = reads ? file.Brotli : file.Plain;
        if (reads)
            headers.ContentEncoding = "br";
        context.Response.ContentType = file.Type;
        context.Response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
            await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }
}
