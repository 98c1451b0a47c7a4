using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace Nexus.Gateway.Security.Transport;

/// <summary>Sends callers of plain HTTP to HTTPS, where that is served, and tells browsers to stay there.</summary>
internal sealed class HttpsStage
{
    private readonly RequestDelegate next;
    private readonly int? port;
    private readonly StringValues hsts;

    public HttpsStage(RequestDelegate next, IOptions<HttpsOptions> options)
    {
        this.next = next;
        var https = options.Value;
        port = https is { Port: { } own, Redirect: true } ? https.RedirectPort ?? own : null;
        hsts = https.HstsSeconds > 0 ? string.Create(CultureInfo.InvariantCulture, $"max-age={https.HstsSeconds}{(https.HstsSubdomains ? "; includeSubDomains" : "")}") : StringValues.Empty;
    }

    public Task InvokeAsync(HttpContext context)
    {
        if (context.Request.IsHttps)
        {
            if (hsts.Count > 0)
                context.Response.Headers.StrictTransportSecurity = hsts;
            return next(context);
        }
        // Probes of an orchestrator come to the plain port and do not follow.
        if (port is not { } target || context.Request.Path.StartsWithSegments("/health"))
            return next(context);
        var host = target == 443 ? new HostString(context.Request.Host.Host) : new HostString(context.Request.Host.Host, target);
        context.Response.StatusCode = StatusCodes.Status308PermanentRedirect;
        context.Response.Headers.Location = UriHelper.BuildAbsolute("https", host, context.Request.PathBase, context.Request.Path, context.Request.QueryString);
        return Task.CompletedTask;
    }
}
