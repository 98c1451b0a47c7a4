using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebSockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Nexus.Gateway.Pipeline;

/// <summary>WebSockets for the requests that ask for one. The framework's own stage puts a feature on every request, which each of them would pay for.</summary>
internal static class SocketStage
{
    /// <summary>Accepts WebSockets from here on.</summary>
    public static IApplicationBuilder UseWebSocketsWhereAsked(this IApplicationBuilder app)
    {
        var options = app.ApplicationServices.GetRequiredService<IOptions<WebSocketOptions>>();
        var loggers = app.ApplicationServices.GetRequiredService<ILoggerFactory>();
        return app.Use(next =>
        {
            var sockets = new WebSocketMiddleware(next, options, loggers);
            return context => IsAsked(context) ? sockets.Invoke(context) : next(context);
        });
    }

    /// <summary>Whether a request wants its connection for something else: <c>Upgrade</c> in HTTP/1.1, extended CONNECT (RFC 8441) in HTTP/2.</summary>
    public static bool IsAsked(HttpContext context) => context.Request.Headers.Upgrade.Count > 0 || HttpMethods.IsConnect(context.Request.Method);
}
