using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Nexus.UserInterface.Contributions;

/// <summary>Files of the folders <c>ui</c> of active plugins. Their address holds a digest of their content: a browser keeps them for good, and never mixes two versions.</summary>
internal static class FileRoutes
{
    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet("~" + PluginFiles.Root + "/{plugin}/{digest}/{**file}", SendAsync).WithSummary("A file of a plugin's own part of the console").AllowAnonymous().ExcludeFromDescription();

    private static async Task SendAsync(HttpContext context)
    {
        var values = context.Request.RouteValues;
        var (id, digest, file) = ((string)values["plugin"]!, (string)values["digest"]!, values["file"] as string ?? "");
        var files = context.RequestServices.GetRequiredService<IPlugins>().Current.Find(id)?.Files;
        if (files is null || files.Digest != digest || !files.Files.TryGetValue(file, out var bytes))
            throw new NexusException(ErrorCodes.RouteNotFound, $"{id} has no file {file} of that version. It was replaced or removed; what the console shows of it is drawn anew by itself.");
        var headers = context.Response.Headers;
        var type = FileTypes.Of(file);
        if (type.StartsWith("text/html", StringComparison.Ordinal))
        {
            headers.ContentSecurityPolicy = FramePolicy(context.Request.Host);
            headers.XFrameOptions = "SAMEORIGIN";
        }

        // A frame without an origin is another site to the browser, and these files are for anybody.
        headers["Cross-Origin-Resource-Policy"] = "cross-origin";
        headers.AccessControlAllowOrigin = "*";
        headers.CacheControl = "public, max-age=31536000, immutable";
        context.Response.ContentType = type;
        context.Response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
            await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }

    /// <summary>A page in a frame has no origin: it is not the console's, whatever address it came from, so it names the node and reaches nothing.</summary>
    private static string FramePolicy(HostString host)
    {
        var node = $"http://{host} https://{host}";
        return $"default-src 'none'; script-src {node}; style-src {node}; img-src {node} data: blob:; font-src {node}; media-src {node} data: blob:; connect-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors {node}; sandbox allow-scripts";
    }
}
